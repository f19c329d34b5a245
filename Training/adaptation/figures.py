"""Honest figures: each case is scored by the fold that has not been trained on it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from HypothalamusSegLib.geometry.canonical_frame import Template
from HypothalamusSegLib.geometry.voxel_image import VoxelImage
from HypothalamusSegLib.reading import read_scan
from HypothalamusSegLib.stages.fine import segment_region
from HypothalamusSegLib.stages.orientation import turn
from torch import nn

from ..planted_scans import PlantingGround
from ..regions import posterior_grid
from .cases import Case
from .scores import CaseScore, score_case, segment_look

PLANTED_CHANGE = -0.1
# Planting takes seconds a case; the mean share needs no more than this.
MOST_PLANTED = 6
# Adaptation has helped if Dice rises by at least this, and surely enough.
LEAST_GAIN = 0.005


@dataclass(frozen=True)
class CaseFigures:
    """One case before and after, by the fold that has not seen it.

    Attributes
    ----------
    name : str
    part : int
    before, after : CaseScore
    share_before, share_after : float or None
        Share that is measured of a hypothalamus made a tenth smaller; None: not measured.
    """

    name: str
    part: int
    before: CaseScore
    after: CaseScore
    share_before: float | None = None
    share_after: float | None = None


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
    """

    dice: float
    volume_percent: float
    error_sd_percent: float
    planted_share: float | None


@dataclass(frozen=True)
class Figures:
    """What adaptation has brought.

    Attributes
    ----------
    cases : tuple of CaseFigures
    before, after : Summary
    gain : float
        Mean difference of Dice, after minus before.
    gain_low : float
        Its lower limit: the true mean is above it with a probability of 95 %.
    """

    cases: tuple[CaseFigures, ...]
    before: Summary
    after: Summary
    gain: float
    gain_low: float

    @property
    def has_helped(self) -> bool:
        """Whether outlines are surely closer to the rater's."""
        return self.gain >= LEAST_GAIN and self.gain_low > 0

    def as_json(self) -> dict:
        """Numbers alone, for the manifest: no name of a case."""
        return {
            "n": len(self.cases),
            "before": asdict(self.before),
            "after": asdict(self.after),
            "dice_gain": self.gain,
            "dice_gain_low": self.gain_low,
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
        shares: list[float | None] = [None, None]
        if index < MOST_PLANTED:
            shares = planted_shares(case, pair, frame_network, template)
        found.append(CaseFigures(case.name, case.part, *scores, *shares))
        on_case(index + 1)
    return summarise(found)


def summarise(cases: Sequence[CaseFigures]) -> Figures:
    gains = np.array([case.after.dice - case.before.dice for case in cases])
    error = float(gains.std(ddof=1)) / math.sqrt(len(gains)) if len(gains) > 1 else math.inf
    return Figures(
        cases=tuple(cases),
        before=_summary([c.before for c in cases], [c.share_before for c in cases]),
        after=_summary([c.after for c in cases], [c.share_after for c in cases]),
        gain=float(gains.mean()),
        gain_low=float(gains.mean()) - _t_quantile(len(gains) - 1) * error,
    )


def planted_shares(
    case: Case,
    networks: Sequence[nn.Module],
    frame_network: nn.Module,
    template: Template | None,
) -> list[float]:
    """What share of a planted change of the rater's hypothalamus each network measures."""
    volume = read_scan(case.file.scan).volume
    upright = volume if case.look.turned is None else turn(volume, case.look.turned)
    affine = posterior_grid(case.look.frame.centre_mm).affine
    planted = PlantingGround(upright, case.target, affine).atrophy(PLANTED_CHANGE)
    shares = []
    for network in networks:
        logs = [
            math.log(_volume_mm3(image, case, network, frame_network, template))
            for image in (upright, planted.volume)
        ]
        shares.append((logs[1] - logs[0]) / math.log(planted.total_ratio))
    return shares


def _volume_mm3(
    image: VoxelImage,
    case: Case,
    network: nn.Module,
    frame_network: nn.Module,
    template: Template | None,
) -> float:
    shape = case.look.regions.shape[1:]
    fine = segment_region(
        image, case.look.place_mm, [network], template, shape, "cpu", frame_network=frame_network
    )
    return max(1.0, float(fine.posterior[1:].sum(dtype=np.float64)) * fine.grid.voxel_volume_mm3)


def _summary(scores: Sequence[CaseScore], shares: Sequence[float | None]) -> Summary:
    errors = np.array([score.log_ratio for score in scores])
    known = [share for share in shares if share is not None]
    return Summary(
        dice=float(np.mean([score.dice for score in scores])),
        volume_percent=100 * math.expm1(float(errors.mean())),
        error_sd_percent=100 * float(errors.std(ddof=1)) if len(errors) > 1 else 0.0,
        planted_share=float(np.mean(known)) if known else None,
    )


def _t_quantile(degrees: int) -> float:
    from scipy import stats

    return float(stats.t.ppf(0.95, max(1, degrees)))
