"""Which scans a person should look at before believing a group result.

A scan is listed if it has a quality flag or if one of its measures lies far from the others of its
group. Far is a robust z beyond 3.5 (Iglewicz & Hoaglin 1993): the distance from the median in
units of the median absolute deviation, scaled to agree with the standard deviation for normal
data. Median and deviation are those of the scan's own group, so that a true difference between
the groups makes nobody an outlier.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import median_abs_deviation

from ..number_format import signed
from ..structures import ASYMMETRY_INDEX, INTRACRANIAL, LEFT, RIGHT, TOTAL

FAR_Z = 3.5
# A median absolute deviation of fewer is mostly chance; such groups are judged among all scans.
FEWEST_FOR_OWN_SPREAD = 10
JUDGED = (TOTAL, LEFT, RIGHT, ASYMMETRY_INDEX, INTRACRANIAL)
FRACTION = "fraction_of_icv"
FRACTION_TITLE = "total / ICV"
REASON_SEPARATOR = "; "


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
        measure), ``robust_z_total`` and ``listed`` (the reasons, or empty).
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
    return scans.assign(listed=reasons)


def _z_within(values: pd.Series, reference: pd.Series) -> pd.Series:
    known = reference.dropna()
    spread = median_abs_deviation(known, scale="normal") if len(known) else 0.0
    if not spread > 0:
        return pd.Series(np.nan, values.index)
    return (values - known.median()) / spread


def _reasons(row: pd.Series, z: pd.Series, ignored_flags: tuple[str, ...]) -> str:
    reasons = [code for code in str(row["flags"]).split(";") if code and code not in ignored_flags]
    far = z[z.abs() > FAR_Z]
    reasons += [f"outlier: {name} (z {signed(value, 1)})" for name, value in far.items()]
    if pd.isna(row.get(TOTAL.column)):
        reasons.append("no hypothalamic volume")
    return REASON_SEPARATOR.join(reasons)
