"""Trainings of seconds: two steps of narrow networks on coarse heads, to test what is around."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from Training import border_drawing, export, head_samples, tasks, train

# In the order in which they must be trained: the border's networks go on from the ICV's.
STRUCTURES = ("hypothalamus", "icv", "icv_border")
STEPS, INTERRUPTED_AFTER = 2, 1
# Whole heads at 2 mm throughout: an eighth of the voxels, and no network that must be good.
FINE_SPACING_MM = 2.0


@contextmanager
def small_trainings() -> Iterator[None]:
    """One thread, coarse heads, and networks of the real depth with few channels."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        for module in (head_samples, border_drawing):
            patch.setattr(module, "FINE_SPACING_MM", FINE_SPACING_MM)
        patch.setattr(head_samples, "VALIDATION_IMAGES", 1)
        for task in (tasks.HypothalamusTask, tasks.IcvTask):
            patch.setattr(task, "network", {**task.network, "widths": [4, 8, 12]})
        border = tasks.IcvBorderTask
        patch.setattr(border, "network", {**border.network, "width": 4, "context": 4})
        yield
    torch.set_num_threads(before)


def train_fold(structure: str, prepared: Path, runs: Path, *more: str, steps: int = STEPS) -> None:
    arguments = ["--structure", structure, "--fold", "0", "--steps", str(steps), "--batch", "1"]
    arguments += ["--threads", "1", "--device", "cpu", *more]
    assert train.main([*arguments, "--prepared", str(prepared), "--runs", str(runs)]) == 0


def interrupt_fold(structure: str, prepared: Path, runs: Path) -> None:
    """Train with a checkpoint after each step, and stop within a step."""
    one_step = train.Trainer._train_step

    def stop_later(trainer: train.Trainer) -> float:
        if trainer.step == INTERRUPTED_AFTER:
            raise KeyboardInterrupt
        return one_step(trainer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "CHECKPOINT_EVERY_S", 0.0)
        patch.setattr(train.Trainer, "_train_step", stop_later)
        with pytest.raises(KeyboardInterrupt):
            train_fold(structure, prepared, runs)


def export_folds(runs: Path, prepared: Path, output: Path) -> int:
    arguments = ["--runs", str(runs), "--prepared", str(prepared), "--output", str(output)]
    return export.main(arguments)


def only_runs_of(structures: Iterable[str], runs: Path, folder: Path) -> Path:
    """A folder of runs in which some structures alone were trained."""
    folder.mkdir()
    for structure in structures:
        (folder / structure).symlink_to(runs / structure)
    return folder


def strict_json(path: Path) -> dict:
    """Read JSON and refuse NaN, which Python alone would let pass."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{path} holds {constant}")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
