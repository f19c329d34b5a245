"""Colors of structures and severities, the same in pictures, reports, Slicer and the web page.

Examples
--------
>>> red_green_blue(STRUCTURE_COLOURS["hypothalamus_right"])
(230, 159, 0)
"""

from __future__ import annotations

from . import labels

# By Okabe and Ito, distinguishable with any color vision; bright enough on a scan.
LEFT_COLOUR, RIGHT_COLOUR, ICV_COLOUR = "#56B4E9", "#E69F00", "#F0E442"
# Left cool, right warm, in the order of FreeSurfer's labels, as in Resources/Terminologies.
SUBUNIT_COLOURS = (
    *("#8CF0F3", "#48CBFF", "#535D97", "#49ACB2", "#7072E6"),
    *("#F7DD9C", "#E0BB25", "#934E2B", "#D8897A", "#C26614"),
)
STRUCTURE_COLOURS = {
    "hypothalamus_left": LEFT_COLOUR,
    "hypothalamus_right": RIGHT_COLOUR,
    "icv": ICV_COLOUR,
    **dict(zip(map(labels.subunit_structure, labels.SUBUNIT_LABELS), SUBUNIT_COLOURS, strict=True)),
}
# The same hues, dark enough on white paper.
PAPER_STRUCTURE_COLOURS = {
    "hypothalamus_left": "#0072B2",
    "hypothalamus_right": "#D55E00",
    "icv": "#C7A500",
}
PAPER, INK, FAINT_INK = "#ffffff", "#1b1f24", "#5b6570"
SEVERITY_INKS = {"severe": "#b3263a", "doubtful": "#8a4f00", "note": "#2f6496"}
# Dark enough on white, light enough on black.
SEVERITY_COLOURS = {"severe": "#d1495b", "doubtful": "#c77700", "note": "#4a7fb5"}
GOOD_COLOUR = "#3a8f5c"


def red_green_blue(colour: str) -> tuple[int, int, int]:
    """Convert ``#rrggbb`` to three numbers from 0 to 255."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue
