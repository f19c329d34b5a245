"""The report's methods: what was done, with which software, with references."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from HypothalamusSegLib import __version__
from markupsafe import Markup

from ..group.analysis import GroupAnalysis
from ..group.covariates import CATEGORY, NUMBER, SPLINE, SPLINE_COLUMNS
from ..group.icv_adjustment import ANCOVA, POWER_PROPORTION, PROPORTION, RESIDUALS, UNADJUSTED
from ..group.longitudinal import SHORTEST_YEARS
from ..group.outliers import FAR_Z
from ..number_format import number
from .html_parts import heading, numbered_list, paragraph, table, together

PACKAGES = ("statsmodels", "scipy", "pandas", "numpy", "matplotlib")
REFERENCES = (
    "Bell RM, McCaffrey DF. Bias reduction in standard errors for linear regression with "
    "multi-stage samples. Surv Methodol 2002;28:169–181.",
    "Benjamini Y, Hochberg Y. Controlling the false discovery rate. J R Stat Soc B "
    "1995;57:289–300.",
    "Giesbrecht FG, Burns JC. Two-stage analysis based on a mixed model: large-sample asymptotic "
    "theory and small-sample simulation results. Biometrics 1985;41:477–486.",
    "Freedman D, Lane D. A nonstochastic interpretation of reported significance levels. J Bus "
    "Econ Stat 1983;1:292–298.",
    "Hedges LV. Distribution theory for Glass's estimator of effect size and related estimators. "
    "J Educ Stat 1981;6:107–128.",
    "Hoenig JM, Heisey DM. The abuse of power. Am Stat 2001;55:19–24.",
    "Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 1979;6:65–70.",
    "Iglewicz B, Hoaglin DC. How to detect and handle outliers. ASQC Quality Press, 1993.",
    "Imbens GW, Kolesár M. Robust standard errors in small samples: some practical advice. Rev "
    "Econ Stat 2016;98:701–712.",
    "Johnson PO, Neyman J. Tests of certain linear hypotheses and their application to some "
    "educational problems. Stat Res Mem 1936;1:57–93.",
    "Liu D, Johnson HJ, Long JD, Magnotta VA, Paulsen JS. The power-proportion method for "
    "intracranial volume correction in volumetric imaging analysis. Front Neurosci 2014;8:356.",
    "Long JS, Ervin LH. Using heteroscedasticity consistent standard errors in the linear "
    "regression model. Am Stat 2000;54:217–224.",
    "MacKinnon JG, White H. Some heteroskedasticity-consistent covariance matrix estimators with "
    "improved finite sample properties. J Econom 1985;29:305–325.",
    "O'Brien LM, et al. Statistical adjustments for brain size in volumetric neuroimaging studies: "
    "some practical implications in methods. Psychiatry Res 2011;193:113–122.",
    "Pintzka CWS, et al. Marked effects of intracranial volume correction methods on sex "
    "differences in neuroanatomical structures: a HUNT MRI study. Front Neurosci 2015;9:238.",
    "Rouder JN, Speckman PL, Sun D, Morey RD, Iverson G. Bayesian t tests for accepting and "
    "rejecting the null hypothesis. Psychon Bull Rev 2009;16:225–237.",
    "Sanchis-Segura C, et al. Effects of different intracranial volume correction methods on "
    "univariate sex differences in grey matter volume and multivariate sex prediction. Sci Rep "
    "2020;10:12953.",
    "Schuirmann DJ. A comparison of the two one-sided tests procedure and the power approach for "
    "assessing the equivalence of average bioavailability. J Pharmacokinet Biopharm "
    "1987;15:657–680.",
    "Steiger JH, Fouladi RT. Noncentrality interval estimation and the evaluation of statistical "
    "models. In: What if there were no significance tests? Erlbaum, 1997.",
)
KIND_WORDS = {
    NUMBER: "linear",
    SPLINE: f"natural cubic spline with {SPLINE_COLUMNS} degrees of freedom",
    CATEGORY: "categorical",
}
ADJUSTED_BY = {
    ANCOVA: "with intracranial volume (ICV) as a covariate",
    RESIDUALS: "of volumes adjusted for intracranial volume (ICV) by the residual method",
    POWER_PROPORTION: "of volumes adjusted for intracranial volume (ICV) by the power-corrected "
    "proportion",
    PROPORTION: "of volumes in proportion to intracranial volume (ICV)",
    UNADJUSTED: "of the measured volumes, which are not adjusted for head size since no "
    "intracranial volume (ICV) was measured",
}


def methods_section(analysis: GroupAnalysis) -> Markup:
    """The methods, in words for a paper."""
    parts = [
        "The hypothalamus, its sides, its subunits if requested, and the intracranial volume were "
        f"segmented on T1-weighted images by HypothalamusSeg {__version__}; volumes are sums "
        "of the mean posterior of the networks. They follow this program's protocol and must not "
        "be compared with volumes from other tools, whose protocols differ by more than 40 %."
    ]
    if analysis.contrast is not None:
        parts += _models(analysis)
    model = (
        "covariates and, for volumes, ICV, but without the group"
        if analysis.covariates
        else ("ICV (for volumes), but without the group")
    )
    parts.append(
        "Scans were listed for review if they had a quality flag or if total, left or right "
        "volume, asymmetry, ICV or total / ICV lay more than "
        f"{FAR_Z} robust standard deviations (median absolute deviation) from what a robust "
        f"regression (Huber) expects from {model}."
    )
    if analysis.options.reviews:
        who = ", ".join(sorted({*analysis.rejected.values()})) or "nobody"
        parts.append(
            f"{len(analysis.rejected)} scans were left out as rejected in review (by {who})."
        )
    ignored = analysis.options.ignored_flags
    if ignored:
        parts.append(f"These flags were ignored, as requested: {', '.join(ignored)}.")
    parts += _change_over_time(analysis)
    return together(map(paragraph, parts))


def _change_over_time(analysis: GroupAnalysis) -> list[str]:
    """Methods for several sessions; a model that was not fitted is not mentioned."""
    if not analysis.longitudinal or not len(analysis.longitudinal[0].changes):
        return []
    longitudinal = analysis.longitudinal[0]
    text = (
        "Annualized change is the least-squares slope over a subject's sessions (time: "
        f"{analysis.times.source}), of subjects whose sessions span at least "
        f"{number(12 * SHORTEST_YEARS)} months."
    )
    if any(fit is not None for _, fit in longitudinal.comparisons):
        text += " Groups were compared as above, without ICV."
    if longitudinal.mixed:
        slopes = {term.has_random_slope for term in longitudinal.mixed}
        random = " and a random slope" if slopes == {True} else ""
        if len(slopes) == 2:
            random = " and, where the sessions identify one, a random slope"
        text += (
            f" A linear mixed model with a random intercept{random} per subject was fitted to all "
            "dated sessions by restricted maximum likelihood (Lindstrom & Bates 1988); p and "
            "limits are from Student's t with Satterthwaite's degrees of freedom (Giesbrecht & "
            "Burns 1985), at most those between the subjects with several sessions."
        )
    return [text]


def software_section(analysis: GroupAnalysis) -> Markup:
    """Versions, inputs, references."""
    options = analysis.options
    asked = [
        ["Results", str(options.output)],
        ["Participants", str(options.participants or "none")],
        ["Contrast", options.contrast or "none"],
        ["Covariates", ", ".join(f"{c.column} ({c.kind})" for c in analysis.covariates) or "none"],
        ["Main adjustment", analysis.adjustment],
        ["Also without listed scans", "yes" if options.exclude_flagged else "no"],
        ["Flags ignored", ", ".join(options.ignored_flags) or "none"],
    ]
    options_table = table("Options of this analysis.", ["Option", "Value"], asked, words=2)
    parts = [options_table, software_table(), heading("References"), numbered_list(REFERENCES)]
    return together(parts)


def software_table() -> Markup:
    """Versions of the software that computed the results."""
    rows = [["HypothalamusSeg", __version__], ["Python", platform.python_version()]]
    rows += [[name, _version(name)] for name in PACKAGES]
    return table("Software.", ["Package", "Version"], rows, words=2)


def _models(analysis: GroupAnalysis) -> list[str]:
    contrast = analysis.contrast
    named = [f"{c.column} ({KIND_WORDS[c.kind]})" for c in analysis.covariates]
    held = f" Covariates: {', '.join(named)}." if named else " There were no covariates."
    sample = analysis.sample
    is_a = contrast.is_a(sample)
    several = sample["participant_id"].isin(
        analysis.reviewed.loc[analysis.reviewed["participant_id"].duplicated(), "participant_id"]
    )
    first = " One scan per subject, from the first session, was used." if several.any() else ""
    paragraphs = [
        f"Groups ({contrast.column}: {contrast.level_a}, n = {is_a.sum()}; {contrast.level_b}, n = "
        f"{(~is_a).sum()}) were compared by ordinary least squares "
        f"{ADJUSTED_BY[analysis.adjustment]}.{held}{first} Scans of other groups, or "
        "with a missing covariate, were left out. "
        "Standard errors are heteroscedasticity-consistent (HC2; MacKinnon & White 1985), with the "
        "degrees of freedom of Bell & McCaffrey (2002; Imbens & Kolesár 2016); confidence limits "
        "are 95 % and p two-sided, from Student's t. "
        "Standardized differences are Hedges' g: the difference over the model's residual standard "
        "deviation, corrected for small samples, with limits from the non-central t distribution "
        "(Hedges 1981, Steiger & Fouladi 1997). Partial η² is from the classic model.",
    ]
    if analysis.adjustment != UNADJUSTED:
        paragraphs.append(
            "The other ways to adjust for ICV are also given: ICV as covariate; residuals of "
            f"the regression on ICV in {contrast.level_b} (O'Brien 2011); volume × (mean ICV / "
            f"ICV)^b with b the slope of log volume on log ICV in {contrast.level_b} (Liu 2014); "
            f"and volume × mean ICV / ICV. Mean ICV is that of {contrast.level_b}. Covariates "
            "enter the model after the adjustment. The asymmetry index, (left − right) / mean of "
            "both, is not adjusted for ICV."
        )
    if any(s.subunit for s in analysis.structures):
        paragraphs.append(
            "The false discovery rate over the ten subunits was controlled (Benjamini & Hochberg "
            "1995), within each adjustment; total, left, right and asymmetry were not corrected."
        )
    paragraphs.append(_beside(analysis))
    paragraphs.append(
        "Normality of residuals was tested by Shapiro–Wilk, equal spread by Breusch–Pagan, equal "
        "slopes by the product of group and ICV. Sample sizes are for two equal groups with the "
        "model's spread and covariates, two-sided at α = 0.05."
    )
    return paragraphs


def _beside(analysis: GroupAnalysis) -> str:
    """The additional models that were fitted."""
    found = analysis.supplement
    sentences = []
    if any(found.interactions.values()):
        sentences.append(
            "Interactions of group with each covariate were added one at a time; the difference "
            "is given at the groups' means, together with the values at which it has p < 0.05 on "
            "its own (Johnson & "
            "Neyman 1936)."
        )
    if found.methods:
        sentences.append(
            "Total, left and right were also compared by robust regression (Tukey's biweight, "
            "statsmodels RLM), by permutation (Freedman & Lane 1983; 9,999 shuffles, t with HC2 "
            "error) and by a Bayes factor (JZS, scale √2 / 2; Rouder et al. 2009)."
        )
    if analysis.options.equivalence_percent:
        sentences.append(
            "Equivalence within ± "
            f"{number(analysis.options.equivalence_percent, 1)} % of the controls' mean was tested "
            "by two one-sided tests (Schuirmann 1987)."
        )
    if found.all_groups is not None:
        sentences.append(
            f"All groups ({', '.join(found.all_groups.counts)}) were compared in one model, every "
            "pair with Holm's correction (1979)."
        )
    if found.sites:
        sentences.append(f"The analysis was repeated without each {analysis.options.site}.")
    if found.associations:
        names = ", ".join(dict.fromkeys(a.predictor for a in found.associations))
        sentences.append(
            f"Volumes were regressed on {names} with the same covariates and, where it differs, "
            "the group."
        )
    return " ".join(sentences)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
