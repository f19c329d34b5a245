"""A small head drawn from numbers, with the engine's files for it: results without networks."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from HypothalamusSegLib import labels

from Testing.support.slicer_results import EngineFiles

SCAN_MM, FINE_MM = 2.0, 0.5
SCAN_SHAPE = (56, 64, 60)  # k, j, i
FINE_SHAPE = (24, 28, 40)
FLAGS = [{"code": "low_confidence", "message": "The networks are unsure of the border."}]


def draw_head(folder: Path, name: str = "head", seed: int = 0, subunits: bool = False):
    """Write a scan and what the engine would write for it.

    Parameters
    ----------
    folder : Path
        Gets ``NAME.nii.gz`` and a folder ``NAME`` with ``scan_*.nii.gz``.
    seed : int
        Noise of the scan; heads of different seeds have different checksums.

    Returns
    -------
    EngineFiles
    """
    folder.mkdir(parents=True, exist_ok=True)
    scan_path, output = folder / f"{name}.nii.gz", folder / name
    output.mkdir()
    head = _ellipsoid(SCAN_SHAPE, SCAN_MM, (48.0, 56.0, 44.0))
    noise = np.random.default_rng(seed).normal(0, 20, SCAN_SHAPE)
    _write(np.where(head, 600 + noise, 20).astype(np.int16), SCAN_MM, scan_path)
    icv = _ellipsoid(SCAN_SHAPE, SCAN_MM, (42.0, 50.0, 38.0))
    _write(icv.astype(np.uint8), SCAN_MM, output / "scan_icv_mask.nii.gz")
    parts = _parts()
    sides = np.zeros(FINE_SHAPE, np.uint8)
    sides[(parts > 0) & (parts < 806)], sides[parts >= 806] = labels.LEFT, labels.RIGHT
    _write(sides, FINE_MM, output / "scan_hypothalamus_dseg.nii.gz")
    if subunits:
        _write(parts, FINE_MM, output / "scan_subunits_dseg.nii.gz")
    return EngineFiles(scan_path, output, _description(scan_path, icv, sides, parts, subunits))


def _ellipsoid(shape, spacing_mm: float, radii_mm: tuple[float, float, float]) -> np.ndarray:
    """Inside of an ellipsoid around the origin; radii along i, j, k."""
    k, j, i = np.meshgrid(
        *((np.arange(n) - (n - 1) / 2) * spacing_mm for n in shape), indexing="ij"
    )
    rx, ry, rz = radii_mm
    return (i / rx) ** 2 + (j / ry) ** 2 + (k / rz) ** 2 <= 1


def _parts() -> np.ndarray:
    """Ten subunits as boxes; i runs to the patient's left."""
    parts = np.zeros(FINE_SHAPE, np.uint16)
    for first, start in ((801, 21), (806, 9)):  # left and right of the ventricle
        for number in range(5):
            rows = slice(4 + 4 * number, 8 + 4 * number)
            parts[6:18, rows, start : start + 10] = first + number
    return parts


def _write(array: np.ndarray, spacing_mm: float, path: Path) -> None:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((spacing_mm,) * 3)
    image.SetOrigin([-(n - 1) / 2 * spacing_mm for n in array.shape[::-1]])
    sitk.WriteImage(image, str(path))


def _entry(mask_mm3: float, icv_mm3: float, reference_mm3: float) -> dict:
    volume = round(mask_mm3 * 1.01, 3)  # the posteriors' sum is not the mask's
    share = volume / icv_mm3
    return {
        "volume_mm3": volume,
        "mask_volume_mm3": round(mask_mm3, 3),
        "fraction_of_icv": round(share, 9),
        "icv_adjusted_mm3": round(share * reference_mm3, 3),
        "fold_sd_mm3": 4.0,
        "fold_min_mm3": round(volume - 5, 3),
        "fold_max_mm3": round(volume + 5, 3),
        "volume_low_mm3": round(volume * 0.95, 3),
        "volume_high_mm3": round(volume * 1.05, 3),
    }


def _description(scan: Path, icv, sides, parts, subunits: bool) -> dict:
    from HypothalamusSegLib.measures.volumes import REFERENCE_ICV_MM3

    icv_mask_mm3 = float(icv.sum()) * SCAN_MM**3
    icv_mm3 = round(icv_mask_mm3 * 1.01, 3)

    def entry(mask: np.ndarray) -> dict:
        return _entry(float(mask.sum()) * FINE_MM**3, icv_mm3, REFERENCE_ICV_MM3)

    hypothalamus = {
        "left": entry(sides == labels.LEFT),
        "right": entry(sides == labels.RIGHT),
        "total": entry(sides > 0),
    }
    described = {
        "name": "scan",
        "icv_mm3": icv_mm3,
        "icv": {
            **_entry(icv_mask_mm3, icv_mm3, REFERENCE_ICV_MM3),
            "fraction_of_icv": 1.0,
        },
        "reference_icv_mm3": REFERENCE_ICV_MM3,
        "interval_coverage": 0.9,
        "hypothalamus": hypothalamus,
        "asymmetry_index": 0.0,
        "quality": {
            "fold_dice": [0.91, 0.93],
            "confidence": 0.8,
            "icv_fold_dice": [0.99, 0.992],
            "place_confidence": 0.99,
            "flags": FLAGS,
        },
        "provenance": {
            "version": "0.0.0",
            "weights_sha256": {"icv_fold0": "0" * 64},
            "input": "scan.nrrd",
            "input_sha256": hashlib.sha256(scan.read_bytes()).hexdigest(),
        },
    }
    if subunits:
        described["subunits"] = {
            str(label): {
                "structure": labels.subunit_structure(label),
                **entry(parts == label),
            }
            for label in labels.SUBUNIT_LABELS
        }
    return described
