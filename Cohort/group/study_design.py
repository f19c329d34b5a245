"""What is compared: participants, contrast and covariates, as the options name them."""

from __future__ import annotations

from dataclasses import replace

from .contrast import Contrast, resolve_contrast
from .covariates import CATEGORY, Covariate, check_covariates
from .errors import ContrastError, ParticipantsFileError
from .findings import Finding
from .options import GroupOptions
from .participants_table import Participants, read_participants


def read_design(
    options: GroupOptions,
) -> tuple[Participants | None, Contrast | None, tuple[Covariate, ...], list[Finding]]:
    """Read participants, contrast and covariates as the options name them.

    Parameters
    ----------
    options : GroupOptions

    Returns
    -------
    Participants or None
        None without a table of participants.
    Contrast or None
    tuple of Covariate
        Those of the model; a site comes last.
    list of Finding
        What was decided about covariates whose kind is not plain.

    Raises
    ------
    ParticipantsFileError, ContrastError, CovariateError
        Options that contradict each other or the table.
    """
    if options.participants is None:
        if options.contrast or options.covariates:
            raise ParticipantsFileError(
                "A contrast and covariates need a table of participants: give --participants FILE."
            )
        return None, None, (), []
    participants = read_participants(options.participants, options.categorical)
    if not options.contrast:
        if options.covariates:
            raise ContrastError(
                "Covariates were given without a contrast, so that there is no model for them. Add "
                "--contrast COLUMN:A-B, or leave --covariates out."
            )
        return participants, None, (), []
    contrast = resolve_contrast(options.contrast, participants)
    findings: list[Finding] = []
    covariates = check_covariates(
        options.covariates, participants, contrast, options.numeric, options.splines, findings
    )
    if options.site:
        named = replace(participants, categorical=participants.categorical | {options.site})
        check_covariates((options.site,), named, contrast)
        others = tuple(c for c in covariates if c.column != options.site)
        covariates = (*others, Covariate(options.site, CATEGORY))
    return participants, contrast, covariates, findings
