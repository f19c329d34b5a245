"""Additional models: what the difference depends on, other methods, sites, more groups."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import pandas as pd

from ..structures import WHOLE, Structure
from .all_groups import AllGroups, compare_all_groups
from .association import Association, associate
from .comparisons import Statistics
from .contrast import Contrast
from .covariates import Covariate
from .equivalence import bayes_factor, equivalence_p, smallest_equivalence_margin
from .interactions import Interaction, interactions
from .linear_models import ContrastFit
from .model_data import model_data
from .options import GroupOptions
from .permutation import permutation_p
from .robust_regression import fit_robust
from .sites import WithoutSite, leave_one_site_out
from .small_sample_errors import Estimate

NAN = float("nan")


@dataclass(frozen=True)
class OtherMethods:
    """One structure's difference by other methods, all else as in the main model.

    Attributes
    ----------
    structure : Structure
    main : ContrastFit
    robust : Estimate or None
    permutation_p : float
    margin : float
        Asked for, in the outcome's unit; NaN if none was.
    equivalence_p : float
        That the difference is within the margin; NaN without one.
    excluded_beyond : float
        Differences larger than this are excluded (90 % limits).
    bayes_factor : float
        For a difference against none.
    """

    structure: Structure
    main: ContrastFit
    robust: Estimate | None
    permutation_p: float
    margin: float
    equivalence_p: float
    excluded_beyond: float
    bayes_factor: float


@dataclass(frozen=True)
class Supplement:
    """All additional models; what was not requested or cannot be fitted is empty or None."""

    interactions: dict[Structure, tuple[Interaction, ...]]
    methods: tuple[OtherMethods, ...]
    sites: tuple[WithoutSite, ...]
    all_groups: AllGroups | None
    associations: tuple[Association, ...]


def supplement(
    statistics: Statistics | None,
    first_scans: pd.DataFrame,
    contrast: Contrast | None,
    covariates: tuple[Covariate, ...],
    structures: tuple[Structure, ...],
    adjustment: str,
    options: GroupOptions,
) -> Supplement:
    """Fit the additional models.

    Parameters
    ----------
    statistics : Statistics or None
        Of all scans; None without a contrast.
    first_scans : DataFrame
        One row per subject, of all groups.
    contrast : Contrast or None
    covariates : tuple of Covariate
    structures : tuple of Structure
    adjustment : str
        The one that the report leads with.
    options : GroupOptions
    """
    associations = [
        association
        for predictor in options.predictors
        for association in associate(first_scans, predictor, structures, contrast, covariates)
    ]
    if statistics is None:
        return Supplement({}, (), (), None, tuple(associations))
    found, methods = {}, []
    for structure in (s for s in WHOLE if s in structures):
        data = model_data(statistics.frame, contrast, covariates, structure, adjustment)
        fit = statistics.comparisons[structure.name, adjustment].fit
        if fit is None:
            continue
        found[structure] = interactions(data, contrast, covariates)
        margin = (options.equivalence_percent or NAN) / 100 * abs(fit.reference_mean)
        error = fit.residual_sd * (fit.variance_inflation * (1 / fit.n_a + 1 / fit.n_b)) ** 0.5
        methods.append(
            OtherMethods(
                structure,
                fit,
                fit_robust(data),
                permutation_p(data),
                margin,
                equivalence_p(fit.difference, margin) if margin > 0 else NAN,
                smallest_equivalence_margin(fit.difference),
                bayes_factor(fit.estimate / error, fit.df_residual, (fit.residual_sd / error) ** 2),
            )
        )
    sites: tuple[WithoutSite, ...] = ()
    groups = None
    lead = next((s for s in WHOLE if s in structures), None)
    if lead is not None:
        groups = compare_all_groups(first_scans, contrast, covariates, lead, adjustment)
        if options.site:
            sites = leave_one_site_out(
                statistics.frame, contrast, covariates, lead, adjustment, options.site
            )
    return Supplement(found, tuple(methods), sites, groups, tuple(associations))


COLUMNS = {
    "analysis": "interaction, johnson_neyman (values where the difference has p < 0.05, if it "
    "depends on the covariate), robust_regression, permutation, equivalence, bayes_factor, "
    "without_site, all_groups, pair, association",
    "structure": "Outcome, named as in the volume tables",
    "term": "Covariate, site, pair of groups or predictor; for equivalence the margin in mm^3",
    "at": "Where the difference is: a value of the covariate, or one of its levels",
    "n": "Scans in the model",
    "estimate": "Difference in mm^3 (association: slope, mm^3 per unit of the predictor; "
    "bayes_factor: for a difference against none)",
    "standard_error": "HC2 (robust_regression: of the M-estimator)",
    "df": "Degrees of freedom",
    "ci_low": "Lower 95 % confidence limit",
    "ci_high": "Upper 95 % confidence limit",
    "p": "Two-sided p; interaction with no value of at: of the product with the group; "
    "equivalence: of two one-sided tests",
    "p_holm": "Holm's p over the pairs of groups",
}


def supplement_table(found: Supplement, lead: Structure) -> pd.DataFrame:
    """Make a table of all models, one row per number; see ``COLUMNS``."""
    rows = []

    def add(analysis: str, structure: Structure, term: str, found: Estimate | None, **others):
        row = {"analysis": analysis, "structure": structure.name, "term": term}
        if found is not None:
            row |= {"estimate": found.value, **asdict(found)}
        rows.append(row | others)

    for structure, several in found.interactions.items():
        for one in several:
            add("interaction", structure, one.covariate, None, p=one.p)
            for place in one.places:
                where = place.name if place.value != place.value else f"{place.value:.6g}"
                add("interaction", structure, one.covariate, place.difference, at=where)
            for low, high in one.regions:
                where = f"{low:.6g} to {high:.6g}"
                add("johnson_neyman", structure, one.covariate, None, at=where)
    for one in found.methods:
        n = one.main.n_a + one.main.n_b
        add("robust_regression", one.structure, "", one.robust, n=n)
        add("permutation", one.structure, "", None, n=n, p=one.permutation_p)
        add("bayes_factor", one.structure, "", None, n=n, estimate=one.bayes_factor)
        if one.margin > 0:
            add("equivalence", one.structure, f"{one.margin:.6g}", None, n=n, p=one.equivalence_p)
    for site in found.sites:
        if site.fit is not None:
            n = site.fit.n_a + site.fit.n_b
            add("without_site", lead, site.site, site.fit.difference, n=n)
    if found.all_groups is not None:
        n = sum(found.all_groups.counts.values())
        add("all_groups", lead, "", None, n=n, p=found.all_groups.p)
        for pair in found.all_groups.pairs:
            term = f"{pair.level_a}-{pair.level_b}"
            add("pair", lead, term, pair.difference, n=n, p_holm=pair.p_holm)
    for one in found.associations:
        add("association", one.structure, one.predictor, one.slope, n=one.n)
    return pd.DataFrame(rows, columns=list(COLUMNS)).replace({"": None})
