"""Nodes and segments of the module, with names, codes and colors."""

from __future__ import annotations

from dataclasses import dataclass

from HypothalamusSegLib import labels

TERMINOLOGY_NAME = "HypothalamusSeg"
ANATOMICAL_STRUCTURE = "SCT^123037004^Anatomical Structure"
HYPOTHALAMUS = "SCT^67923007^Hypothalamus"
INTRACRANIAL_SPACE = "SCT^1101003^Cranial cavity"
LATERALITY = {"left": "SCT^7771000^Left", "right": "SCT^24028007^Right"}
SUBUNIT_SCHEME = "99HYPOSEG"
# Colors by Okabe and Ito, distinguishable with any color vision.
COLOURS = {"left": (0.337, 0.706, 0.914), "right": (0.902, 0.624, 0.0)}
# As recommended in Resources/Terminologies; left cool, right warm.
SUBUNIT_COLOURS = {
    801: (0.549, 0.941, 0.953),
    802: (0.282, 0.796, 1.000),
    803: (0.325, 0.365, 0.592),
    804: (0.286, 0.675, 0.698),
    805: (0.439, 0.447, 0.902),
    806: (0.969, 0.867, 0.612),
    807: (0.878, 0.733, 0.145),
    808: (0.576, 0.306, 0.169),
    809: (0.847, 0.537, 0.478),
    810: (0.761, 0.400, 0.078),
}
ICV_COLOUR = (0.941, 0.894, 0.259)


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


def _side(label: int, side: str) -> SegmentPlan:
    return SegmentPlan(
        identifier=f"hypothalamus_{side}",
        label=label,
        name=f"{side} hypothalamus",
        terminology=_entry(HYPOTHALAMUS, LATERALITY[side]),
        colour=COLOURS[side],
    )


def _subunit(label: int) -> SegmentPlan:
    structure = labels.subunit_structure(label)
    side, part = structure.split("_", 1)
    kind = f"{SUBUNIT_SCHEME}^{label}^{side.capitalize()} hypothalamus, {part} subunit"
    return SegmentPlan(structure, label, f"{side} {part}", _entry(kind), SUBUNIT_COLOURS[label])


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
    tuple(_subunit(label) for label in labels.SUBUNIT_LABELS),
)
ICV_NODE = NodePlan(
    "icv",
    "icv_mask",
    "ICV",
    (SegmentPlan("icv", 1, "intracranial volume", _entry(INTRACRANIAL_SPACE), ICV_COLOUR),),
)
NODE_PLANS = (HYPOTHALAMUS_NODE, SUBUNITS_NODE, ICV_NODE)
DISPLAY_NAMES = {
    "hypothalamus_total": "total hypothalamus",
    "asymmetry_index": "asymmetry index",
    **{segment.identifier: segment.name for plan in NODE_PLANS for segment in plan.segments},
}
