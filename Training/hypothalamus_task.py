"""Training of the fine stage: ten subunits on regions around the hypothalamus."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from HypothalamusSegLib import labels
from HypothalamusSegLib.stages import intensity
from torch import Tensor, nn

from .dataset import DatasetError
from .hypothalamus_samples import HypothalamusSamples
from .losses import hypothalamus_loss, sides
from .training_task import Task, mean_of, split_subjects

# Logarithm of a volume ratio: a fifth less.
VALIDATION_CHANGE = math.log(0.8)


class HypothalamusTask(Task):
    """Ten subunits on 1 mm regions around the hypothalamus."""

    network = {"in_channels": 1, "out_channels": labels.CHANNELS, "widths": [24, 64, 96]}

    def __init__(self, prepared: Path, fold: int, runs: Path) -> None:
        training, validation = (
            [name for name in names if (prepared / "regions" / f"{name}.npz").exists()]
            for names in split_subjects(prepared, "scans", fold)
        )
        if not training or not validation:
            raise DatasetError(
                f"Fold {fold} of {prepared} has {len(training)} scans with subunit labels to train "
                f"on and {len(validation)} to validate on. Label more scans."
            )
        self._training = HypothalamusSamples(prepared, training)
        self._validation = HypothalamusSamples(prepared, validation)

    def batch(self, size: int, generator: torch.Generator, augment: bool) -> list[Tensor]:
        """Draw image (N, 1, I, J, K), target (N, 11, I, J, K) and weight (N,), in pairs.

        Neighbors are versions of one subject, both mirrored or neither, as the loss wants them.
        """
        subjects = (size + 1) // 2
        picks = torch.randint(len(self._training), (subjects,), generator=generator)
        picks = picks.repeat_interleave(2)[:size].tolist()
        mirrored = (torch.rand(subjects, generator=generator) < 0.5).repeat_interleave(2).tolist()
        if augment:
            drawn = [
                self._training.draw_augmented(index, generator, flip)
                for index, flip in zip(picks, mirrored[:size], strict=True)
            ]
        else:
            drawn = [self._training.draw_plain(index) for index in picks]
        images, targets, weights = zip(*drawn, strict=True)
        image = intensity.standardise_region(torch.stack(images))
        return [image, torch.stack(targets), torch.tensor(weights)]

    def loss(self, logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        return hypothalamus_loss(logits, target, weight)

    @torch.no_grad()
    def validate(self, network: nn.Module, device: torch.device) -> dict[str, float]:
        """Dice and volume on validation subjects, and what share of a planted change is seen."""
        side_dice, subunit_dice, volume = [], [], []
        shares: dict[str, list[float]] = {"planted_share": [], "zoom_share": []}
        for index in range(len(self._validation)):
            posterior, target = self._answer(network, device, index)
            side_dice.append(_label_dice(_with_background(posterior), _with_background(target)))
            subunit_dice.append(_label_dice(posterior, target))
            found, wanted = _log_volume(posterior), _log_volume(target)
            volume.append(100 * math.expm1(found - wanted))
            for name, change in (
                ("planted_share", {"log_change": VALIDATION_CHANGE}),
                ("zoom_share", {"log_zoom": VALIDATION_CHANGE}),
            ):
                changed = [_log_volume(p) for p in self._answer(network, device, index, **change)]
                shares[name].append((changed[0] - found) / (changed[1] - wanted))
        mean = {
            "dice": mean_of(side_dice),
            "subunit_dice": mean_of(subunit_dice),
            "volume_percent": mean_of(volume),
            **{name: mean_of(values) for name, values in shares.items()},
        }
        bias = abs(mean["volume_percent"]) / 100
        missed = abs(1 - mean["planted_share"])
        score = mean["dice"] + 0.3 * mean["subunit_dice"] - 0.5 * bias - 0.1 * missed
        return {**mean, "score": score}

    def _answer(
        self, network: nn.Module, device: torch.device, index: int, **change: float
    ) -> tuple[Tensor, Tensor]:
        """Posterior and target (1, 11, I, J, K) of a validation subject."""
        image, target, _ = self._validation.draw_plain(index, **change)
        image = intensity.standardise_region(image[None]).to(device)
        return network(image).float().softmax(1).cpu(), target[None]


def _log_volume(posterior: Tensor) -> float:
    return math.log(max(1e-6, float(sides(posterior).sum())))


def _with_background(posterior: Tensor) -> Tensor:
    return torch.cat([posterior[:, :1], sides(posterior)], 1)


def _label_dice(posterior: Tensor, target: Tensor) -> float:
    """Mean Dice over the labels of the arg-max, background left out."""
    found, wanted = posterior.argmax(1), target.argmax(1)
    dice = []
    for label in range(1, posterior.shape[1]):
        a, b = found == label, wanted == label
        dice.append(2.0 * float((a & b).sum()) / max(1.0, float(a.sum() + b.sum())))
    return sum(dice) / len(dice)
