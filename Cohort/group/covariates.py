"""Covariates of the models: which are numbers, which are categories, and their design columns."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pandas as pd

from .contrast import Contrast
from .errors import CovariateError
from .findings import WARNING, Finding, Topic
from .participants_table import Participants

NUMBER, CATEGORY = "number", "category"
# A column with more texts than this is free text or a name, not a covariate.
MOST_CATEGORIES = 12
SHOWN_VALUES = 6


@dataclass(frozen=True)
class Covariate:
    """A column of participants.tsv that the models hold constant.

    Attributes
    ----------
    column : str
    kind : str
        ``NUMBER`` (enters linearly) or ``CATEGORY`` (one indicator a level beyond the first).
    """

    column: str
    kind: str


def check_covariates(
    names: tuple[str, ...], participants: Participants, contrast: Contrast | None
) -> tuple[Covariate, ...]:
    """Decide what each covariate is.

    Raises
    ------
    CovariateError
        If a column is missing, empty, the contrast's own, or neither numbers nor categories.
    """
    covariates = []
    for name in dict.fromkeys(names):
        if name.lower() in ("icv", "icv_mm3"):
            raise CovariateError(
                "ICV need not be named as a covariate: it is one in the default analysis "
                "(--adjustment ancova), measured by this program."
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
        covariates.append(Covariate(name, _kind(name, participants)))
    return tuple(covariates)


def design_columns(frame: pd.DataFrame, covariates: tuple[Covariate, ...]) -> pd.DataFrame:
    """The covariates as columns of a design matrix, NaN where a value is missing.

    Numbers are centred on their mean and each category's indicators on their share, so that a
    model's intercept is a group's mean at the average covariates.
    """
    columns: dict[str, pd.Series] = {}
    for covariate in covariates:
        values = frame[covariate.column]
        if covariate.kind == NUMBER:
            columns[covariate.column] = as_numbers(values)
        else:
            for level in sorted(values.dropna().unique())[1:]:
                indicator = (values == level).astype(float)
                columns[f"{covariate.column}={level}"] = indicator.where(values.notna())
    design = pd.DataFrame(columns, index=frame.index, dtype=float)
    return design - design.mean()


def complete_rows(
    frame: pd.DataFrame, covariates: tuple[Covariate, ...]
) -> tuple[pd.DataFrame, list[Finding]]:
    """The rows with all covariates, less those that are alone in their category.

    Someone who is alone in a category is fitted exactly by its indicator and tells nothing about
    the groups, but would make the robust standard error infinite.
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
        # Leaving someone out may leave another alone.
        rest, more = complete_rows(frame[~lonely], covariates)
        return rest, findings + more
    return frame, findings


def as_numbers(values: pd.Series) -> pd.Series:
    """Text to numbers; NaN where a value is missing or no number."""
    return pd.to_numeric(values, errors="coerce").replace([np.inf, -np.inf], np.nan).astype(float)


def _kind(name: str, participants: Participants) -> str:
    values = participants.frame[name].dropna()
    where = f"The covariate {name!r} in {participants.path}"
    if values.empty:
        raise CovariateError(f"{where} is n/a for everyone.")
    if values.nunique() == 1:
        raise CovariateError(
            f"{where} has the same value for everyone ({values.iloc[0]}). Leave it out."
        )
    unreadable = values[as_numbers(values).isna()]
    if name not in participants.categorical and unreadable.empty:
        return NUMBER
    if name not in participants.categorical and len(unreadable) < len(values):
        shown = ", ".join(sorted(set(unreadable))[:SHOWN_VALUES])
        raise CovariateError(
            f"{where} holds numbers and also {shown}. Correct these (a decimal point, not a comma; "
            "89 for 89+), write n/a, or name the column with --categorical if it holds categories."
        )
    levels = sorted(values.unique())
    if len(levels) > MOST_CATEGORIES:
        raise CovariateError(
            f"{where} has {len(levels)} different texts ({', '.join(levels[:SHOWN_VALUES])} …), "
            f"too many for categories; at most {MOST_CATEGORIES} are taken."
        )
    folded = [level.casefold() for level in levels]
    if len(set(folded)) < len(folded):
        raise CovariateError(
            f"{where} has levels that differ only in upper and lower case: {', '.join(levels)}. "
            "Write them alike."
        )
    return CATEGORY
