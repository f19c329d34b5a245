"""Whether the result depends on one site: the difference with each site left out in turn."""

from __future__ import annotations

from dataclasses import dataclass

from ..structures import Structure
from .contrast import Contrast
from .covariates import Covariate, complete_rows
from .linear_models import ContrastFit, fit_contrast
from .model_data import model_data


@dataclass(frozen=True)
class WithoutSite:
    """The difference without one site; ``fit`` is None if too little is left."""

    site: str
    scans: int
    fit: ContrastFit | None


def leave_one_site_out(
    frame,
    contrast: Contrast,
    covariates: tuple[Covariate, ...],
    structure: Structure,
    method: str,
    site: str,
) -> tuple[WithoutSite, ...]:
    """Fit the model again without each site.

    Parameters
    ----------
    frame : DataFrame
        The scans of the models.
    contrast : Contrast
    covariates : tuple of Covariate
        The site is one of them; it leaves the model where a single site is left.
    structure : Structure
    method : str
        How head size is taken out.
    site : str
        Column.
    """
    found = []
    for name in sorted(frame[site].unique()):
        kept, _ = complete_rows(frame[frame[site] != name], covariates)
        held = [c for c in covariates if kept[c.column].nunique() > 1]
        data = model_data(kept, contrast, tuple(held), structure, method)
        fit = fit_contrast(data.outcome, data.is_a, data.nuisance)
        found.append(WithoutSite(str(name), int((frame[site] == name).sum()), fit))
    return tuple(found)
