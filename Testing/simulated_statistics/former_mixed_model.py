"""The mixed model's rule of version 0.1.0, for the column "before" of the tables.

It needed six subjects with two sessions, of both groups together, had a random slope only from ten
subjects with three sessions on, and took p from the normal distribution.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from Cohort.group.contrast import Contrast
from Cohort.group.mixed_model import Effect, MixedTerm, fixed_effects, restricted_fit
from Cohort.group.satterthwaite import VarianceModel
from Cohort.structures import TOTAL

FEWEST_SUBJECTS, FEWEST_FOR_SLOPE, SESSIONS_FOR_SLOPE = 6, 10, 3


def former_p(frame: pd.DataFrame, contrast: Contrast, present: MixedTerm | None) -> float | None:
    """p of the groups' difference of change; None where there was no model.

    Parameters
    ----------
    frame : DataFrame
        One row a subject and session, no value missing.
    contrast : Contrast
    present : MixedTerm or None
        What the present rule finds: where it has the same random effects, its fit is used again.
    """
    sessions = frame.groupby("participant_id")["years"].nunique()
    if (sessions > 1).sum() < FEWEST_SUBJECTS:
        return None
    has_slope = bool((sessions >= SESSIONS_FOR_SLOPE).sum() >= FEWEST_FOR_SLOPE)
    if present is not None and present.has_random_slope == has_slope:
        return float(2 * stats.norm.sf(stats.t.isf(present.p / 2, present.df)))
    design = fixed_effects(frame, contrast, (), [])
    random = pd.DataFrame({"constant": 1.0, "years": frame["years"]})
    random = random if has_slope else random[["constant"]]
    outcome = frame[TOTAL.column] / frame[TOTAL.column].std()
    subjects = frame["participant_id"]
    fit = restricted_fit(outcome, design, subjects, random)
    if fit is None:
        return None
    model = VarianceModel(design.to_numpy(), random.to_numpy(), subjects.to_numpy())
    covariance, _ = model.degrees_of_freedom(fit.random_covariance, fit.residual_variance)
    place = design.columns.get_loc(Effect.DIFFERENCE.value)
    z = fit.coefficients[place] / np.sqrt(covariance[place, place])
    return float(2 * stats.norm.sf(abs(z)))
