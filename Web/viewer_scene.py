"""Write the viewer file of a result: two small volumes and the surfaces.

The browser draws the planes, so sliders respond at once without load on the server. All arrays are
on grids along the RAS axes, for any scan orientation.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import SimpleITK as sitk
from HypothalamusSegLib import labels
from HypothalamusSegLib.geometry.head_box import COARSE_SHAPE, COARSE_SPACING_MM, head_grid
from HypothalamusSegLib.geometry.resampling import interpolate, resample_cubic, resample_linear
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage, image_from_volume
from HypothalamusSegLib.measures.segmentation import Segmentation
from HypothalamusSegLib.results.atomic_files import atomic_files

from .surface import surface_of

HEAD_SPACING_MM = 1.0
CLOSE_SHAPE, CLOSE_SPACING_MM = (128, 128, 128), 0.5
# 256 gray values between these percentiles of the head; beyond them are air and fat.
RANGE_PERCENTILES = (0.1, 99.9)
SURFACE_SD_VOXELS = {"left": 0.8, "right": 0.8, "icv": 0.8}
# Some subunits are only a few voxels thick; more smoothing would remove them.
SUBUNIT_SD_VOXELS = 0.6
ICV_SURFACE_STEP = 3
COMPRESSION = 3
# Half of the largest membership, 255.
HALF = 127.5
ROOM_VOXELS = 6


class Layer(NamedTuple):
    """A named array for the file."""

    name: str
    array: np.ndarray


def write_scene(result: Segmentation, path: Path) -> None:
    """Write what the viewer needs; see `Web/browser/scene.js` for its reader.

    The file, compressed by gzip, holds the length of a JSON description as a little-endian 32-bit
    number, the description, and the arrays it names, each beginning at a multiple of four bytes.
    i runs fastest.
    """
    scan = result.scan.volume
    box = head_grid(scan)
    shape = tuple(round(n * COARSE_SPACING_MM / HEAD_SPACING_MM) for n in COARSE_SHAPE)
    head = Grid.axis_aligned(box.centre_mm, shape, HEAD_SPACING_MM)
    centre_mm = _centre_mm(result, box)
    close = Grid.axis_aligned(centre_mm, CLOSE_SHAPE, CLOSE_SPACING_MM)
    intensities = resample_linear(scan, head)
    low, high = _intensity_range(intensities)
    layers = [
        Layer("head/scan", _as_bytes(intensities, low, high)),
        Layer("close/scan", _as_bytes(resample_cubic(scan, close), low, high)),
    ]
    layers += _masks(result, head, close)
    layers += surfaces_of(layers, head, close)
    description = {
        "centre_mm": centre_mm.round(2).tolist(),
        "start_mm": _start_mm(result, centre_mm).round(2).tolist(),
        "range": [low, high],
        "grids": {"head": _grid(head), "close": _grid(close)},
        "subunits": _subunits(result),
    }
    _write(path, description, layers)


def _centre_mm(result: Segmentation, box: Grid) -> np.ndarray:
    image = result.hypothalamus
    if image is None or not image.array.any():
        return box.centre_mm
    return image.grid.points_at(np.argwhere(image.array > 0).mean(0))


def _intensity_range(intensities: np.ndarray) -> tuple[float, float]:
    some = intensities[::2, ::2, ::2]
    # 0 is outside the scan.
    some = some[some != 0]
    low, high = np.percentile(some if some.size else [0.0], RANGE_PERCENTILES)
    return float(low), float(max(high, low + 1e-6))


def _start_mm(result: Segmentation, centre_mm: np.ndarray) -> np.ndarray:
    """The center, shifted to the left side: the midplane shows the third ventricle."""
    image = result.hypothalamus
    left = None if image is None else np.argwhere(image.array == labels.LEFT)
    if left is None or not len(left):
        return centre_mm
    return np.array([image.grid.points_at(left.mean(0))[0], *centre_mm[1:]])


def _as_bytes(array: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.clip((array - low) * (255 / (high - low)) + 0.5, 0, 255).astype(np.uint8)


def _masks(result: Segmentation, head: Grid, close: Grid) -> list[Layer]:
    """Membership of each outlined structure, 0–255, and labels to fill with."""
    layers = []
    for name, image, label, grid in (
        ("close/left", result.hypothalamus, labels.LEFT, close),
        ("close/right", result.hypothalamus, labels.RIGHT, close),
        ("head/icv", result.icv, 1, head),
    ):
        if image is not None:
            mask = VoxelImage((image.array == label).astype(np.float32), image.affine)
            layers.append(Layer(name, _as_bytes(interpolate(image_from_volume(mask), grid), 0, 1)))
    if result.subunits is not None:
        stored = result.subunits.array
        numbers = np.where(stored > 0, stored - labels.FIRST_SUBUNIT_LABEL + 1, 0)
        image = VoxelImage(numbers.astype(np.float32), result.subunits.affine)
        nearest = interpolate(image_from_volume(image), close, sitk.sitkNearestNeighbor)
        layers.append(Layer("close/subunits", nearest.astype(np.uint8)))
    return layers


def surfaces_of(layers: list[Layer], head: Grid, close: Grid) -> list[Layer]:
    """Vertices (RAS, in millimeters) and triangles of each structure present."""
    made = []
    for layer in layers:
        place, name = layer.name.split("/")
        if name == "subunits":
            for index in range(len(labels.SUBUNIT_LABELS)):
                inside = np.uint8(255) * (layer.array == index + 1)
                made += _surface(f"subunit{index}", inside, close, 1, SUBUNIT_SD_VOXELS)
        elif name in SURFACE_SD_VOXELS:
            grid, step = (close, 1) if place == "close" else (head, ICV_SURFACE_STEP)
            made += _surface(name, layer.array, grid, step, SURFACE_SD_VOXELS[name])
    return made


def _crop(membership: np.ndarray, grid: Grid) -> tuple[np.ndarray, Grid]:
    """Crop to the voxels of a structure with some margin; also return the grid of this part."""
    low, high = [], []
    for axis, size in enumerate(membership.shape):
        others = tuple(other for other in range(3) if other != axis)
        found = np.flatnonzero(membership.any(others))
        low.append(max(int(found[0]) - ROOM_VOXELS, 0))
        high.append(min(int(found[-1]) + 1 + ROOM_VOXELS, size))
    part = membership[tuple(map(slice, low, high))]
    affine = grid.affine.copy()
    affine[:3, 3] = grid.points_at(np.array(low, float))
    return part, Grid(part.shape, affine)


def _surface(
    name: str, membership: np.ndarray, grid: Grid, step: int, sd_voxels: float
) -> list[Layer]:
    if not membership.any():
        return []
    # Most of the grid is empty, and time goes with the number of voxels.
    membership, grid = _crop(membership, grid)
    coarse = _block_means(membership, step)
    smooth = sitk.GetArrayFromImage(
        sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(coarse.T), sd_voxels)
    )
    surface = surface_of(smooth.T, HALF)
    points = grid.points_at(surface.vertices * step + (step - 1) / 2)
    return [
        Layer(f"surface/{name}/vertices", points.astype("<f4")),
        Layer(f"surface/{name}/triangles", surface.triangles.astype("<u4")),
    ]


def _block_means(array: np.ndarray, step: int) -> np.ndarray:
    i, j, k = (n // step for n in array.shape)
    blocks = array[: i * step, : j * step, : k * step].reshape(i, step, j, step, k, step)
    return blocks.mean((1, 3, 5), dtype=np.float32)


def _grid(grid: Grid) -> dict:
    return {
        "shape": list(grid.shape),
        "origin_mm": grid.affine[:3, 3].tolist(),
        "spacing_mm": float(grid.spacing_mm[0]),
    }


def _subunits(result: Segmentation) -> list[dict[str, str]]:
    """Side and name of each number in the layer of subunits, from 1 on."""
    if result.subunits is None:
        return []
    return [{"side": subunit.side, "name": subunit.name} for subunit in labels.SUBUNITS]


def _write(path: Path, description: dict, layers: list[Layer]) -> None:
    offset, parts = 0, []
    entries = {}
    for layer in layers:
        # Points and triangles are rows of three; volumes run along i first.
        order = "C" if layer.name.startswith("surface/") else "F"
        data = layer.array.tobytes(order)
        data += b"\0" * (-len(data) % 4)
        entries[layer.name] = {"offset": offset, "count": layer.array.size}
        parts.append(data)
        offset += len(data)
    head = json.dumps({**description, "layers": entries}, allow_nan=False).encode()
    head += b" " * (-len(head) % 4)
    with (
        atomic_files(path.parent) as stage,
        gzip.GzipFile(stage / path.name, "wb", compresslevel=COMPRESSION) as stream,
    ):
        stream.write(len(head).to_bytes(4, "little"))
        stream.write(head)
        for part in parts:
            stream.write(part)
