"""What differs between the two structures: network, samples, loss and validation score."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import torch
from HypothalamusSegLib import intensity, labels
from HypothalamusSegLib.head_box import COARSE_SPACING_MM
from torch import Tensor, nn

from .dataset import DatasetError
from .head_samples import HeadSamples
from .hypothalamus_samples import HypothalamusSamples
from .losses import head_loss, hypothalamus_loss, sides
from .splits import TEST


def split_subjects(prepared: Path, kind: str, fold: int) -> tuple[list[str], list[str]]:
    """Names for training and for validation; the test split is in neither."""
    parts = json.loads((prepared / "splits.json").read_text(encoding="utf-8"))[kind]
    training = [s for s, p in parts.items() if p not in (TEST, fold)]
    validation = [s for s, p in parts.items() if p == fold]
    return training, validation


class HypothalamusTask:
    """Ten subunits on 1 mm regions around the hypothalamus."""

    network = {"in_channels": 1, "out_channels": labels.CHANNELS, "widths": [24, 64, 96]}

    def __init__(self, prepared: Path, fold: int) -> None:
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
        """Draw image (N, 1, I, J, K), target (N, 11, I, J, K) and weight (N,)."""
        picks = torch.randint(len(self._training), (size,), generator=generator).tolist()
        if augment:
            drawn = [self._training.augmented(index, generator) for index in picks]
        else:
            drawn = [self._training.plain(index) for index in picks]
        images, targets, weights = zip(*drawn, strict=True)
        image = intensity.standardise_region(torch.stack(images))
        return [image, torch.stack(targets), torch.tensor(weights)]

    def loss(self, logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        return hypothalamus_loss(logits, target, weight)

    @torch.no_grad()
    def validate(self, network: nn.Module, device: torch.device) -> dict[str, float]:
        """Mean Dice of left and right, of the subunits, and signed volume difference in %."""
        side_dice, subunit_dice, volume = [], [], []
        for index in range(len(self._validation)):
            image, target, _ = self._validation.plain(index)
            image = intensity.standardise_region(image[None]).to(device)
            posterior = network(image).float().softmax(1).cpu()
            target = target[None]
            side_dice.append(_label_dice(_with_background(posterior), _with_background(target)))
            subunit_dice.append(_label_dice(posterior, target))
            found, wanted = sides(posterior).sum(), sides(target).sum()
            volume.append(100 * float((found - wanted) / wanted))
        mean = {
            "dice": sum(side_dice) / len(side_dice),
            "subunit_dice": sum(subunit_dice) / len(subunit_dice),
            "volume_percent": sum(volume) / len(volume),
        }
        bias = abs(mean["volume_percent"]) / 100
        return {**mean, "score": mean["dice"] + 0.3 * mean["subunit_dice"] - 0.5 * bias}


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


class HeadTask:
    """ICV and the place of the hypothalamus on whole heads at 2 mm."""

    network = {"in_channels": 1, "out_channels": 2, "widths": [24, 48, 80], "block": 2}

    def __init__(self, prepared: Path, fold: int) -> None:
        heads, validation_heads = split_subjects(prepared, "heads", fold)
        scans, validation_scans = split_subjects(prepared, "scans", fold)
        self._training = HeadSamples(prepared, heads, scans)
        self._validation = HeadSamples(prepared, validation_heads, validation_scans)
        if not self._validation.has_icv:
            raise DatasetError(
                f"Fold {fold} of {prepared} has neither a label head nor a scan with an "
                "intracranial mask to validate on. Add some."
            )

    def batch(self, size: int, generator: torch.Generator, augment: bool) -> list[Tensor]:
        """Draw image, icv (N, 1, I, J, K), icv_known (N,) and place (N, 1, I, J, K)."""
        draw = self._training.augmented if augment else self._training.plain
        images, icv, known, place = zip(*(draw(generator) for _ in range(size)), strict=True)
        image = intensity.standardise_head(torch.stack(images))
        return [image, torch.stack(icv), torch.tensor(known), torch.stack(place)]

    def loss(self, logits: Tensor, icv: Tensor, known: Tensor, place: Tensor) -> Tensor:
        return head_loss(logits, icv, known, place)

    @torch.no_grad()
    def validate(self, network: nn.Module, device: torch.device) -> dict[str, float]:
        """ICV Dice and volume difference on validation heads, place error on validation scans."""
        dice, signed, errors_mm = [], [], []
        for image, icv, known, place in self._validation.validation_samples():
            image = intensity.standardise_head(image[None]).to(device)
            logits = network(image)[0].float().cpu()
            if known:
                found, wanted = logits[0] > 0, icv[0] > 0.5
                both = float((found & wanted).sum())
                dice.append(2 * both / max(1.0, float(found.sum() + wanted.sum())))
                signed.append(100 * float(logits[0].sigmoid().sum() / icv.sum() - 1))
            if place.any():
                errors_mm.append(_peak_distance_mm(logits[1], place[0]))
        scores = {
            "dice": _mean(dice),
            "volume_percent": _mean(signed),
            "absolute_volume_percent": _mean([abs(v) for v in signed]),
            "place_error_mm": _mean(errors_mm),
            "worst_place_error_mm": max(errors_mm, default=math.nan),
        }
        return {**scores, "score": scores["dice"]}


def _peak_distance_mm(found: Tensor, wanted: Tensor) -> float:
    peaks = [np.unravel_index(int(t.argmax()), t.shape) for t in (found, wanted)]
    return float(np.linalg.norm(np.subtract(*peaks))) * COARSE_SPACING_MM


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan


TASKS = {"hypothalamus": HypothalamusTask, "icv": HeadTask}
