"""A tiny prepared data set, made once for all files and processes, and what is trained on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from Testing.support.made_once import made_once


class Data(NamedTuple):
    """Labelled scans, label heads, and what `Training.prepare` made of both."""

    scans: Path
    heads: Path
    prepared: Path


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Data:
    """Only to be read."""
    from Testing.support.labelled_heads import write_label_heads, write_scans
    from Testing.support.small_training import FINE_SPACING_MM
    from Training import prepare

    def make(folder: Path) -> None:
        scans, heads = write_scans(folder / "scans"), write_label_heads(folder / "heads")
        arguments = ["--scans", str(scans), "--heads", str(heads)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(prepare, "FINE_SPACING_MM", FINE_SPACING_MM)
            patch.setattr(prepare, "unit_displacements", of_two_scans(prepare.unit_displacements))
            assert prepare.main([*arguments, "--output", str(folder / "prepared")]) == 0

    folder = made_once("training_data", tmp_path_factory, make)
    return Data(folder / "scans", folder / "heads", folder / "prepared")


def of_two_scans(unit_displacements: Callable) -> Callable:
    """Compute those of a soft label and of a hard one; they serve the others, who are alike."""
    made = []

    def compute(*region: object) -> object:
        if len(made) < 2:
            made.append(unit_displacements(*region))
        return made[-1]

    return compute


@pytest.fixture(scope="module")
def small() -> Iterator[None]:
    """Trainings are small while this file's tests run."""
    from Testing.support.small_training import small_trainings

    with small_trainings():
        yield


@pytest.fixture(scope="session")
def runs(data, tmp_path_factory) -> Path:
    """Fold 0 of all structures, trained for a few steps in one go."""
    from Testing.support.small_training import STRUCTURES, small_trainings, train_fold

    folder = tmp_path_factory.mktemp("runs")
    with small_trainings():
        for structure in STRUCTURES:
            train_fold(structure, data.prepared, folder)
    return folder


@pytest.fixture(scope="session")
def weights(data, runs, tmp_path_factory) -> Path:
    from Testing.support.small_training import export_folds, small_trainings

    folder = tmp_path_factory.mktemp("weights")
    with small_trainings():
        assert export_folds(runs, data.prepared, folder) == 0
    return folder
