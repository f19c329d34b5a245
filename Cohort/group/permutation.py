"""p by permutation, for groups too small to trust a distribution (Freedman & Lane 1983).

The residuals of the model without the group are shuffled; how often is the group's t then as large
as the one observed? The t has the HC2 error, which makes it comparable between shuffles also where
spread differs (Winkler et al. 2014).
"""

from __future__ import annotations

import numpy as np
import statsmodels.api as sm

from .linear_models import GROUP_COLUMN, design_matrix
from .model_data import ModelData
from .small_sample_errors import SmallSampleErrors

PERMUTATIONS, SEED, AT_ONCE = 9999, 20250601, 1000
# Shuffles whose t differs only by rounding errors count as equal.
TOLERANCE = 1e-9


def permutation_p(data: ModelData, permutations: int = PERMUTATIONS) -> float:
    """Two-sided p that the groups do not differ, the observed order counted as one shuffle.

    Parameters
    ----------
    data : ModelData
    permutations : int
        The smallest p is 1 / (permutations + 1).
    """
    design = design_matrix(data.is_a, data.nuisance)
    group = np.eye(design.shape[1])[GROUP_COLUMN]
    fit = sm.OLS(data.outcome, design).fit()
    errors = SmallSampleErrors(design, fit.params, fit.resid)
    observed = abs(errors.t_of(data.outcome[:, None], group)[0])
    without_group = np.delete(design, GROUP_COLUMN, axis=1)
    residuals = sm.OLS(data.outcome, without_group).fit().resid
    generator = np.random.default_rng(SEED)
    as_large, left = 0, permutations
    while left:
        count = min(left, AT_ONCE)
        # What the model without the group explains changes neither the group's t nor residuals.
        shuffled = generator.permuted(np.tile(residuals, (count, 1)), axis=1).T
        t = np.abs(errors.t_of(shuffled, group))
        as_large += int(np.sum(t >= observed * (1 - TOLERANCE)))
        left -= count
    return (1 + as_large) / (1 + permutations)
