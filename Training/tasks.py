"""What differs between the three trainings: network, samples, prediction, loss and score."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import torch
from HypothalamusSegLib import labels
from HypothalamusSegLib.geometry.head_box import COARSE_SPACING_MM
from HypothalamusSegLib.networks.residual_unet import ResidualUNet
from HypothalamusSegLib.stages import intensity
from HypothalamusSegLib.stages.border import CHANNELS
from HypothalamusSegLib.stages.border_profiles import SAMPLES, STEP_MM
from torch import Tensor, nn

from .border_drawing import WholeBorder
from .border_samples import BorderSamples, BorderSource, validation_borders
from .dataset import DatasetError
from .head_samples import HeadSamples, has_fine_icv
from .hypothalamus_samples import HypothalamusSamples
from .losses import border_loss, head_loss, hypothalamus_loss, sides
from .splits import FOLDS, TEST

# Logarithm of a volume ratio: a fifth less.
VALIDATION_CHANGE = math.log(0.8)


def split_subjects(prepared: Path, kind: str, fold: int) -> tuple[list[str], list[str]]:
    """Names for training and for validation; the test split is in neither."""
    parts = json.loads((prepared / "splits.json").read_text(encoding="utf-8"))[kind]
    training = [s for s, p in parts.items() if p not in (TEST, fold)]
    validation = [s for s, p in parts.items() if p == fold]
    return training, validation


class Task:
    """What all trainings share.

    Attributes
    ----------
    inputs : int
        How many tensors of a batch the network sees; the others are for the loss.
    half_precision : bool
        Whether training computes in bfloat16.
    """

    inputs = 1
    half_precision = True

    def predict(self, network: nn.Module, image: Tensor) -> Tensor:
        return network(image.contiguous(memory_format=torch.channels_last_3d)).float()


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

        Neighbours are versions of one subject, both mirrored or neither, as the loss wants them.
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
            "dice": _mean(side_dice),
            "subunit_dice": _mean(subunit_dice),
            "volume_percent": _mean(volume),
            **{name: _mean(values) for name, values in shares.items()},
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


class IcvTask(Task):
    """ICV and the place of the hypothalamus on whole heads at 2 mm."""

    network = {"in_channels": 1, "out_channels": 2, "widths": [24, 48, 80], "block": 2}

    def __init__(self, prepared: Path, fold: int, runs: Path) -> None:
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
        draw = self._training.draw_augmented if augment else self._training.draw_plain
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
                one_dice, volume = _mask_scores(logits[:1].sigmoid(), icv)
                dice.append(one_dice)
                signed.append(volume)
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


class IcvBorderTask(Task):
    """How far the intracranial border must move, after the ICV networks: train all five first."""

    network = {
        "channels": len(CHANNELS),
        "samples": SAMPLES,
        "step_mm": STEP_MM,
        "reach_mm": 6.0,
        "width": 24,
        "context": 16,
    }
    inputs = 3
    # A tenth of a millimetre counts, and bfloat16 has too few digits for a point's place.
    half_precision = False

    def __init__(self, prepared: Path, fold: int, runs: Path) -> None:
        own = _trained_coarse_network(runs, fold)
        sources: dict[int, list[BorderSource]] = {}
        for part in range(FOLDS):
            # The network that was not trained on them, if it is there already.
            there = part != fold and _best_weights(runs, part).exists()
            coarse = _trained_coarse_network(runs, part) if there else own
            sources[part] = [
                BorderSource(prepared, kind, name, coarse)
                for kind in ("heads", "scans")
                for name in split_subjects(prepared, kind, part)[1]
                if has_fine_icv(prepared, kind, name)
            ]
        self._validation = sources.pop(fold)
        training = [source for part in sources.values() for source in part]
        if not (training and self._validation):
            raise DatasetError(
                f"Fold {fold} of {prepared} has no intracranial labels to train or validate on. "
                "Add label heads or scans with an intracranial mask."
            )
        self._training = BorderSamples(training, runs / "icv_border" / "images")
        self._borders: list[WholeBorder] = []

    def batch(self, size: int, generator: torch.Generator, augment: bool) -> list[Tensor]:
        """Draw the border of one image, whatever ``size``: see `Border.batch`."""
        return self._training.border(generator, augment).batch()

    def predict(self, network: nn.Module, *seen: Tensor) -> Tensor:
        return network(*seen)

    def loss(self, displacement_mm: Tensor, wanted_mm: Tensor) -> Tensor:
        return border_loss(displacement_mm, wanted_mm)

    @torch.no_grad()
    def validate(self, network: nn.Module, device: torch.device) -> dict[str, float]:
        """Dice and volume difference of whole heads, after the correction and before."""
        after, before = [], []
        self._borders = self._borders or list(validation_borders(self._validation))
        for whole in self._borders:
            *seen, _ = (tensor.to(device) for tensor in whole.border.batch())
            corrected = whole.correct(network(*seen).cpu())
            after.append(_mask_scores(corrected, whole.icv))
            before.append(_mask_scores(whole.posterior, whole.icv))
        dice, volume = zip(*after, strict=True)
        scores = {
            "dice": _mean(dice),
            "volume_percent": _mean(volume),
            "absolute_volume_percent": _mean([abs(v) for v in volume]),
            "first_pass_dice": _mean([score for score, _ in before]),
            "first_pass_absolute_volume_percent": _mean([abs(v) for _, v in before]),
        }
        return {**scores, "score": scores["dice"]}


def _best_weights(runs: Path, fold: int) -> Path:
    return runs / "icv" / f"fold{fold}" / "best.pt"


def _trained_coarse_network(runs: Path, fold: int) -> nn.Module:
    path = _best_weights(runs, fold)
    if not path.exists():
        raise DatasetError(f"{path} is missing: train --structure icv --fold {fold} first.")
    network = ResidualUNet(**IcvTask.network)
    network.load_state_dict(torch.load(path, map_location="cpu"))
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last_3d)


def _mask_scores(posterior: Tensor, icv: Tensor) -> tuple[float, float]:
    """Dice of the mask and signed volume difference of the posterior in %."""
    found, wanted = posterior > 0.5, icv > 0.5
    both = float((found & wanted).sum())
    dice = 2 * both / max(1.0, float(found.sum() + wanted.sum()))
    return dice, 100 * float(posterior.sum() / icv.sum() - 1)


def _peak_distance_mm(found: Tensor, wanted: Tensor) -> float:
    peaks = [np.unravel_index(int(t.argmax()), t.shape) for t in (found, wanted)]
    return float(np.linalg.norm(np.subtract(*peaks))) * COARSE_SPACING_MM


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan


TASKS = {"hypothalamus": HypothalamusTask, "icv": IcvTask, "icv_border": IcvBorderTask}
