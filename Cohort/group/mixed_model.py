"""A linear mixed model of volumes over several sessions per subject, by restricted likelihood.

volume ~ time × group + covariates + ICV (the subject's mean over sessions, since a head does not
change), with a random intercept per subject, and a random slope if the sessions can separate it
from the error: without one, subjects who change differently make a difference of groups by chance
far too often (a third of cohorts of nine with five sessions). Where all have two sessions equally
far apart it cannot be told, and is not needed. Subjects with a single session add to what is known
of the start. p and limits are Student's t with Satterthwaite's degrees of freedom, at most those
between the subjects with several sessions.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import nnls

from ..structures import Structure
from .contrast import Contrast
from .covariates import Covariate, design_columns
from .linear_models import ALPHA
from .restricted_likelihood import RestrictedFit, RestrictedLikelihood
from .satterthwaite import VarianceModel

# Of each group, with two sessions or more: fewer do not show how much subjects differ.
FEWEST_REPEATED = 5
# Where the search starts, relative to the residual variance: if the data tell no variance, and if
# they tell it is larger than this. A second search starts at the unit matrix.
SMALLEST_START, LARGEST_START = 0.01, 1e4


class Effect(Enum):
    """A coefficient to report, by its column in the model."""

    CHANGE = "time"
    DIFFERENCE = "time:group"


@dataclass(frozen=True)
class MixedTerm:
    """A coefficient of the mixed model.

    Attributes
    ----------
    structure : Structure
    effect : Effect
    estimate, ci_low, ci_high : float
        Change in mm³ a year with its 95 % limits.
    df, p : float
        Of Student's t.
    subjects, repeated, sessions : int
        Subjects in the model, those with several sessions, and all their sessions.
    has_random_slope : bool
    """

    structure: Structure
    effect: Effect
    estimate: float
    ci_low: float
    ci_high: float
    df: float
    p: float
    subjects: int
    repeated: int
    sessions: int
    has_random_slope: bool


def mixed_model(
    dated: pd.DataFrame,
    structure: Structure,
    contrast: Contrast | None,
    covariates: tuple[Covariate, ...],
    remarks: list[str],
) -> list[MixedTerm]:
    """Fit the model of one structure.

    Parameters
    ----------
    dated : DataFrame
        One row per subject and session with ``years``; covariates as at the first session.
    structure : Structure
    contrast : Contrast or None
    covariates : tuple of Covariate
    remarks : list of str
        Gets a sentence on how the model was built, or why it was not.

    Returns
    -------
    list of MixedTerm
        The change a year, of group b if there are groups, and the groups' difference; empty if the
        model could not be fitted.
    """
    frame = dated if contrast is None else contrast.members(dated)
    frame = frame.dropna(subset=[structure.column, *(c.column for c in covariates)])
    has_several = frame.groupby("participant_id")["years"].transform("nunique") > 1
    few = _too_few(frame[has_several], contrast)
    if few:
        remarks.append(few)
        return []
    design = fixed_effects(frame, contrast, covariates, remarks)
    if np.linalg.matrix_rank(design.to_numpy()) < design.shape[1]:
        remarks.append("No mixed model: group, time and covariates cannot be separated.")
        return []
    random = pd.DataFrame({"constant": 1.0, "years": frame["years"]}, frame.index)
    subjects = frame["participant_id"]
    model = VarianceModel(design.to_numpy(), random.to_numpy(), subjects.to_numpy())
    has_slope = model.tells_components_apart()
    if not has_slope:
        random = random[["constant"]]
        model = VarianceModel(design.to_numpy(), random.to_numpy(), subjects.to_numpy())
    scale = float(frame[structure.column].std()) or 1.0
    fit = restricted_fit(frame[structure.column] / scale, design, subjects, random)
    if fit is None:
        remarks.append(f"The mixed model of {structure.title} did not converge; it is not shown.")
        return []
    remarks.append(f"Mixed model with a random intercept{' and slope' if has_slope else ''}.")
    covariance, df = model.degrees_of_freedom(fit.random_covariance, fit.residual_variance)
    repeated = int(subjects[has_several].nunique())
    counts = (int(subjects.nunique()), repeated, len(frame), has_slope)
    terms = []
    for effect in [Effect.CHANGE] if contrast is None else Effect:
        place = design.columns.get_loc(effect.value)
        estimate, error = float(fit.coefficients[place]), float(np.sqrt(covariance[place, place]))
        # A slope differs between subjects: no more of them can be known than there are subjects.
        freedom = min(float(df[place]), repeated - (1 if contrast is None else 2))
        half = stats.t.ppf(1 - ALPHA / 2, freedom) * error
        limits = ((estimate + side * half) * scale for side in (-1, 1))
        p = float(2 * stats.t.sf(abs(estimate) / error, freedom))
        terms.append(MixedTerm(structure, effect, estimate * scale, *limits, freedom, p, *counts))
    return terms


def _too_few(repeated: pd.DataFrame, contrast: Contrast | None) -> str:
    """Why there is no mixed model; empty if each group has enough subjects with two sessions."""
    if contrast is None:
        counts = {"": repeated["participant_id"].nunique()}
    else:
        is_a = contrast.is_a(repeated)
        counts = {
            f"{level} ": repeated.loc[is_a == of_a, "participant_id"].nunique()
            for level, of_a in ((contrast.level_a, True), (contrast.level_b, False))
        }
    if min(counts.values()) >= FEWEST_REPEATED:
        return ""
    told = ", ".join(f"{level}{count}" for level, count in counts.items())
    return (
        f"No mixed model: it needs {FEWEST_REPEATED} subjects with several dated sessions in each "
        f"group ({told})."
    )


def fixed_effects(
    frame: pd.DataFrame,
    contrast: Contrast | None,
    covariates: tuple[Covariate, ...],
    remarks: list[str],
) -> pd.DataFrame:
    """Columns of the fixed effects, one row per session; see the top of the module.

    Parameters
    ----------
    frame : DataFrame
        Sessions of the two groups, no covariate missing.
    contrast : Contrast or None
    covariates : tuple of Covariate
    remarks : list of str
        Gets a sentence if there is no adjustment for ICV.
    """
    columns = {"constant": 1.0, Effect.CHANGE.value: frame["years"]}
    if contrast is not None:
        group = contrast.is_a(frame).astype(float)
        columns |= {"group": group, Effect.DIFFERENCE.value: frame["years"] * group}
    design = pd.DataFrame(columns, index=frame.index)
    design = design.join(design_columns(frame, covariates).add_prefix("covariate "))
    icv = frame.groupby("participant_id")["icv_mm3"].transform("mean")
    if icv.notna().all():
        design["icv"] = (icv - icv.mean()) / (icv.std() or 1.0)
    else:
        remarks.append("The mixed model is not adjusted for ICV, which some sessions lack.")
    return design


def restricted_fit(
    outcome: pd.Series, design: pd.DataFrame, subjects: pd.Series, random: pd.DataFrame
) -> RestrictedFit | None:
    """The fit, or None if there is no optimum.

    Parameters
    ----------
    outcome : Series
        Scaled to a standard deviation near 1.
    design, random : DataFrame
        Columns of the fixed and of a subject's random effects.
    subjects : Series
    """
    values, columns = outcome.to_numpy(float), design.to_numpy(float)
    first = np.linalg.lstsq(columns, values, rcond=None)[0]
    variances = _start_variances(outcome - columns @ first, subjects, random)
    likelihood = RestrictedLikelihood(values, columns, random.to_numpy(float), subjects.to_numpy())
    return likelihood.maximise([np.diag(variances), np.eye(len(variances))])


def _start_variances(
    residuals: pd.Series, subjects: pd.Series, random: pd.DataFrame
) -> list[float]:
    """Moment estimates of the random effects' variances, relative to the residual variance."""
    between = float(residuals.groupby(subjects).mean().var())
    if random.shape[1] == 1:
        within = residuals - residuals.groupby(subjects).transform("mean")
        freedom = max(len(residuals) - subjects.nunique(), 1)
        return [_ratio(between, float((within**2).sum()) / freedom)]
    years = random["years"] - random["years"].groupby(subjects).transform("mean")
    squares = (years**2).groupby(subjects).sum()
    slopes = ((years * residuals).groupby(subjects).sum() / squares)[squares > 0].to_numpy()
    imprecision = 1 / squares[squares > 0].to_numpy()
    # A subject's slope varies by the slopes' variance and the residual variance / squares.
    centred = np.square(slopes - slopes.mean())
    (of_slopes, residual), _ = nnls(np.column_stack([np.ones(len(slopes)), imprecision]), centred)
    residual = residual or float(centred.mean() / np.mean(imprecision))
    return [_ratio(variance, residual) for variance in (between, of_slopes)]


def _ratio(variance: float, residual: float) -> float:
    return (
        float(np.clip(variance / residual, SMALLEST_START, LARGEST_START)) if residual > 0 else 1.0
    )
