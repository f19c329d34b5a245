"""The Segmentation object (SEG): binary, one segment a structure, on the frames of the source.

Examples
--------
>>> segmentation = make_segmentation(contents, source, series)  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...colours import STRUCTURE_COLOURS, red_green_blue
from .contents import MANUFACTURER, PRODUCT, DicomContents, SegmentMask
from .highdicom_package import import_highdicom
from .new_series import NewSeries, private_scheme
from .source_series import SourceSeries
from .structure_codes import ANATOMICAL_STRUCTURE, StructureCode, structure_code

if TYPE_CHECKING:
    from highdicom.seg import Segmentation, SegmentDescription

AUTOMATIC, SEMIAUTOMATIC = "AUTOMATIC", "SEMIAUTOMATIC"


def make_segmentation(
    contents: DicomContents, source: SourceSeries, series: NewSeries
) -> Segmentation:
    """Make the object; structures without a voxel have no segment.

    Raises
    ------
    ValueError
        No structure has a voxel.
    """
    highdicom = import_highdicom()
    masks = [mask for mask in contents.masks if mask.inside.any()]
    if not masks:
        raise ValueError("all structures are empty")
    pixels = np.stack([_as_frames(mask.inside, source.slice_of_frame) for mask in masks], axis=-1)
    return highdicom.seg.Segmentation(
        source_images=list(source.headers),
        pixel_array=pixels,
        segmentation_type="BINARY",
        segment_descriptions=[
            _describe_segment(number, mask, contents) for number, mask in enumerate(masks, 1)
        ],
        **series.attributes(contents),
        content_label="HYPOTHALAMUS",
        content_description="Hypothalamus and intracranial volume. Research use only.",
        coding_schemes=[private_scheme()],
    )


def _as_frames(inside: np.ndarray, slice_of_frame: np.ndarray) -> np.ndarray:
    """Reorder (I, J, K) to frames of (rows, columns), as the source has them."""
    return np.ascontiguousarray(inside.T[slice_of_frame], dtype=np.uint8)


def _describe_segment(
    number: int, mask: SegmentMask, contents: DicomContents
) -> SegmentDescription:
    highdicom = import_highdicom()
    code = structure_code(mask.structure)
    colour = red_green_blue(STRUCTURE_COLOURS[mask.structure])
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=code.label,
        segmented_property_category=highdicom.sr.CodedConcept(*ANATOMICAL_STRUCTURE),
        segmented_property_type=_property_type(code),
        algorithm_type=SEMIAUTOMATIC if mask.is_edited else AUTOMATIC,
        algorithm_identification=algorithm(contents),
        tracking_uid=highdicom.UID(),
        tracking_id=mask.structure,
        display_color=highdicom.color.CIELabColor.from_rgb(*colour),
    )


def _property_type(code: StructureCode):
    highdicom = import_highdicom()
    kind = highdicom.sr.CodedConcept(*code.kind)
    if code.is_laterality_of_kind:
        modifier = highdicom.sr.CodedConcept(*code.laterality)
        kind.SegmentedPropertyTypeModifierCodeSequence = [modifier]
    return kind


def algorithm(contents: DicomContents):
    """Identify the networks: product, version and the checksum of their weights."""
    from pydicom.sr.codedict import codes

    return import_highdicom().AlgorithmIdentificationSequence(
        name=PRODUCT,
        family=codes.DCM.ArtificialIntelligence,
        version=contents.version,
        source=MANUFACTURER,
        parameters=contents.parameters,
    )
