"""Codes of structures and measurements, those of Resources/Terminologies/HypothalamusSeg.term.json.

Examples
--------
>>> structure_code("hypothalamus_left").laterality
('7771000', 'SCT', 'Left')
>>> structure_code("right_posterior").kind
('808', '99HYPOSEG', 'Right hypothalamus, posterior subunit')
"""

from __future__ import annotations

from dataclasses import dataclass

from ... import labels

# Value, scheme and meaning, the order of arguments of `highdicom.sr.CodedConcept`.
Triple = tuple[str, str, str]

PRIVATE_SCHEME = "99HYPOSEG"
ANATOMICAL_STRUCTURE: Triple = ("123037004", "SCT", "Anatomical Structure")
HYPOTHALAMUS: Triple = ("67923007", "SCT", "Hypothalamus")
CRANIAL_CAVITY: Triple = ("1101003", "SCT", "Cranial cavity")
LATERALITY: dict[str, Triple] = {
    "left": ("7771000", "SCT", "Left"),
    "right": ("24028007", "SCT", "Right"),
}
BOTH_SIDES: Triple = ("51440002", "SCT", "Right and left")

VOLUME: Triple = ("118565006", "SCT", "Volume")
PERCENT_OF_ICV: Triple = ("percent_of_icv", PRIVATE_SCHEME, "Volume in percent of the ICV")
ICV_ADJUSTED: Triple = ("icv_adjusted", PRIVATE_SCHEME, "Volume at the reference ICV")
ASYMMETRY: Triple = ("asymmetry_index", PRIVATE_SCHEME, "Asymmetry index (left - right) / mean")
# How a volume was measured: the networks' own number, or the voxels that a person left.
POSTERIOR_SUM: Triple = ("posterior_sum", PRIVATE_SCHEME, "Sum of the mean posterior of networks")
VOXEL_SUM: Triple = ("126030", "DCM", "Sum of segmented voxel volumes")
RESEARCH_ONLY: Triple = ("research_only", PRIVATE_SCHEME, "Intended use")
PROTOCOL: Triple = ("protocol", PRIVATE_SCHEME, "Protocol of delineation")
WITHHELD: Triple = ("withheld", PRIVATE_SCHEME, "Numbers withheld")
REVIEW: Triple = ("review", PRIVATE_SCHEME, "Review")
INTERVAL: Triple = ("interval", PRIVATE_SCHEME, "Meaning of the uncertainty")


@dataclass(frozen=True)
class StructureCode:
    """What a structure is.

    Attributes
    ----------
    label : str
        For people.
    kind : tuple of str
        Property type of the segment.
    site, laterality : tuple of str or None
        Where a measurement was made.
    is_laterality_of_kind : bool
        Whether the laterality modifies the property type of the segment, too.
    """

    label: str
    kind: Triple
    site: Triple
    laterality: Triple | None = None
    is_laterality_of_kind: bool = False


def structure_code(structure: str) -> StructureCode:
    """Look up the codes of a structure of the volume table; raises KeyError for another name."""
    return STRUCTURE_CODES[structure]


def _subunit(subunit: labels.Subunit) -> StructureCode:
    meaning = f"{subunit.side.capitalize()} hypothalamus, {subunit.name} subunit"
    kind = (str(subunit.label), PRIVATE_SCHEME, meaning)
    name = f"{subunit.side} {subunit.name}"
    return StructureCode(name, kind, HYPOTHALAMUS, LATERALITY[subunit.side])


STRUCTURE_CODES = {
    **{
        f"hypothalamus_{side}": StructureCode(
            f"{side} hypothalamus", HYPOTHALAMUS, HYPOTHALAMUS, LATERALITY[side], True
        )
        for side in labels.SIDES
    },
    **{subunit.structure: _subunit(subunit) for subunit in labels.SUBUNITS},
    "icv": StructureCode("intracranial volume", CRANIAL_CAVITY, CRANIAL_CAVITY),
    "hypothalamus_total": StructureCode(
        "total hypothalamus", HYPOTHALAMUS, HYPOTHALAMUS, BOTH_SIDES
    ),
}
