"""A linear mixed model of volumes over several sessions a subject (statsmodels MixedLM, REML).

volume ~ time × group + covariates + ICV (the subject's mean over sessions, since a head does not
change), with a random intercept a subject and, where enough subjects have three sessions, a random
slope. Subjects with a single session add to what is known of the start.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from enum import Enum

import numpy as np
import pandas as pd
import statsmodels.api as sm
from statsmodels.regression.mixed_linear_model import MixedLMParams
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from ..structures import Structure
from .contrast import Contrast
from .covariates import Covariate, design_columns

FEWEST_SUBJECTS = 6
FEWEST_FOR_RANDOM_SLOPE = 10
SESSIONS_FOR_RANDOM_SLOPE = 3
# Where the optimiser starts if a variance cannot be told from the data, relative to the residual.
SMALLEST_START = 0.01


class Effect(Enum):
    """A coefficient that is told, by its column in the model."""

    CHANGE = "time"
    DIFFERENCE = "time:group"


@dataclass(frozen=True)
class MixedTerm:
    """A coefficient of the mixed model: a change in mm³ a year, Wald limits of 95 %."""

    structure: Structure
    effect: Effect
    estimate: float
    ci_low: float
    ci_high: float
    p: float
    subjects: int
    sessions: int


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
        One row a subject and session with ``years``; covariates as at the first session.
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
    subjects = frame.groupby("participant_id")
    repeated = int((subjects["years"].nunique() > 1).sum())
    if repeated < FEWEST_SUBJECTS:
        remarks.append(
            f"No mixed model: {repeated} subjects with two dated sessions, fewer than "
            f"{FEWEST_SUBJECTS}."
        )
        return []
    columns = {"constant": 1.0, Effect.CHANGE.value: frame["years"]}
    if contrast is not None:
        group = contrast.is_a(frame).astype(float)
        columns |= {"group": group, Effect.DIFFERENCE.value: frame["years"] * group}
    design = pd.DataFrame(columns, index=frame.index)
    design = design.join(design_columns(frame, covariates).add_prefix("covariate "))
    icv = subjects["icv_mm3"].transform("mean")
    if icv.notna().all():
        design["icv"] = (icv - icv.mean()) / (icv.std() or 1.0)
    else:
        remarks.append("The mixed model is not adjusted for ICV, which some sessions lack.")
    if np.linalg.matrix_rank(design.to_numpy()) < design.shape[1]:
        remarks.append("No mixed model: group, time and covariates cannot be told apart.")
        return []
    random = frame[["years"]].assign(constant=1.0)[["constant", "years"]]
    long_enough = int((subjects.size() >= SESSIONS_FOR_RANDOM_SLOPE).sum())
    with_slope = long_enough >= FEWEST_FOR_RANDOM_SLOPE
    scale = float(frame[structure.column].std()) or 1.0
    fit = None
    for random_columns in (["constant", "years"], ["constant"])[0 if with_slope else 1 :]:
        fit = _converged(
            frame[structure.column] / scale, design, frame["participant_id"], random[random_columns]
        )
        if fit is not None:
            slopes = " and slope" if len(random_columns) == 2 else ""
            remarks.append(f"Mixed model with a random intercept{slopes} a subject.")
            break
    if fit is None:
        remarks.append(f"The mixed model of {structure.title} did not converge; it is not shown.")
        return []
    effects = [Effect.CHANGE] if contrast is None else [Effect.CHANGE, Effect.DIFFERENCE]
    limits = fit.conf_int()
    return [
        MixedTerm(
            structure,
            effect,
            float(fit.params[effect.value]) * scale,
            float(limits.loc[effect.value, 0]) * scale,
            float(limits.loc[effect.value, 1]) * scale,
            float(fit.pvalues[effect.value]),
            int(subjects.ngroups),
            len(frame),
        )
        for effect in effects
    ]


def _converged(outcome: pd.Series, design: pd.DataFrame, subjects: pd.Series, random: pd.DataFrame):
    """The fit, or None if the optimiser does not arrive at an optimum with finite errors."""
    model = sm.MixedLM(outcome, design, groups=subjects, exog_re=random)
    first = sm.OLS(outcome, design).fit()
    variances = _start_variances(first.resid, subjects, random)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        # statsmodels warns of a variance at 0 in several classes; errors are checked below.
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        for method in ("lbfgs", "powell"):
            start = MixedLMParams.from_components(first.params.to_numpy(), np.diag(variances))
            try:
                fit = model.fit(start_params=start, reml=True, method=method)
            except (np.linalg.LinAlgError, ValueError):
                continue
            if fit.converged and np.isfinite(fit.bse_fe).all():
                return fit
    return None


def _start_variances(
    residuals: pd.Series, subjects: pd.Series, random: pd.DataFrame
) -> list[float]:
    """Moment estimates of the random effects' variances, relative to the residual variance.

    From statsmodels' own start, equal variances, the optimiser often stops short here: subjects
    differ far more from each other than sessions of one subject do.
    """
    within = residuals - residuals.groupby(subjects).transform("mean")
    freedom = max(len(residuals) - subjects.nunique(), 1)
    residual = float((within**2).sum()) / freedom
    between = float(residuals.groupby(subjects).mean().var())
    if random.shape[1] == 1:
        return [_ratio(between, residual)]
    lines, squares, freedom = [], 0.0, 0
    for _, own in residuals.groupby(subjects):
        if len(own) >= SESSIONS_FOR_RANDOM_SLOPE:
            fit = sm.OLS(own, random.loc[own.index]).fit()
            lines.append(fit.params.to_numpy())
            squares, freedom = squares + fit.ssr, freedom + fit.df_resid
    residual = squares / freedom if freedom else residual
    return [_ratio(variance, residual) for variance in np.var(lines, axis=0, ddof=1)]


def _ratio(variance: float, residual: float) -> float:
    return max(variance / residual, SMALLEST_START) if residual > 0 else 1.0
