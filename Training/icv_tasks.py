"""Trainings of the coarse and of the border stage: ICV, and the border that it draws."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
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
from .losses import border_loss, head_loss
from .splits import FOLDS
from .training_task import Task, mean_of, split_subjects


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
            "dice": mean_of(dice),
            "volume_percent": mean_of(signed),
            "absolute_volume_percent": mean_of([abs(v) for v in signed]),
            "place_error_mm": mean_of(errors_mm),
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
    # A tenth of a millimeter counts, and bfloat16 has too few digits for a point's place.
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
            "dice": mean_of(dice),
            "volume_percent": mean_of(volume),
            "absolute_volume_percent": mean_of([abs(v) for v in volume]),
            "first_pass_dice": mean_of([score for score, _ in before]),
            "first_pass_absolute_volume_percent": mean_of([abs(v) for _, v in before]),
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
