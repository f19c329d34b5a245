"""Results to write as DICOM, without the networks, and readers of what was written."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from HypothalamusSegLib.geometry.voxel_image import LPS_FROM_RAS, Grid, VoxelImage
from HypothalamusSegLib.reading import read_scan
from HypothalamusSegLib.results.dicom.engine_result import contents_of
from HypothalamusSegLib.results.dicom.objects import DicomObjects, make_objects
from HypothalamusSegLib.results.dicom.source_series import read_source_series
from scipy.spatial import cKDTree

FLAG = {"code": "noisy", "message": "The scan is noisy – 3 % “more” than usual."}


def row(structure: str, volume_mm3: float, icv_mm3: float = 1_400_000.0) -> dict:
    return {
        "structure": structure,
        "volume_mm3": volume_mm3,
        "fraction_of_icv": volume_mm3 / icv_mm3,
        "icv_adjusted_mm3": volume_mm3 * 1_500_000 / icv_mm3,
        "volume_low_mm3": 0.9 * volume_mm3,
        "volume_high_mm3": 1.2 * volume_mm3,
    }


ROWS = [
    row("hypothalamus_left", 410.123),
    row("hypothalamus_right", 400.456),
    row("hypothalamus_total", 810.579),
    row("icv", 1_400_000.0),
]


def description(flags: Iterable[dict] = (FLAG,)) -> dict:
    return {
        "protocol": {"name": "Somebody 2026", "usual_range_mm3": [450.0, 1100.0]},
        "quality": {"flags": list(flags)},
        "provenance": {"version": "1.2.3", "weights_sha256": {"icv_fold0": "ab12"}},
        "reference_icv_mm3": 1_500_000.0,
        "interval_coverage": 0.9,
        "asymmetry_index": 0.0238,
    }


def labels_in(shape: tuple[int, int, int], affine: np.ndarray) -> tuple:
    """Sides and ICV that look the same from no two directions."""
    sides, icv = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    i, j, k = (size // 2 for size in shape)
    sides[i - 4 : i, j - 1 : j + 2, k - 3 : k + 1] = 1
    sides[i - 4, j - 1 : j + 6, k] = 1
    sides[i + 1 : i + 4, j - 2 : j + 2, k - 1 : k + 4] = 2
    icv[3:-6, 5:-2, 4:-3] = 1
    return VoxelImage(sides, affine), None, VoxelImage(icv, affine)


def made(path: Path, flags: Iterable[dict] = (FLAG,), picture=None, pseudonym="") -> DicomObjects:
    """Read a series, and make objects with `labels_in` it."""
    scan = read_scan(path)
    source = read_source_series(scan.slice_files, scan.volume.grid, pseudonym)
    images = labels_in(scan.volume.array.shape, scan.volume.affine)
    return make_objects(contents_of(description(flags), ROWS, images), source, picture)


def marked_points(grid: Grid, inside: np.ndarray) -> np.ndarray:
    """LPS positions of the voxels of a mask, shape (N, 3)."""
    return grid.points_at(np.argwhere(inside)) @ LPS_FROM_RAS[:3, :3].T


def assert_same_points(found: np.ndarray, expected: np.ndarray) -> None:
    """Each point is there once, in any order."""
    assert len(found) == len(expected)
    distances, nearest = cKDTree(expected).query(found)
    assert distances.max() < 0.1
    assert len(set(nearest.tolist())) == len(expected)


def segment_points(file: Path, tracking_id: str) -> np.ndarray:
    """LPS positions of the pixels of a segment, from the file alone, by pydicom and PS3.3."""
    from pydicom import dcmread

    seg = dcmread(file)
    number = next(s.SegmentNumber for s in seg.SegmentSequence if s.TrackingID == tracking_id)
    pixels, shared = seg.pixel_array, seg.SharedFunctionalGroupsSequence[0]
    found = []
    for frame, own in zip(pixels, seg.PerFrameFunctionalGroupsSequence, strict=True):
        if own.SegmentIdentificationSequence[0].ReferencedSegmentNumber != number:
            continue
        position = np.array(own.PlanePositionSequence[0].ImagePositionPatient, float)
        orientation = (
            own if "PlaneOrientationSequence" in own else shared
        ).PlaneOrientationSequence
        across, down = np.reshape(orientation[0].ImageOrientationPatient, (2, 3)).astype(float)
        down_mm, across_mm = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
        rows, columns = np.nonzero(frame)
        found.append(
            position + columns[:, None] * across * across_mm + rows[:, None] * down * down_mm
        )
    return np.concatenate(found)


def dciodvfy_errors(file: Path) -> list[str]:
    """What David Clunie's validator calls an error; skips where dicom3tools is missing."""
    if not shutil.which("dciodvfy"):
        pytest.skip("dciodvfy of Debian's dicom3tools is not here")
    done = subprocess.run(
        ["dciodvfy", str(file)], capture_output=True, text=True, errors="replace", check=False
    )
    lines = (done.stdout + done.stderr).splitlines()
    assert lines, "dciodvfy says nothing at all"
    return [line for line in lines if line.startswith("Error")]


def dcmqi(command: str, *arguments: object) -> None:
    """Run a command of dcmqi; skips where its wheel is missing."""
    found = Path(sys.executable).with_name(command)
    if not found.exists():
        pytest.skip("dcmqi is not installed")
    done = subprocess.run(
        [str(found), *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
