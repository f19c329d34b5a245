"""Has adaptation helped? Outlines are better, and no measurement has got worse.

All figures are of cases by the fold that has not seen them, before and after. Each subject counts
once. Outlines must be better: Dice increases, with confidence. That volumes, changes and
repeatability have not got worse must be shown, too: the upper limit of what they may have lost is
below a margin (non-inferiority). Adaptation has helped only if every check is passed. Each test has
an error of 5 %, so that of the whole is at most 5 % without a correction (intersection–union test,
Berger, Technometrics 1982; 24:295). The mean volume alone is judged by its estimate.

Examples
--------
>>> [check.is_passed for check in judge([SubjectScores(0.80, 0.85, 0.22, 0.01)] * 5)]
[True, True, True, True]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST_DICE_GAIN = 0.005
# An eighth of what protocols differ by, a third of the scatter of single labels (Docs/ADAPT.md).
VOLUME_MARGIN_PERCENT = 5.0
# A change of 10 % is then measured at most one percentage point less well.
SHARE_MARGIN = 0.1
TURN_MARGIN_PERCENT = 1.0
CONFIDENCE = 0.95


@dataclass(frozen=True)
class SubjectScores:
    """Means over the cases of one subject, before and after.

    Attributes
    ----------
    dice_before, dice_after : float
    error_before, error_after : float
        Signed error of the volume: logarithm of the measured over the rater's.
    share_before, share_after : float or None
        Measured share of a planted change; 1 is right. None: not measured.
    turn_before, turn_after : float or None
        Absolute logarithm of the ratio of the volumes of the scan turned and as it is.
    """

    dice_before: float
    dice_after: float
    error_before: float
    error_after: float
    share_before: float | None = None
    share_after: float | None = None
    turn_before: float | None = None
    turn_after: float | None = None


@dataclass(frozen=True)
class Check:
    """One thing that is asked of an adaptation.

    Attributes
    ----------
    code, title : str
    unit : str
    loss : float
        By how much it has got worse on average; negative: better.
    limit : float
        The true loss is below it with a probability of 95 %. NaN where only the loss itself is
        asked for.
    margin : float
        What the limit, or else the loss, must be below.
    """

    code: str
    title: str
    unit: str
    loss: float
    limit: float
    margin: float
    is_passed: bool

    def as_json(self) -> dict:
        """Numbers for the manifest."""
        limit = round(self.limit, 4) if math.isfinite(self.limit) else None
        return {
            "loss": round(self.loss, 4),
            "loss_below": limit,
            "margin": self.margin,
            "is_passed": self.is_passed,
        }


def judge(subjects: Sequence[SubjectScores]) -> tuple[Check, ...]:
    """Check an adaptation; the checks on change and turning are there if these were measured."""
    dice = np.array([[s.dice_before, s.dice_after] for s in subjects])
    errors = 100 * np.array([[s.error_before, s.error_after] for s in subjects])
    scatter = np.abs(errors - errors.mean(0))
    bias = float(np.diff(np.abs(errors.mean(0)))[0])
    checks = [
        _outlines(dice),
        _not_worse("volume_error", "Volume of a single scan", "%", np.abs(errors)),
        # Its sign is that of few noisy labels, which no test tells from zero: the estimate decides.
        Check(
            "volume_bias",
            "Mean volume",
            "%",
            bias,
            math.nan,
            VOLUME_MARGIN_PERCENT,
            bias < VOLUME_MARGIN_PERCENT,
        ),
        _not_worse("volume_scatter", "Scatter of volumes", "%", scatter),
    ]
    shares = _known([(s.share_before, s.share_after) for s in subjects])
    if len(shares) > 1:
        missed = np.abs(1 - shares)
        checks.append(_not_worse("planted_share", "Share of a change", "", missed, SHARE_MARGIN))
    turned = 100 * _known([(s.turn_before, s.turn_after) for s in subjects])
    if len(turned) > 1:
        title = "Repeatability of a turned head"
        checks.append(_not_worse("turned_head", title, "%", turned, TURN_MARGIN_PERCENT))
    return tuple(checks)


def has_helped(checks: Sequence[Check]) -> bool:
    return all(check.is_passed for check in checks)


def upper_limit(values: np.ndarray) -> float:
    """The true mean is below it with a probability of 95 % (one-sided t); inf for one value."""
    from scipy import stats

    count = len(values)
    if count < 2:
        return math.inf
    error = float(values.std(ddof=1)) / math.sqrt(count)
    return float(values.mean()) + float(stats.t.ppf(CONFIDENCE, count - 1)) * error


def _outlines(dice: np.ndarray) -> Check:
    """Better by the least gain, and confidently better at all."""
    loss = dice[:, 0] - dice[:, 1]
    limit = upper_limit(loss)
    is_passed = -float(loss.mean()) >= LEAST_DICE_GAIN and limit < 0
    return Check("dice", "Dice", "", float(loss.mean()), limit, -LEAST_DICE_GAIN, is_passed)


def _not_worse(
    code: str, title: str, unit: str, errors: np.ndarray, margin: float = VOLUME_MARGIN_PERCENT
) -> Check:
    """Errors before and after, shape (n, 2): the limit of their rise is below the margin."""
    loss = errors[:, 1] - errors[:, 0]
    limit = upper_limit(loss)
    return Check(code, title, unit, float(loss.mean()), limit, margin, limit < margin)


def _known(pairs: Sequence[tuple[float | None, float | None]]) -> np.ndarray:
    found = [pair for pair in pairs if None not in pair]
    return np.array(found, float).reshape(-1, 2)
