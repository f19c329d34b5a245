"""All groups of the contrast's column in one model, and every pair with Holm's correction."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
import statsmodels.api as sm
from statsmodels.stats.multitest import multipletests

from ..structures import INTRACRANIAL, Structure
from .contrast import Contrast
from .covariates import Covariate, complete_rows, design_columns
from .icv_adjustment import ANCOVA, UNADJUSTED, fit_adjustment
from .linear_models import FEWEST_DF, FEWEST_IN_A_GROUP
from .small_sample_errors import Estimate, SmallSampleErrors


@dataclass(frozen=True)
class Pair:
    """One difference, ``level_a`` minus ``level_b``, with Holm's p over all pairs."""

    level_a: str
    level_b: str
    difference: Estimate
    p_holm: float


@dataclass(frozen=True)
class AllGroups:
    """One model of all groups.

    Attributes
    ----------
    counts : dict
        Scans by level.
    p : float
        That no group differs (F test of the HC2 model).
    means : dict
        Adjusted mean by level, at average covariates.
    pairs : tuple of Pair
    """

    counts: dict[str, int]
    p: float
    means: dict[str, Estimate]
    pairs: tuple[Pair, ...]


def compare_all_groups(
    first_scans: pd.DataFrame,
    contrast: Contrast,
    covariates: tuple[Covariate, ...],
    structure: Structure,
    method: str,
) -> AllGroups | None:
    """Compare all levels with at least three scans; None if there are only two.

    Parameters
    ----------
    first_scans : DataFrame
        One row per subject, of all groups.
    contrast : Contrast
        Its column holds the groups; level b are the controls, on whom adjustments are fitted.
    covariates : tuple of Covariate
    structure : Structure
    method : str
        How head size is taken out.
    """
    needed = [contrast.column, structure.column]
    needed += [INTRACRANIAL.column] if method != UNADJUSTED else []
    frame, _ = complete_rows(first_scans.dropna(subset=needed), covariates)
    counts = frame[contrast.column].value_counts()
    ordered = sorted(counts.index, key=lambda v: (v != contrast.level_b, v != contrast.level_a, v))
    levels = [level for level in ordered if counts[level] >= FEWEST_IN_A_GROUP]
    if len(levels) < 3:
        return None
    frame = frame[frame[contrast.column].isin(levels)]
    group = frame[contrast.column].to_numpy()
    volume, icv = (frame[c].to_numpy(float) for c in (structure.column, INTRACRANIAL.column))
    outcome = fit_adjustment(method, volume, icv, group == contrast.level_b).apply(volume, icv)
    indicators = np.column_stack([group == level for level in levels]).astype(float)
    nuisance = design_columns(frame, covariates).to_numpy()
    if method == ANCOVA:
        nuisance = np.column_stack([nuisance, (icv - icv.mean()) / (icv.std() or 1.0)])
    design = np.column_stack([indicators, nuisance])
    rank = np.linalg.matrix_rank(design)
    if rank < design.shape[1] or len(outcome) - rank < FEWEST_DF:
        return None
    fit = sm.OLS(outcome, design).fit()
    errors = SmallSampleErrors(design, fit.params, fit.resid)
    unit = np.eye(design.shape[1])
    differences = {
        (a, b): errors.estimate(unit[levels.index(a)] - unit[levels.index(b)])
        for b, a in combinations(levels, 2)
    }
    means = {level: errors.estimate(unit[place]) for place, level in enumerate(levels)}
    if None in differences.values() or None in means.values():
        return None
    corrected = multipletests([d.p for d in differences.values()], method="holm")[1]
    pairs = [
        Pair(a, b, difference, float(p))
        for ((a, b), difference), p in zip(differences.items(), corrected, strict=True)
    ]
    against_first = unit[1 : len(levels)] - unit[0]
    p = float(sm.OLS(outcome, design).fit(cov_type="HC2", use_t=True).f_test(against_first).pvalue)
    return AllGroups({level: int(counts[level]) for level in levels}, p, means, tuple(pairs))
