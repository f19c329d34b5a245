"""Covariates of the models: which are numbers, which are categories, and their design columns."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pandas as pd
from patsy import cr

from .contrast import Contrast
from .errors import CovariateError
from .findings import NOTE, WARNING, Finding, Topic
from .participants_table import Participants

NUMBER, SPLINE, CATEGORY = "number", "spline", "category"
# A column with more different texts than this is free text or a name; studies may have more sites.
MOST_CATEGORIES, MOST_SITES = 12, 60
SHOWN_VALUES = 6
# Integers with so few levels, each this frequent, may be codes of categories.
MOST_CODES, SCANS_A_CODE = 6, 3
PLACES = frozenset(
    ["site", "scanner", "centre", "center", "hospital", "clinic", "manufacturer", "vendor", "batch"]
)
AGE = "age"
# 63,5 is a number; 1,234 may be 1.234 or a thousand.
DECIMAL_COMMA = re.compile(r"[+-]?(?:\d+,(?:\d{1,2}|\d{4,})|0,\d{3})")
SPLINE_COLUMNS, FEWEST_SPLINE_VALUES = 3, 8


@dataclass(frozen=True)
class Covariate:
    """A column of participants.tsv that the models hold constant.

    Attributes
    ----------
    column : str
    kind : str
        ``NUMBER`` (enters linearly), ``SPLINE`` (a natural cubic spline of three columns) or
        ``CATEGORY`` (one indicator a level beyond the first).
    """

    column: str
    kind: str


def check_covariates(
    names: tuple[str, ...],
    participants: Participants,
    contrast: Contrast | None,
    numeric: Collection[str] = (),
    splines: Collection[str] = (),
    findings: list[Finding] | None = None,
) -> tuple[Covariate, ...]:
    """Decide what each covariate is.

    Parameters
    ----------
    names : tuple of str
    participants : Participants
    contrast : Contrast or None
    numeric : collection of str
        Columns of few integers that are quantities all the same.
    splines : collection of str
        Columns of numbers that enter as natural splines; those that are not among ``names`` are
        added to them.
    findings : list of Finding, optional
        Gets what was decided without being asked.

    Raises
    ------
    CovariateError
        If a column is missing, empty, the contrast's own, neither numbers nor categories, or
        numbers that may be codes of categories.
    """
    findings = [] if findings is None else findings
    covariates = []
    for name in dict.fromkeys((*names, *splines)):
        if name.lower() in ("icv", "icv_mm3"):
            raise CovariateError(
                "ICV need not be listed as a covariate: the default analysis (--adjustment "
                "ancova) includes it, as measured by this program."
            )
        if name not in participants.columns:
            near = get_close_matches(name, participants.columns, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise CovariateError(
                f"{participants.path} has no column {name!r} for a covariate.{hint} Its columns: "
                f"{', '.join(participants.columns) or 'none'}."
            )
        if contrast is not None and name == contrast.column:
            raise CovariateError(
                f"{name!r} is the column of the contrast and cannot be a covariate as well."
            )
        kind = _kind(name, participants, {*numeric, *splines}, findings)
        if name in splines:
            _check_spline(name, participants, kind)
            kind = SPLINE
        covariates.append(Covariate(name, kind))
    return tuple(covariates)


def design_columns(frame: pd.DataFrame, covariates: tuple[Covariate, ...]) -> pd.DataFrame:
    """The covariates as columns of a design matrix, NaN where a value is missing.

    Numbers and the columns of splines are centered on their mean, and each category's indicators on
    their share, so that a model's intercept is a group's mean at the average covariates.
    """
    columns: dict[str, pd.Series] = {}
    for covariate in covariates:
        values = frame[covariate.column]
        if covariate.kind == NUMBER:
            columns[covariate.column] = as_numbers(values)
        elif covariate.kind == SPLINE:
            columns |= _spline(covariate.column, as_numbers(values))
        else:
            for level in sorted(values.dropna().unique())[1:]:
                indicator = (values == level).astype(float)
                columns[f"{covariate.column}={level}"] = indicator.where(values.notna())
    design = pd.DataFrame(columns, index=frame.index, dtype=float)
    return design - design.mean()


def complete_rows(
    frame: pd.DataFrame, covariates: tuple[Covariate, ...]
) -> tuple[pd.DataFrame, list[Finding]]:
    """The rows with all covariates, without those that are alone in their category.

    Someone who is alone in a category is fitted exactly by its indicator and says nothing about the
    groups, but would make the robust standard error infinite.
    """
    findings = []
    columns = [covariate.column for covariate in covariates]
    missing = frame[columns].isna().any(axis=1)
    if missing.any():
        findings.append(
            Finding(
                WARNING,
                Topic.COVARIATES,
                "Left out of the models because a covariate is n/a",
                tuple(frame.loc[missing, "participant_id"]),
            )
        )
        frame = frame[~missing]
    categories = [covariate.column for covariate in covariates if covariate.kind == CATEGORY]
    lonely = pd.Series(False, index=frame.index)
    for column in categories:
        lonely |= frame.groupby(column)[column].transform("size") == 1
    if lonely.any():
        findings.append(
            Finding(
                WARNING,
                Topic.COVARIATES,
                f"Left out of the models as the only member of a category of "
                f"{' or '.join(categories)}",
                tuple(frame.loc[lonely, "participant_id"]),
            )
        )
        # Leaving one out may leave another alone in a category.
        rest, more = complete_rows(frame[~lonely], covariates)
        return rest, findings + more
    return frame, findings


def as_numbers(values: pd.Series) -> pd.Series:
    """Text to numbers; NaN where a value is missing or not a number. Decimal commas are accepted.

    Examples
    --------
    >>> as_numbers(pd.Series(["63.5", "63,5", "1,234", None, "89+"])).tolist()
    [63.5, 63.5, nan, nan, nan]
    """
    if not pd.api.types.is_numeric_dtype(values):
        values = values.map(_with_point, na_action="ignore")
    return pd.to_numeric(values, errors="coerce").replace([np.inf, -np.inf], np.nan).astype(float)


def is_place(column: str) -> bool:
    """Whether a column's name says where or with which device a scan was made.

    Examples
    --------
    >>> is_place("ScannerID"), is_place("site"), is_place("opposite")
    (True, True, False)
    """
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", column)
    return not PLACES.isdisjoint(word.lower() for word in words)


def _with_point(value: object) -> object:
    if isinstance(value, str) and DECIMAL_COMMA.fullmatch(value.strip()):
        return value.replace(",", ".")
    return value


def _kind(
    name: str, participants: Participants, numeric: Collection[str], findings: list[Finding]
) -> str:
    values = participants.frame[name].dropna()
    where = f"The covariate {name!r} in {participants.path}"
    if values.empty:
        raise CovariateError(f"{where} is n/a for everyone.")
    if values.nunique() == 1:
        hint = (
            " (NA was read as a missing value; if it is a level, name it among the column's Levels "
            "in participants.json)"
            if name in participants.with_na
            else ""
        )
        raise CovariateError(
            f"{where} has the same value for everyone ({values.iloc[0]}). Leave it out{hint}."
        )
    numbers = as_numbers(values)
    unreadable = values[numbers.isna()]
    is_named = name in participants.categorical
    if not is_named and unreadable.empty:
        if any("," in value for value in values):
            text = f"The decimal commas of {name} were read as decimal points"
            findings.append(Finding(NOTE, Topic.COVARIATES, text))
        if name in numeric or name in participants.quantities:
            return NUMBER
        if is_place(name):
            text = f"{name} is treated as categories, although it contains numbers"
            findings.append(Finding(NOTE, Topic.COVARIATES, text))
        else:
            _refuse_codes(name, where, numbers)
            return NUMBER
    elif not is_named and (len(unreadable) < len(values) or name in numeric):
        shown = ", ".join(sorted(set(unreadable))[:SHOWN_VALUES])
        raise CovariateError(
            f"{where} holds numbers and also {shown}. Correct these (1234.5, not 1,234.5; 89 for "
            "89+), write n/a, or name the column with --categorical if it holds categories."
        )
    elif not is_named and any(char.isdigit() and "," in v for v in values for char in v[:1]):
        shown = ", ".join(sorted(set(values))[:SHOWN_VALUES])
        raise CovariateError(
            f"{where} holds {shown}. If these are numbers, write them with a decimal point and "
            "without thousands separators; if not, name the column with --categorical."
        )
    _check_levels(name, where, values, is_named)
    return CATEGORY


def _refuse_codes(name: str, where: str, numbers: pd.Series) -> None:
    """A question if integers may be codes: as a linear term, 1 to 4 would be equal steps."""
    levels = sorted(numbers.unique())
    few = 2 < len(levels) <= MOST_CODES and len(numbers) >= SCANS_A_CODE * len(levels)
    if few and name.lower() != AGE and (numbers % 1 == 0).all():
        shown = ", ".join(f"{level:.0f}" for level in levels)
        raise CovariateError(
            f"{where} has only the values {shown}. Are they codes of categories, such as sites? "
            f"Then add --categorical {name}. If they are a quantity, add --numeric {name}."
        )


def _check_levels(name: str, where: str, values: pd.Series, is_named: bool) -> None:
    levels = sorted(values.unique())
    most = MOST_SITES if is_named or is_place(name) else MOST_CATEGORIES
    if len(levels) > most:
        raise CovariateError(
            f"{where} has {len(levels)} different texts ({', '.join(levels[:SHOWN_VALUES])} …), "
            f"too many for categories; at most {most} are taken."
        )
    folded = [level.casefold() for level in levels]
    if len(set(folded)) < len(folded):
        raise CovariateError(
            f"{where} has levels that differ only by case: {', '.join(levels)}. "
            "Spell them in the same way."
        )


def _check_spline(name: str, participants: Participants, kind: str) -> None:
    count = as_numbers(participants.frame[name]).nunique()
    if kind != NUMBER or count < FEWEST_SPLINE_VALUES:
        raise CovariateError(
            f"The covariate {name!r} in {participants.path} cannot be a spline: it needs numbers "
            f"with at least {FEWEST_SPLINE_VALUES} different values. Leave it out of --spline."
        )


def _spline(name: str, numbers: pd.Series) -> dict[str, pd.Series]:
    """A natural cubic spline (patsy ``cr``), linear beyond the first and last value."""
    known = numbers.dropna()
    if known.nunique() < FEWEST_SPLINE_VALUES:
        return {name: numbers}
    basis = np.asarray(cr(known.to_numpy(), df=SPLINE_COLUMNS, constraints="center"))
    return {
        f"{name}, spline {place + 1}": pd.Series(column, known.index).reindex(numbers.index)
        for place, column in enumerate(basis.T)
    }
