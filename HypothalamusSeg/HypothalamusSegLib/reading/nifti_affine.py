"""Position of a NIfTI image in the patient, from its sform and qform.

Examples
--------
>>> affine, flags = nifti_affine(header, Path("head.nii"))  # doctest: +SKIP
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import NoSpatialInformationError
from ..flags import Flag
from ..geometry.canonical_frame import rotation_angle_deg
from .nifti_header import NiftiHeader
from .scan_checks import LARGEST_VOXEL_MM, SMALLEST_VOXEL_MM, spans_space

MM_PER_UNIT = {1: 1000.0, 2: 1.0, 3: 0.001}
# Registration to a template rotates a head by a few degrees, never by this much.
LARGEST_TURN_DEGREES = 45.0
LARGEST_SPACING_DIFFERENCE = 0.05


def nifti_affine(header: NiftiHeader, path: Path) -> tuple[np.ndarray, list[Flag]]:
    """Compute the affine from voxel indices to RAS millimeters.

    A valid sform takes precedence over the qform, as in nibabel, FSL, FreeSurfer and (unless the
    sform is sheared) ITK.

    Returns
    -------
    ndarray, shape (4, 4)
    list of Flag
        left_right_suspect, orientation_suspect, spacing_suspect.

    Raises
    ------
    NoSpatialInformationError
        Neither sform nor qform is set and valid.
    """
    spacing, flags = _repair_spacing(header)
    sform = _sform(header) if header.sform_code > 0 else None
    qform = _qform(header, spacing) if header.qform_code > 0 else None
    if sform is None and qform is None:
        raise NoSpatialInformationError(
            "{path} does not give the orientation in the patient (sform and qform are missing "
            "or invalid), so left and right are unknown. Convert it again from DICOM.",
            path=path,
        )
    if sform is None:
        return _convert_to_millimetres(qform, header.spatial_unit, flags)
    if qform is not None:
        flags += _disagreement(sform, qform)
    columns = np.linalg.norm(sform[:3, :3], axis=0)
    if np.any(np.abs(columns - spacing) > LARGEST_SPACING_DIFFERENCE * columns):
        flags.append(
            Flag(
                "spacing_suspect",
                f"The header gives two voxel sizes, {_millimetres(columns)} and "
                f"{_millimetres(spacing)}. The first was used. Volumes may be wrong.",
            )
        )
    return _convert_to_millimetres(sform, header.spatial_unit, flags)


def _repair_spacing(header: NiftiHeader) -> tuple[np.ndarray, list[Flag]]:
    spacing = header.spacing
    void = ~np.isfinite(spacing) | (spacing == 0)
    if not void.any() or (header.sform_code > 0 and _sform(header) is not None):
        return np.where(void, _column_lengths(header), spacing), []
    message = "The header gives no voxel size along {}; 1 mm was assumed. Volumes may be wrong."
    axes = " and ".join(name for name, missing in zip("ijk", void, strict=True) if missing)
    return np.where(void, 1.0, spacing), [Flag("spacing_suspect", message.format(axes))]


def _column_lengths(header: NiftiHeader) -> np.ndarray:
    return np.linalg.norm(header.sform[:, :3], axis=0)


def _sform(header: NiftiHeader) -> np.ndarray | None:
    """The sform, or None if it is degenerate."""
    affine = np.vstack([header.sform, [0, 0, 0, 1]])
    return affine if spans_space(affine) else None


def _qform(header: NiftiHeader, spacing: np.ndarray) -> np.ndarray | None:
    """Affine of the qform, computed from its quaternion as in the NIfTI standard."""
    if not np.isfinite([*header.quaternion, *header.qform_offset]).all():
        return None
    b, c, d = header.quaternion
    squares = b * b + c * c + d * d
    if squares > 1:
        b, c, d = header.quaternion / np.sqrt(squares)
    a = np.sqrt(max(0.0, 1 - squares))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    affine = np.eye(4)
    affine[:3, :3] = rotation * spacing * [1, 1, header.handedness]
    affine[:3, 3] = header.qform_offset
    return affine


def _convert_to_millimetres(
    affine: np.ndarray, unit: int, flags: list[Flag]
) -> tuple[np.ndarray, list[Flag]]:
    """Convert from the unit of the header, unless only millimeters make sense for a head."""
    factor = MM_PER_UNIT.get(unit, 1.0)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    sensible = np.all((spacing >= SMALLEST_VOXEL_MM) & (spacing <= LARGEST_VOXEL_MM))
    if factor != 1.0 and sensible:
        flags = [
            *flags,
            Flag(
                "spacing_suspect",
                "The header gives the unit as meters or micrometers, but voxels of "
                f"{_millimetres(spacing)} only make sense in millimeters. Millimeters were "
                "assumed.",
            ),
        ]
        factor = 1.0
    scaled = affine.copy()
    scaled[:3] *= factor
    return scaled, flags


def _disagreement(sform: np.ndarray, qform: np.ndarray) -> list[Flag]:
    """Flag contradictions between the two orientations of a header."""
    turn = _directions(sform) @ np.linalg.inv(_directions(qform))
    if np.linalg.det(turn) < 0 or turn[0, 0] < 0:
        return [
            Flag(
                "left_right_suspect",
                "The header contains two orientations (sform and qform), and one swaps left "
                "and right or mirrors the head. The sform was used. Check left and right on "
                "the original scan.",
            )
        ]
    angle = rotation_angle_deg(turn)
    if angle > LARGEST_TURN_DEGREES:
        return [
            Flag(
                "orientation_suspect",
                "The header contains two orientations (sform and qform) that differ by "
                f"{angle:.0f} degrees. The sform was used. Check the orientation on the "
                "original scan.",
            )
        ]
    return []


def _directions(affine: np.ndarray) -> np.ndarray:
    return affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)


def _millimetres(spacing: np.ndarray) -> str:
    return " × ".join(f"{length:.3g}" for length in spacing) + " mm"
