"""Subjects per group needed to detect a difference in annual change, by when they are scanned.

A subject's slope varies by true change between subjects and by the error of its scans: its variance
is between² + error² / Σ(t − mean t)² over the years t of the sessions (Diggle, Heagerty, Liang &
Zeger, Analysis of Longitudinal Data, 2002; Ard & Edland, J Alzheimers Dis 2011;26(s3):369–377). The
slopes are then compared as in `Cohort.group.power`. Every subject is taken to come to every
session.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
import pandas as pd

from ..structures import PERCENT, TOTAL, change_column
from .contrast import Contrast
from .linear_models import ContrastFit
from .longitudinal import Longitudinal
from .power import TwoGroupDesign, design_of
from .reliability import Reliability

SESSIONS = {
    "2 sessions in 1 year": (0.0, 1.0),
    "3 sessions in 1 year": (0.0, 0.5, 1.0),
    "2 sessions in 2 years": (0.0, 2.0),
    "3 sessions in 2 years": (0.0, 1.0, 2.0),
    "5 sessions in 2 years": (0.0, 0.5, 1.0, 1.5, 2.0),
}
# Of the patients' mean change, as in trials, if that mean exceeds this many standard errors.
SLOWED_SHARES, FEWEST_ERRORS = (0.25, 0.5), 2.0
FIXED_PERCENT = (0.5, 1.0)
# With fewer, the scatter of sessions about a subject's line says little about the error.
FEWEST_ERROR_DF = 10


class ErrorSource(Enum):
    """Where the error of a single volume is known from."""

    REPEAT_SCANS = "repeat scans"
    THESE_SESSIONS = "these sessions"
    VALIDATION = "validation"


@dataclass(frozen=True)
class ChangeSpread:
    """What makes subjects' slopes differ.

    Attributes
    ----------
    between_a, between_b : float
        Standard deviations of true change between the subjects of each group, percent a year.
    error : float
        Standard deviation of a single volume, percent.
    source : ErrorSource
    error_df : int
        Degrees of freedom of the error from these sessions, or pairs of repeat scans; 0 for the
        validation's.
    variance_inflation : float
        By covariates in which the groups differ.
    other_columns : int
        Columns of the model besides the constant and the group.
    """

    between_a: float
    between_b: float
    error: float
    source: ErrorSource = ErrorSource.VALIDATION
    error_df: int = 0
    variance_inflation: float = 1.0
    other_columns: int = 0

    def design(self, years: tuple[float, ...]) -> TwoGroupDesign:
        """A study whose subjects are all scanned at these years."""
        imprecision = self.error**2 / float(np.sum((np.array(years) - np.mean(years)) ** 2))
        sd_a, sd_b = (math.sqrt(sd**2 + imprecision) for sd in (self.between_a, self.between_b))
        return TwoGroupDesign(sd_a, sd_b, self.variance_inflation, self.other_columns)


@dataclass(frozen=True)
class ChangePowerRow:
    """Sample sizes for one difference.

    Attributes
    ----------
    source : str
        Whose difference it is.
    difference : float
        Percent a year.
    n_per_group : dict
        Sessions, as in ``SESSIONS``, to subjects a group for 80 %; NaN for no difference.
    """

    source: str
    difference: float
    n_per_group: dict[str, float]


def change_spread(
    longitudinal: Longitudinal,
    fit: ContrastFit,
    contrast: Contrast,
    reliability: Reliability | None,
    validation_cv_percent: float,
) -> ChangeSpread:
    """Decompose the spread of the measured slopes.

    Parameters
    ----------
    longitudinal : Longitudinal
    fit : ContrastFit
        Of the total volume's annualized change in percent.
    contrast : Contrast
    reliability : Reliability or None
        Of repeat scans. Without, the error comes from the scatter of three sessions or more about
        each subject's line, and without those from the validation.
    validation_cv_percent : float
    """
    known = longitudinal.dated[["participant_id", "years", TOTAL.column]].dropna()
    subjects = _subjects(known)
    df = int(subjects["df"].sum())
    if reliability is not None:
        error, source, df = reliability.cv_percent, ErrorSource.REPEAT_SCANS, reliability.pairs
    elif df >= FEWEST_ERROR_DF:
        error = math.sqrt(float(subjects["squares"].sum()) / df)
        source = ErrorSource.THESE_SESSIONS
    else:
        error, source, df = validation_cv_percent, ErrorSource.VALIDATION, 0
    changes = longitudinal.changes
    changes = contrast.members(changes[changes[change_column(TOTAL, PERCENT)].notna()])
    imprecision = error**2 / changes["participant_id"].map(subjects["time_squares"])
    is_a = contrast.is_a(changes)
    measured = design_of(fit)
    between = [
        math.sqrt(max(sd**2 - float(imprecision[chosen].mean()), 0.0))
        for sd, chosen in ((measured.sd_a, is_a), (measured.sd_b, ~is_a))
    ]
    return ChangeSpread(
        *between, error, source, df, measured.variance_inflation, measured.other_columns
    )


def change_power_table(
    spread: ChangeSpread, fit: ContrastFit, change_a: pd.Series, level_a: str
) -> list[ChangePowerRow]:
    """Sample sizes for the observed difference, its limits, slowed changes, and round figures.

    Parameters
    ----------
    spread : ChangeSpread
    fit : ContrastFit
    change_a : Series
        Annualized changes of group a in percent.
    level_a : str
        Its name.
    """
    differences = [
        ("Observed here", fit.estimate),
        ("Lower 95 % limit of the observed", fit.ci_low),
        ("Upper 95 % limit of the observed", fit.ci_high),
    ]
    known = change_a.dropna()
    mean, error = float(known.mean()), float(known.std()) / math.sqrt(max(len(known), 1))
    if abs(mean) > FEWEST_ERRORS * error > 0:
        differences += [
            (f"{100 * share:.0f} % less change than in {level_a}", -share * mean)
            for share in SLOWED_SHARES
        ]
    differences += [("Chosen", percent) for percent in FIXED_PERCENT]
    designs = {name: spread.design(years) for name, years in SESSIONS.items()}
    return [
        ChangePowerRow(
            source, value, {name: design.n_per_group(value) for name, design in designs.items()}
        )
        for source, value in differences
    ]


def _subjects(known: pd.DataFrame) -> pd.DataFrame:
    """Of each subject the squares of time, those about its line in percent, and their freedom."""
    groups = known.groupby("participant_id")
    rows = {}
    for subject, own in groups:
        years = own["years"].to_numpy(float)
        volumes = own[TOTAL.column].to_numpy(float)
        percent = 100 * volumes / volumes[np.argmin(years)]
        from_mean = years - years.mean()
        time_squares = float(from_mean @ from_mean)
        df = len(np.unique(years)) - 2
        if df < 1:
            rows[subject] = (time_squares, 0.0, 0)
            continue
        rest = percent - percent.mean() - from_mean * (from_mean @ percent) / time_squares
        rows[subject] = (time_squares, float(rest @ rest), len(years) - 2)
    return pd.DataFrame.from_dict(rows, "index", columns=["time_squares", "squares", "df"])
