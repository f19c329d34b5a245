"""What all trainings share: the split of the subjects, and the parts of a task."""

from __future__ import annotations

import json
import math
from pathlib import Path

import torch
from torch import Tensor, nn

from .splits import TEST


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


def mean_of(values: list[float]) -> float:
    """Mean of scores; NaN if there is none."""
    return sum(values) / len(values) if values else math.nan
