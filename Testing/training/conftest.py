"""A tiny prepared data set, made once for all files and processes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from Testing.support.made_once import made_once

# Whole heads at 2 mm throughout: an eighth of the voxels, and no network that must be good.
FINE_SPACING_MM = 2.0


class Data(NamedTuple):
    """Labelled scans, label heads, and what `Training.prepare` made of both."""

    scans: Path
    heads: Path
    prepared: Path


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Data:
    """Only to be read."""
    from Testing.support.labelled_heads import write_label_heads, write_scans
    from Training import prepare

    def make(folder: Path) -> None:
        scans, heads = write_scans(folder / "scans"), write_label_heads(folder / "heads")
        arguments = ["--scans", str(scans), "--heads", str(heads)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(prepare, "FINE_SPACING_MM", FINE_SPACING_MM)
            assert prepare.main([*arguments, "--output", str(folder / "prepared")]) == 0

    folder = made_once("training_data", tmp_path_factory, make)
    return Data(folder / "scans", folder / "heads", folder / "prepared")
