"""Honest figures: each case is scored by the fold that has not been trained on it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from HypothalamusSegLib.geometry.canonical_frame import Template
from torch import nn

from .cases import Case
from .judgement import Check, SubjectScores, has_helped, judge
from .probes import Probe, probe_case
from .scores import CaseScore, score_case, segment_look

# Probes take seconds per case; their means need no more than this.
MOST_PROBED = 6


@dataclass(frozen=True)
class CaseFigures:
    """One case before and after, by the fold that has not seen it.

    Attributes
    ----------
    name : str
    part : int
    before, after : CaseScore
    probe_before, probe_after : Probe or None
        A planted change, and a turned head; None: not measured.
    subject : str
        Cases of one subject count once; empty: it has this case alone.
    """

    name: str
    part: int
    before: CaseScore
    after: CaseScore
    probe_before: Probe | None = None
    probe_after: Probe | None = None
    subject: str = ""


@dataclass(frozen=True)
class Summary:
    """Means over the cases, before or after.

    Attributes
    ----------
    dice : float
    volume_percent : float
        Signed, of the geometric mean ratio.
    error_sd_percent : float
        Standard deviation of single errors of the logarithm of volume, times 100.
    planted_share : float or None
        Mean share that is measured of a hypothalamus made a tenth smaller.
    turn_percent : float or None
        Mean difference of volume when the head is turned.
    """

    dice: float
    volume_percent: float
    error_sd_percent: float
    planted_share: float | None
    turn_percent: float | None = None


@dataclass(frozen=True)
class Figures:
    """The effect of adaptation.

    Attributes
    ----------
    cases : tuple of CaseFigures
    before, after : Summary
    checks : tuple of Check
        What is asked of an adaptation, over subjects.
    """

    cases: tuple[CaseFigures, ...]
    before: Summary
    after: Summary
    checks: tuple[Check, ...]

    @property
    def has_helped(self) -> bool:
        """Whether outlines are confidently closer to the rater's, and nothing has become worse."""
        return has_helped(self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.is_passed)

    def as_json(self) -> dict:
        """Only numbers, for the manifest: no names of cases."""
        return {
            "n": len(self.cases),
            "subjects": len(_by_subject(self.cases)),
            "before": asdict(self.before),
            "after": asdict(self.after),
            "checks": {check.code: check.as_json() for check in self.checks},
            "has_helped": self.has_helped,
        }


def measure(
    cases: Sequence[Case],
    before: Sequence[nn.Module],
    after: Sequence[nn.Module],
    frame_network: nn.Module,
    template: Template | None,
    on_case: Callable[[int], None],
) -> Figures:
    """Score every case by the fold of its part, before and after.

    Parameters
    ----------
    cases : sequence of Case
        With parts.
    before, after : sequence of Module
        The five folds; fold k has not been trained on the cases of part k.
    frame_network : Module
        The parent's, which finds the frame.
    template : Template or None
    on_case : callable
        Told how many are done.
    """
    found = []
    for index, case in enumerate(cases):
        pair = (before[case.part], after[case.part])
        scores = [
            score_case(segment_look(case.look, [network]), case.label, case.kind)
            for network in pair
        ]
        probes: Sequence[Probe | None] = (None, None)
        if index < MOST_PROBED:
            probes = probe_case(case, pair, frame_network, template)
        found.append(CaseFigures(case.name, case.part, *scores, *probes, case.file.subject))
        on_case(index + 1)
    return summarise(found)


def summarise(cases: Sequence[CaseFigures]) -> Figures:
    """Summarise cases, and judge by their subjects."""
    subjects = [_scores_of(group) for group in _by_subject(cases)]
    return Figures(
        cases=tuple(cases),
        before=_summary([c.before for c in cases], [c.probe_before for c in cases]),
        after=_summary([c.after for c in cases], [c.probe_after for c in cases]),
        checks=judge(subjects),
    )


def _by_subject(cases: Sequence[CaseFigures]) -> list[list[CaseFigures]]:
    groups: dict[str, list[CaseFigures]] = {}
    for case in cases:
        groups.setdefault(case.subject or case.name, []).append(case)
    return list(groups.values())


def _scores_of(cases: Sequence[CaseFigures]) -> SubjectScores:
    """Means over the cases of one subject."""
    probed = [case for case in cases if case.probe_before and case.probe_after]

    def probe_mean(name: str, field: str) -> float | None:
        values = [getattr(getattr(case, name), field) for case in probed]
        return float(np.mean(values)) if values else None

    return SubjectScores(
        float(np.mean([case.before.dice for case in cases])),
        float(np.mean([case.after.dice for case in cases])),
        float(np.mean([case.before.log_ratio for case in cases])),
        float(np.mean([case.after.log_ratio for case in cases])),
        probe_mean("probe_before", "share"),
        probe_mean("probe_after", "share"),
        probe_mean("probe_before", "turn_error"),
        probe_mean("probe_after", "turn_error"),
    )


def _summary(scores: Sequence[CaseScore], probes: Sequence[Probe | None]) -> Summary:
    errors = np.array([score.log_ratio for score in scores])
    known = [probe for probe in probes if probe is not None]
    return Summary(
        dice=float(np.mean([score.dice for score in scores])),
        volume_percent=100 * math.expm1(float(errors.mean())),
        error_sd_percent=100 * float(errors.std(ddof=1)) if len(errors) > 1 else 0.0,
        planted_share=float(np.mean([probe.share for probe in known])) if known else None,
        turn_percent=100 * float(np.mean([p.turn_error for p in known])) if known else None,
    )
