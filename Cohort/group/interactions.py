"""Whether the difference between the groups depends on head size, age, sex or another covariate.

The product of group and covariate is added to the model. Where the difference depends on a number,
it has no single value: it is given at stated values, and with the region in which it differs from
0 (Johnson & Neyman 1936; p at each value by itself).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import optimize

from ..structures import INTRACRANIAL, ML_PER_MM3
from .contrast import Contrast
from .covariates import CATEGORY, Covariate, as_numbers
from .linear_models import ALPHA, FEWEST_DF, FEWEST_IN_A_GROUP, design_matrix
from .model_data import ModelData
from .small_sample_errors import Estimate, SmallSampleErrors

GRID = 100
NAN = float("nan")


@dataclass(frozen=True)
class Place:
    """The difference at one value of a covariate.

    Attributes
    ----------
    name : str
        Which value this is, or the level of a category.
    value : float
        In the covariate's unit; NaN for a level.
    difference : Estimate
        Group a minus group b, in the outcome's unit.
    """

    name: str
    value: float
    difference: Estimate


@dataclass(frozen=True)
class Interaction:
    """Whether and how the difference depends on one covariate.

    Attributes
    ----------
    covariate, unit : str
    p : float
        Of the product of group and covariate.
    places : tuple of Place
    low, high : float
        The values that both groups have; NaN for a category.
    regions : tuple of pairs of float
        Values between them where the difference has p < 0.05; looked for where ``p`` is below
        0.05 as well.
    """

    covariate: str
    unit: str
    p: float
    places: tuple[Place, ...]
    low: float = NAN
    high: float = NAN
    regions: tuple[tuple[float, float], ...] = ()


def interactions(
    data: ModelData, contrast: Contrast, covariates: tuple[Covariate, ...]
) -> tuple[Interaction, ...]:
    """Test group × ICV (where ICV is a covariate) and group × each covariate, one at a time."""
    found = []
    if data.has_icv:
        icv_ml = data.icv_mm3 * ML_PER_MM3
        found.append(number_interaction(data, contrast, INTRACRANIAL.title, icv_ml, "mL"))
    for covariate in covariates:
        values = data.frame[covariate.column]
        if covariate.kind == CATEGORY:
            found.append(_category_interaction(data, covariate.column, values))
        else:
            numbers = as_numbers(values).to_numpy()
            unit = "years" if covariate.column.lower() == "age" else ""
            found.append(number_interaction(data, contrast, covariate.column, numbers, unit))
    return tuple(interaction for interaction in found if interaction is not None)


def number_interaction(
    data: ModelData, contrast: Contrast, name: str, values: np.ndarray, unit: str = ""
) -> Interaction | None:
    """The difference along a number, with group × number in the model.

    Returns
    -------
    Interaction or None
        None if the model cannot be fitted.
    """
    spread = float(values.std())
    if not spread > 0:
        return None
    centre = float(values.mean())
    design = design_matrix(data.is_a, data.nuisance)
    product = data.is_a * (values - centre) / spread
    errors = _errors(np.column_stack([design, product]), data.outcome)
    if errors is None:
        return None
    columns = design.shape[1] + 1

    def difference(value: float) -> Estimate | None:
        combination = np.zeros(columns)
        combination[1], combination[-1] = 1, (value - centre) / spread
        return errors.estimate(combination)

    slope = errors.estimate(np.eye(columns)[-1])
    named = {
        f"mean of {contrast.level_b}": float(values[~data.is_a].mean()),
        "mean of both": centre,
        f"mean of {contrast.level_a}": float(values[data.is_a].mean()),
    }
    places = [Place(key, value, difference(value)) for key, value in named.items()]
    if slope is None or any(place.difference is None for place in places):
        return None
    low = float(max(values[data.is_a].min(), values[~data.is_a].min()))
    high = float(min(values[data.is_a].max(), values[~data.is_a].max()))
    wanted = high > low and slope.p < ALPHA
    regions = significant_regions(difference, low, high) if wanted else ()
    return Interaction(name, unit, slope.p, tuple(places), low, high, regions)


def significant_regions(
    difference: Callable[[float], Estimate | None], low: float, high: float
) -> tuple[tuple[float, float], ...]:
    """The parts of a range in which a difference has p < 0.05."""

    def excess(value: float) -> float:
        found = difference(value)
        return ALPHA - found.p if found is not None else -ALPHA

    grid = np.linspace(low, high, GRID)
    inside = [excess(value) > 0 for value in grid]
    edges = []
    for left, right, a, b in zip(grid[:-1], grid[1:], inside[:-1], inside[1:], strict=True):
        if a != b:
            edges.append(float(optimize.brentq(excess, left, right)))
    edges = [low] * inside[0] + edges + [high] * inside[-1]
    return tuple(zip(edges[::2], edges[1::2], strict=True))


def _category_interaction(data: ModelData, name: str, values: pd.Series) -> Interaction | None:
    """The difference in each level that both groups have, and one test over all products."""
    levels = [
        level
        for level in sorted(values.dropna().unique())
        if min((values == level)[data.is_a].sum(), (values == level)[~data.is_a].sum())
        >= FEWEST_IN_A_GROUP
    ]
    chosen = values.isin(levels).to_numpy()
    if len(levels) < 2 or not chosen.all():
        return None
    design = design_matrix(data.is_a, data.nuisance)
    products = [data.is_a * (values == level).to_numpy() for level in levels[1:]]
    wider = np.column_stack([design, *products])
    errors = _errors(wider, data.outcome)
    if errors is None:
        return None
    places = []
    for number, level in enumerate(levels):
        combination = np.zeros(wider.shape[1])
        combination[1] = 1
        if number:
            combination[design.shape[1] + number - 1] = 1
        places.append(Place(str(level), NAN, errors.estimate(combination)))
    if any(place.difference is None for place in places):
        return None
    rows = np.eye(wider.shape[1])[design.shape[1] :]
    if len(rows) == 1:
        p = errors.estimate(rows[0]).p
    else:
        p = float(sm.OLS(data.outcome, wider).fit(cov_type="HC2", use_t=True).f_test(rows).pvalue)
    return Interaction(name, "", p, tuple(places))


def _errors(design: np.ndarray, outcome: np.ndarray) -> SmallSampleErrors | None:
    too_few = len(outcome) - design.shape[1] < FEWEST_DF
    if too_few or np.linalg.matrix_rank(design) < design.shape[1]:
        return None
    fit = sm.OLS(outcome, design).fit()
    return SmallSampleErrors(design, fit.params, fit.resid)
