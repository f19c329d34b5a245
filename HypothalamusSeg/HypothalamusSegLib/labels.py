"""Label numbers, names and the order of the networks' channels.

Examples
--------
>>> subunit_structure(801)
'left_anterior-inferior'
"""

from __future__ import annotations

LEFT = 1
RIGHT = 2
SIDES = ("left", "right")

# FreeSurfer's numbers for the subunits of Billot et al. 2020 (FreeSurferColorLUT.txt).
SUBUNIT_NAMES = (
    "anterior-inferior",
    "anterior-superior",
    "posterior",
    "tubular-inferior",
    "tubular-superior",
)
SUBUNITS_PER_SIDE = len(SUBUNIT_NAMES)
FIRST_SUBUNIT_LABEL = 801
SUBUNIT_LABELS = tuple(range(FIRST_SUBUNIT_LABEL, FIRST_SUBUNIT_LABEL + 2 * SUBUNITS_PER_SIDE))

# Posterior channels: background, five left subunits, five right subunits.
CHANNELS = 1 + 2 * SUBUNITS_PER_SIDE
LEFT_CHANNELS = slice(1, 1 + SUBUNITS_PER_SIDE)
RIGHT_CHANNELS = slice(1 + SUBUNITS_PER_SIDE, CHANNELS)
# Channel order after mirroring a head.
MIRRORED_CHANNELS = (0, 6, 7, 8, 9, 10, 1, 2, 3, 4, 5)


def subunit_structure(label: int) -> str:
    """Convert a FreeSurfer subunit label to its name: 801 → ``left_anterior-inferior``."""
    index = label - FIRST_SUBUNIT_LABEL
    return f"{SIDES[index // SUBUNITS_PER_SIDE]}_{SUBUNIT_NAMES[index % SUBUNITS_PER_SIDE]}"
