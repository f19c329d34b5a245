"""Scans to check before believing a group result.

A scan is listed if it has a quality flag or if one of its measures lies far from what is usual for
the person's covariates and, for volumes, head size. Far is a robust z beyond 3.5 (Iglewicz &
Hoaglin 1993): the residual's distance from the median in units of the median absolute deviation,
scaled to agree with the standard deviation for normal data.

The model does not know the group, and all scans share one deviation. Were each group judged by
itself, leaving out what is listed would make differences out of nothing: of 40 and 30 scans with
skewed errors, 11 of 100 cohorts without a difference had p < 0.05. The price is that a true and
large difference may list members of the smaller group: `find_one_sided_outliers` says where that
may be.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.stats import fisher_exact, median_abs_deviation
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from ..number_format import format_signed
from ..structures import ASYMMETRY_INDEX, INTRACRANIAL, LEFT, RIGHT, TOTAL, VOLUME
from ..tables import split_codes
from .contrast import Contrast
from .covariates import Covariate, design_columns
from .findings import WARNING, Finding, Topic

FAR_Z = 3.5
# With fewer scans per column of the model, residuals are taken from the median alone.
SCANS_A_COLUMN = 5
UNEQUAL_P = 0.05
JUDGED = (TOTAL, LEFT, RIGHT, ASYMMETRY_INDEX, INTRACRANIAL)
FRACTION = "fraction_of_icv"
FRACTION_TITLE = "total / ICV"
REASON_SEPARATOR = "; "


class Cause(Enum):
    """Why a scan may be listed for review."""

    FLAG = "flag"
    OUTLIER = "outlier"
    NO_VOLUME = "no_volume"
    MARKED = "marked"


@dataclass(frozen=True)
class Reason:
    """One reason to look at a scan.

    Attributes
    ----------
    cause : Cause
    flag : str
        Code of a quality flag.
    measure : str
        Title of the measure that is an outlier.
    z : float
        Its robust z.
    """

    cause: Cause
    flag: str = ""
    measure: str = ""
    z: float = float("nan")

    @property
    def title(self) -> str:
        """The reason without the scan's own number, so that scans can share it."""
        if self.cause is Cause.FLAG:
            return self.flag
        if self.cause is Cause.OUTLIER:
            return f"outlier: {self.measure}"
        if self.cause is Cause.MARKED:
            return "marked for a check in review"
        return "no hypothalamic volume"

    @property
    def words(self) -> str:
        return (
            f"{self.title} (z {format_signed(self.z, 1)})"
            if self.cause is Cause.OUTLIER
            else self.title
        )


def reasons_in_words(reasons: Iterable[Reason]) -> str:
    """All reasons of a scan in one line; empty if it is not listed."""
    return REASON_SEPARATOR.join(reason.words for reason in reasons)


def is_listed(scans: pd.DataFrame) -> pd.Series:
    """Which scans have a reason for review."""
    return scans["listed"].map(bool).astype(bool)


def robust_z(values: pd.Series, design: pd.DataFrame | None = None) -> pd.Series:
    """Robust z of each value; NaN where it is missing or there is no spread.

    Parameters
    ----------
    values : Series of float
    design : DataFrame, optional
        What the values are expected to follow; a missing number counts as the mean. The fit is
        Huber's, which outliers pull little (statsmodels RLM).
    """
    known = values.dropna().astype(float)
    if design is not None and len(known) >= SCANS_A_COLUMN * (1 + design.shape[1]):
        known = _residuals(known, design.loc[known.index])
    spread = median_abs_deviation(known, scale="normal") if len(known) else 0.0
    # Residuals of a model that fits exactly are rounding errors.
    if not spread > 1e-12 * values.abs().max():
        return pd.Series(np.nan, values.index)
    return ((known - known.median()) / spread).reindex(values.index)


def review(
    scans: pd.DataFrame,
    covariates: tuple[Covariate, ...] = (),
    ignored_flags: tuple[str, ...] = (),
) -> pd.DataFrame:
    """Add the columns by which scans are listed for review.

    Parameters
    ----------
    scans : DataFrame
        One row per scan.
    covariates : tuple of Covariate
        Those of the group model; the group is not among them.
    ignored_flags : tuple of str
        Codes of flags that do not list a scan, for example ``anisotropic`` where all scans are.

    Returns
    -------
    DataFrame
        The scans with ``robust_z`` (the largest by size, with its sign), ``robust_z_of`` (of which
        measure), ``robust_z_total`` and ``listed`` (a tuple of `Reason`, empty if there is none).
    """
    design = design_columns(scans, covariates)
    with_icv = design
    if INTRACRANIAL.column in scans and scans[INTRACRANIAL.column].notna().any():
        icv = scans[INTRACRANIAL.column].astype(float)
        with_icv = design.assign(icv=(icv - icv.mean()) / (icv.std() or 1.0))
    z = pd.DataFrame(
        {
            s.title: robust_z(scans[s.column], with_icv if s.kind == VOLUME else design)
            for s in JUDGED
            if s.column in scans
        }
    )
    if {TOTAL.column, INTRACRANIAL.column} <= set(scans):
        z[FRACTION_TITLE] = robust_z(scans[TOTAL.column] / scans[INTRACRANIAL.column], design)
    farthest, where = [], []
    for row in z.to_numpy():
        known = np.isfinite(row)
        index = int(np.argmax(np.where(known, np.abs(row), -1)))
        farthest.append(row[index] if known.any() else np.nan)
        where.append(z.columns[index] if known.any() else "")
    scans = scans.assign(
        robust_z=farthest,
        robust_z_of=where,
        robust_z_total=z.get(TOTAL.title, pd.Series(np.nan, scans.index)),
    )
    reasons = [_reasons(row, z.loc[index], ignored_flags) for index, row in scans.iterrows()]
    return scans.assign(listed=pd.Series(reasons, scans.index, dtype=object))


def find_one_sided_outliers(scans: pd.DataFrame, contrast: Contrast) -> list[Finding]:
    """A warning where outliers are clearly more frequent in one of the groups (Fisher's test)."""
    members = contrast.members(scans)
    is_a = contrast.is_a(members)
    far = members["listed"].map(lambda reasons: any(r.cause is Cause.OUTLIER for r in reasons))
    table = [[int((chosen & f).sum()) for f in (far, ~far)] for chosen in (is_a, ~is_a)]
    if not far.any() or fisher_exact(table).pvalue >= UNEQUAL_P:
        return []
    counts = [
        f"{level}: {row[0]} of {sum(row)}"
        for level, row in zip((contrast.level_a, contrast.level_b), table, strict=True)
    ]
    text = (
        f"Outliers are more frequent in one group ({', '.join(counts)}). They may be part of a "
        "true difference between the groups, which leaving them out would remove"
    )
    return [Finding(WARNING, Topic.GROUPS, text)]


def _residuals(values: pd.Series, design: pd.DataFrame) -> pd.Series:
    columns = design.fillna(design.mean()).fillna(0.0).to_numpy(float)
    # In units of the spread, and without constant columns.
    columns = columns[:, columns.std(axis=0) > 0]
    size = float(values.std()) or 1.0
    with warnings.catch_warnings():
        # Where the model fits exactly; there is no spread then.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit = sm.RLM(values.to_numpy() / size, sm.add_constant(columns, has_constant="add")).fit()
    residuals = fit.resid if np.isfinite(fit.resid).all() else values.to_numpy() / size
    return pd.Series(residuals * size, values.index)


def _reasons(row: pd.Series, z: pd.Series, ignored_flags: tuple[str, ...]) -> tuple[Reason, ...]:
    codes = [code for code in split_codes(str(row["flags"])) if code not in ignored_flags]
    reasons = [Reason(Cause.FLAG, flag=code) for code in codes]
    far = z[z.abs() > FAR_Z]
    reasons += [Reason(Cause.OUTLIER, measure=name, z=value) for name, value in far.items()]
    if pd.isna(row.get(TOTAL.column)):
        reasons.append(Reason(Cause.NO_VOLUME))
    return tuple(reasons)
