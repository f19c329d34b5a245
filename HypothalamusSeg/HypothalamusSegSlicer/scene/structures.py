"""Nodes and segments of the module, with names, codes and colors."""

from __future__ import annotations

from dataclasses import dataclass

from HypothalamusSegLib import labels
from HypothalamusSegLib.colours import STRUCTURE_COLOURS, red_green_blue

TERMINOLOGY_NAME = "HypothalamusSeg"
ANATOMICAL_STRUCTURE = "SCT^123037004^Anatomical Structure"
HYPOTHALAMUS = "SCT^67923007^Hypothalamus"
INTRACRANIAL_SPACE = "SCT^1101003^Cranial cavity"
LATERALITY = {"left": "SCT^7771000^Left", "right": "SCT^24028007^Right"}
SUBUNIT_SCHEME = "99HYPOSEG"


@dataclass(frozen=True)
class SegmentPlan:
    """One segment.

    Attributes
    ----------
    identifier : str
        Stable: the engine's name of the structure, as in its table.
    label : int
        Value in the engine's label map.
    name : str
        Shown to the user.
    terminology : str
        Serialised terminology entry.
    colour : tuple of float
        Red, green and blue, 0–1.
    """

    identifier: str
    label: int
    name: str
    terminology: str
    colour: tuple[float, float, float]


@dataclass(frozen=True)
class NodePlan:
    """One segmentation node: its role, the file it comes from and its segments."""

    role: str
    file_suffix: str
    name_suffix: str
    segments: tuple[SegmentPlan, ...]


def _entry(kind: str, modifier: str = "^^") -> str:
    parts = (TERMINOLOGY_NAME, ANATOMICAL_STRUCTURE, kind, modifier)
    return "~".join([*parts, "", "^^", "^^"])


def _colour(structure: str) -> tuple[float, float, float]:
    red, green, blue = (part / 255 for part in red_green_blue(STRUCTURE_COLOURS[structure]))
    return red, green, blue


def _side(label: int, side: str) -> SegmentPlan:
    structure = f"hypothalamus_{side}"
    return SegmentPlan(
        identifier=structure,
        label=label,
        name=f"{side} hypothalamus",
        terminology=_entry(HYPOTHALAMUS, LATERALITY[side]),
        colour=_colour(structure),
    )


def _subunit(subunit: labels.Subunit) -> SegmentPlan:
    meaning = f"{subunit.side.capitalize()} hypothalamus, {subunit.name} subunit"
    return SegmentPlan(
        identifier=subunit.structure,
        label=subunit.label,
        name=f"{subunit.side} {subunit.name}",
        terminology=_entry(f"{SUBUNIT_SCHEME}^{subunit.label}^{meaning}"),
        colour=_colour(subunit.structure),
    )


HYPOTHALAMUS_NODE = NodePlan(
    "hypothalamus",
    "hypothalamus_dseg",
    "hypothalamus",
    (_side(labels.LEFT, "left"), _side(labels.RIGHT, "right")),
)
# A separate node: if subunits and sides shared one, painting a subunit would erase its side.
SUBUNITS_NODE = NodePlan(
    "subunits",
    "subunits_dseg",
    "hypothalamic subunits",
    tuple(map(_subunit, labels.SUBUNITS)),
)
ICV_NODE = NodePlan(
    "icv",
    "icv_mask",
    "ICV",
    (SegmentPlan("icv", 1, "intracranial volume", _entry(INTRACRANIAL_SPACE), _colour("icv")),),
)
NODE_PLANS = (HYPOTHALAMUS_NODE, SUBUNITS_NODE, ICV_NODE)
DISPLAY_NAMES = {
    "hypothalamus_total": "total hypothalamus",
    "asymmetry_index": "asymmetry index",
    **{segment.identifier: segment.name for plan in NODE_PLANS for segment in plan.segments},
}
