"""Which scans a person should look at before believing a group result.

A scan is listed if it has a quality flag or if one of its measures lies far from the others of its
group. Far is a robust z beyond 3.5 (Iglewicz & Hoaglin 1993): the distance from the median in
units of the median absolute deviation, scaled to agree with the standard deviation for normal
data. Median and deviation are those of the scan's own group, so that a true difference between
the groups makes nobody an outlier.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import numpy as np
import pandas as pd
from scipy.stats import median_abs_deviation

from ..number_format import signed
from ..structures import ASYMMETRY_INDEX, INTRACRANIAL, LEFT, RIGHT, TOTAL
from ..tables import split_codes

FAR_Z = 3.5
# A median absolute deviation of fewer is mostly chance; such groups are judged among all scans.
FEWEST_FOR_OWN_SPREAD = 10
JUDGED = (TOTAL, LEFT, RIGHT, ASYMMETRY_INDEX, INTRACRANIAL)
FRACTION = "fraction_of_icv"
FRACTION_TITLE = "total / ICV"
REASON_SEPARATOR = "; "


class Cause(Enum):
    """Why a scan may be listed for review."""

    FLAG = "flag"
    OUTLIER = "outlier"
    NO_VOLUME = "no_volume"


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
        """What many scans may share: without the scan's own number."""
        if self.cause is Cause.FLAG:
            return self.flag
        if self.cause is Cause.OUTLIER:
            return f"outlier: {self.measure}"
        return "no hypothalamic volume"

    @property
    def words(self) -> str:
        return (
            f"{self.title} (z {signed(self.z, 1)})" if self.cause is Cause.OUTLIER else self.title
        )


def reasons_in_words(reasons: Iterable[Reason]) -> str:
    """All reasons of a scan in one line; empty if it is not listed."""
    return REASON_SEPARATOR.join(reason.words for reason in reasons)


def is_listed(scans: pd.DataFrame) -> pd.Series:
    """Which scans have a reason for review."""
    return scans["listed"].map(bool).astype(bool)


def robust_z(values: pd.Series, groups: pd.Series | None = None) -> pd.Series:
    """Robust z of each value in its group; NaN where the value is missing or there is no spread.

    Parameters
    ----------
    values : Series of float
    groups : Series, optional
        Scans without a group, and groups of fewer than ten, are judged among all scans.
    """
    z = _z_within(values, values)
    if groups is not None:
        for _, members in values.groupby(groups):
            if members.notna().sum() >= FEWEST_FOR_OWN_SPREAD:
                z.loc[members.index] = _z_within(members, members)
    return z


def review(
    scans: pd.DataFrame, group_column: str | None = None, ignored_flags: tuple[str, ...] = ()
) -> pd.DataFrame:
    """Add the columns by which scans are listed for review.

    Parameters
    ----------
    scans : DataFrame
        One row a scan.
    group_column : str, optional
    ignored_flags : tuple of str
        Codes of flags that do not list a scan, for example ``anisotropic`` where all scans are.

    Returns
    -------
    DataFrame
        The scans with ``robust_z`` (the largest by size, with its sign), ``robust_z_of`` (of which
        measure), ``robust_z_total`` and ``listed`` (a tuple of `Reason`, empty if there is none).
    """
    groups = scans[group_column] if group_column else None
    measures = {s.title: scans[s.column] for s in JUDGED if s.column in scans}
    if {TOTAL.column, INTRACRANIAL.column} <= set(scans):
        measures[FRACTION_TITLE] = scans[TOTAL.column] / scans[INTRACRANIAL.column]
    z = pd.DataFrame({name: robust_z(values, groups) for name, values in measures.items()})
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


def _z_within(values: pd.Series, reference: pd.Series) -> pd.Series:
    known = reference.dropna()
    spread = median_abs_deviation(known, scale="normal") if len(known) else 0.0
    if not spread > 0:
        return pd.Series(np.nan, values.index)
    return (values - known.median()) / spread


def _reasons(row: pd.Series, z: pd.Series, ignored_flags: tuple[str, ...]) -> tuple[Reason, ...]:
    codes = [code for code in split_codes(str(row["flags"])) if code not in ignored_flags]
    reasons = [Reason(Cause.FLAG, flag=code) for code in codes]
    far = z[z.abs() > FAR_Z]
    reasons += [Reason(Cause.OUTLIER, measure=name, z=value) for name, value in far.items()]
    if pd.isna(row.get(TOTAL.column)):
        reasons.append(Reason(Cause.NO_VOLUME))
    return tuple(reasons)
