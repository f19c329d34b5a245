"""What the DICOM objects say, as plain data; from a result of the engine or of a face.

Examples
--------
>>> sides = VoxelImage(np.array([[[0, 1, 2]]], np.uint8), np.eye(4))
>>> [mask.structure for mask in masks_of([sides, None, None])]
['hypothalamus_left', 'hypothalamus_right']
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ... import labels
from ...geometry.voxel_image import VoxelImage

MANUFACTURER = "HypothalamusSeg developers"
PRODUCT = "HypothalamusSeg"
NAME_LETTERS = 16


@dataclass(frozen=True)
class SegmentMask:
    """One structure on the grid of the source series.

    Attributes
    ----------
    structure : str
        As in the volume table.
    inside : ndarray of bool, shape (I, J, K)
    is_edited : bool
        Whether a person changed what the networks drew.
    """

    structure: str
    inside: np.ndarray
    is_edited: bool = False


@dataclass(frozen=True)
class MeasuredStructure:
    """The numbers of one structure; None where they are not known or must not be used.

    ``low_mm3`` and ``high_mm3`` are the limits of the interval.
    """

    structure: str
    volume_mm3: float | None
    low_mm3: float | None = None
    high_mm3: float | None = None
    fraction_of_icv: float | None = None
    icv_adjusted_mm3: float | None = None
    is_edited: bool = False


@dataclass(frozen=True)
class PersonReview:
    """The judgment of a person; ``reviewer`` is empty if the person gave no name."""

    reviewer: str
    words: str


@dataclass(frozen=True)
class DicomContents:
    """Everything but the source series.

    Attributes
    ----------
    version : str
        Of this software.
    weights_sha256 : tuple of str
        Checksums of the networks.
    protocol : str
        Name of the protocol that the networks draw by.
    masks : tuple of SegmentMask
        On one grid.
    measured : tuple of MeasuredStructure
    flags : tuple of (code, title, message)
        Worst first.
    reference_icv_ml, coverage : float
        What ``icv_adjusted_mm3`` refers to; how often an interval contains the label's volume.
    asymmetry_index : float or None
    withheld : str
        A sentence about numbers that a severe flag covers; empty if there are none.
    review : PersonReview or None
    """

    version: str
    weights_sha256: tuple[str, ...]
    protocol: str
    masks: tuple[SegmentMask, ...]
    measured: tuple[MeasuredStructure, ...]
    flags: tuple[tuple[str, str, str], ...]
    reference_icv_ml: float
    coverage: float
    asymmetry_index: float | None = None
    withheld: str = ""
    review: PersonReview | None = None

    @property
    def parameters(self) -> dict[str, str]:
        """What tells these networks from others of the same version."""
        return {"weights_sha256": self.weights_name, "protocol": self.protocol}

    @property
    def weights_name(self) -> str:
        """The first letters of a checksum over the checksums of all networks."""
        return hashlib.sha256("".join(self.weights_sha256).encode()).hexdigest()[:NAME_LETTERS]


def masks_of(images: Iterable[VoxelImage | None]) -> tuple[SegmentMask, ...]:
    """Split label maps of sides, subunits and ICV, in this order, into masks; None is left out."""
    sides, subunits, icv = images
    found = []
    if sides is not None:
        for side, label in zip(labels.SIDES, (labels.LEFT, labels.RIGHT), strict=True):
            found.append(SegmentMask(f"hypothalamus_{side}", sides.array == label))
    if subunits is not None:
        for label in labels.SUBUNIT_LABELS:
            structure = labels.subunit_structure(label)
            found.append(SegmentMask(structure, subunits.array == label))
    if icv is not None:
        found.append(SegmentMask("icv", icv.array > 0))
    return tuple(found)
