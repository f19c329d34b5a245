"""The group analysis: from the table of results to everything that the report shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..number_format import format_count
from ..structures import INTRACRANIAL, VOLUME, Structure, adjusted_column, measured_structures
from .association import check_predictors
from .comparisons import ALL_SCANS, WITHOUT_LISTED, Statistics, compare_groups
from .contrast import Contrast
from .covariates import Covariate
from .errors import (
    CovariateError,
    NoResultsError,
    TooFewScansError,
)
from .findings import NOTE, WARNING, Finding, Topic
from .flow import FlowStep, participants_flow
from .followed import analyse_followed
from .icv_adjustment import ADJUSTMENTS, ANCOVA, UNADJUSTED, fit_adjustment
from .icv_trust import icv_findings
from .joined_table import GroupTable, first_sessions, join
from .longitudinal import Longitudinal, analyse_change, outlying_subjects
from .options import GroupOptions
from .outliers import find_one_sided_outliers, is_listed, review
from .overlap import find_missing_overlap
from .participants_table import SESSION_PREFIX, SUBJECT_PREFIX
from .reliability import Reliability, read_reliability
from .review_marks import ReviewMarks, find_replaced_firsts, read_review_marks, with_checked
from .session_times import SessionTimes, read_session_times
from .study_design import read_design
from .supplement import Supplement, supplement

SMALL_GROUP = 10


@dataclass(frozen=True)
class GroupAnalysis:
    """All that was found.

    Attributes
    ----------
    options : GroupOptions
    table : GroupTable
    reviewed : DataFrame
        Every scan with its reasons for review (`Cohort.group.outliers`).
    sample : DataFrame
        One row per subject: the scans of the models, or without a contrast everyone's first.
    volumes : DataFrame
        What group_volumes.tsv holds.
    contrast : Contrast or None
    covariates : tuple of Covariate
    structures : tuple of Structure
    statistics : list of Statistics
        All scans, and on request without the listed ones; empty without a contrast.
    adjustment : str
        The one that the report leads with: as asked, or none without ICV.
    supplement : Supplement
    reliability : Reliability or None
    times : SessionTimes
    longitudinal : list of Longitudinal
        All scans, and on request without the listed ones and without subjects whose change is an
        outlier; empty without session times.
    followed : Longitudinal or None
        All scans, with the volumes of the follow level; None if it was not asked for.
    findings : tuple of Finding
        Remarks about data, matching and ICV.
    flow : list of FlowStep
        Participants by where their way ends.
    marks : ReviewMarks
        Of reviews: what was rejected by whom, comments, agreement of raters.
    """

    options: GroupOptions
    table: GroupTable
    reviewed: pd.DataFrame
    sample: pd.DataFrame
    volumes: pd.DataFrame
    contrast: Contrast | None
    covariates: tuple[Covariate, ...]
    structures: tuple[Structure, ...]
    statistics: list[Statistics]
    adjustment: str
    supplement: Supplement
    reliability: Reliability | None
    times: SessionTimes
    longitudinal: list[Longitudinal]
    followed: Longitudinal | None
    findings: tuple[Finding, ...]
    flow: list[FlowStep]
    marks: ReviewMarks

    @property
    def rejected(self) -> dict[str, str]:
        """Rejected scans, and who rejected each."""
        return self.marks.rejected


def analyse(
    options: GroupOptions, results: pd.DataFrame, failures: pd.DataFrame | None = None
) -> GroupAnalysis:
    """Join, check, compare.

    Parameters
    ----------
    options : GroupOptions
    results : DataFrame
        From `Cohort.index.results_table.read_results`.
    failures : DataFrame, optional
        From `Cohort.index.results_table.read_failures`, for the flow of participants.

    Raises
    ------
    HypothalamusSegError
        See `Cohort.group.errors`.
    """
    participants, contrast, covariates, decided = read_design(options)
    check_predictors(options.predictors, participants)
    reliability = read_reliability(options.repeat_scans) if options.repeat_scans else None
    results = _choose_results(results, options)
    nobody = pd.DataFrame(columns=["participant_id", "scan", "code"])
    failed = nobody if failures is None else failures
    marks = read_review_marks(options.reviews, results)
    kept = results[~results["scan"].isin(marks.rejected)]
    gone = frozenset(results["participant_id"]) - set(kept["participant_id"])
    table = join(kept, participants, options.output, gone)
    structures = measured_structures(table.scans)
    times = read_session_times(table.scans, participants, options.data_root, options.time_column)
    reviewed = with_checked(review(table.scans, covariates, options.ignored_flags), marks)
    reviewed = reviewed.assign(years=times.years)
    first, later = first_sessions(reviewed)
    findings = [*table.findings, *marks.findings, *find_replaced_firsts(results, marks.rejected)]
    findings += [*decided, *later, *times.findings]
    statistics: list[Statistics] = []
    adjustment = options.adjustment
    sample = first
    if contrast is not None:
        complete = compare_groups(first, contrast, covariates, structures, ALL_SCANS)
        statistics.append(complete)
        sample = complete.frame
        findings += [*_in_neither(first, contrast), *complete.findings]
        findings += [*_small_groups(sample, contrast), *find_one_sided_outliers(sample, contrast)]
        findings += find_missing_overlap(sample, contrast, covariates)
        if options.exclude_flagged:
            kept = first[~is_listed(first)]
            try:
                statistics.append(
                    compare_groups(kept, contrast, covariates, structures, WITHOUT_LISTED)
                )
            except (TooFewScansError, CovariateError):
                text = (
                    "No result without the listed scans: too few are left in a group. Flags that "
                    "all scans share can be ignored with --ignore-flags"
                )
                findings.append(Finding(WARNING, Topic.GROUPS, text))
    findings += icv_findings(sample, contrast)
    if sample["icv_mm3"].isna().all():
        adjustment = UNADJUSTED
    followed = None
    if options.followed and times.source:
        followed, unlike = analyse_followed(reviewed, options.output, contrast, covariates)
        findings += unlike
    beside = supplement(
        statistics[0] if statistics else None,
        first,
        contrast,
        covariates,
        structures,
        adjustment,
        options,
    )
    return GroupAnalysis(
        options=options,
        table=table,
        reviewed=reviewed,
        sample=sample,
        volumes=_with_adjusted_volumes(reviewed, sample, contrast, structures),
        contrast=contrast,
        covariates=covariates,
        structures=structures,
        statistics=statistics,
        adjustment=adjustment,
        supplement=beside,
        reliability=reliability,
        times=times,
        longitudinal=_changes(reviewed, times, contrast, covariates, options.exclude_flagged),
        followed=followed,
        findings=tuple(findings),
        flow=participants_flow(results, failed, marks.rejected, participants, sample, contrast),
        marks=marks,
    )


def _changes(
    reviewed: pd.DataFrame,
    times: SessionTimes,
    contrast: Contrast | None,
    covariates: tuple[Covariate, ...],
    also_without_listed: bool,
) -> list[Longitudinal]:
    if not times.source:
        return []
    every = analyse_change(reviewed, contrast, covariates)
    if not also_without_listed:
        return [every]
    is_outlier = reviewed["participant_id"].isin(outlying_subjects(every.changes))
    kept = reviewed[~is_listed(reviewed) & ~is_outlier]
    return [every, analyse_change(kept, contrast, covariates, WITHOUT_LISTED)]


def _choose_results(results: pd.DataFrame, options: GroupOptions) -> pd.DataFrame:
    if INTRACRANIAL.column not in results:
        results = results.assign(**{INTRACRANIAL.column: np.nan})
    for column, prefix, labels in (
        ("participant_id", SUBJECT_PREFIX, options.participant_labels),
        ("session_id", SESSION_PREFIX, options.session_labels),
    ):
        if labels:
            wanted = {prefix + label.removeprefix(prefix) for label in labels}
            results = results[results[column].isin(wanted)]
            if results.empty:
                raise NoResultsError(
                    f"{options.output} holds no finished scan of {', '.join(sorted(wanted))}."
                )
    return results


def _in_neither(first: pd.DataFrame, contrast: Contrast) -> list[Finding]:
    others = first.drop(contrast.members(first).index)
    if not len(others):
        return []
    counts = others[contrast.column].fillna("n/a").value_counts()
    levels = ", ".join(f"{level} {count}" for level, count in counts.items())
    text = f"Scans in neither group of the contrast ({contrast.column}: {levels})"
    return [Finding(NOTE, Topic.GROUPS, text, tuple(others["scan"]))]


def _small_groups(frame: pd.DataFrame, contrast: Contrast) -> list[Finding]:
    is_a = contrast.is_a(frame)
    counts = {contrast.level_a: int(is_a.sum()), contrast.level_b: int((~is_a).sum())}
    small = [
        f"{level}: {format_count(n, 'scan')}" for level, n in counts.items() if n < SMALL_GROUP
    ]
    if not small:
        return []
    text = (
        "A group is so small that its results are imprecise, and tests of assumptions cannot "
        "detect anything"
    )
    return [Finding(WARNING, Topic.GROUPS, text, tuple(small))]


def _with_adjusted_volumes(
    reviewed: pd.DataFrame,
    sample: pd.DataFrame,
    contrast: Contrast | None,
    structures: tuple[Structure, ...],
) -> pd.DataFrame:
    """Add ``<structure>_adjusted_<method>_mm3``, fitted on the controls of the sample."""
    reference = np.ones(len(sample), bool) if contrast is None else ~contrast.is_a(sample)
    icv = reviewed["icv_mm3"].to_numpy(float)
    added = {}
    for structure in structures:
        if structure.kind != VOLUME:
            continue
        for method in ADJUSTMENTS:
            if method == ANCOVA:
                continue
            adjustment = fit_adjustment(
                method,
                sample[structure.column].to_numpy(float),
                sample["icv_mm3"].to_numpy(float),
                np.asarray(reference, bool),
            )
            added[adjusted_column(structure, method)] = adjustment.apply(
                reviewed[structure.column].to_numpy(float), icv
            )
    return pd.concat([reviewed, pd.DataFrame(added, index=reviewed.index)], axis=1)
