"""Label numbers, names and the order of the networks' channels.

Examples
--------
>>> subunit_structure(801)
'left_anterior-inferior'
>>> subunit_of(806).side
'right'
"""

from __future__ import annotations

from typing import NamedTuple

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


class Subunit(NamedTuple):
    """One of the ten subunits: FreeSurfer's label, the side, and the name without the side."""

    label: int
    side: str
    name: str

    @property
    def structure(self) -> str:
        """Its name in tables and files: ``left_anterior-inferior``."""
        return f"{self.side}_{self.name}"


SUBUNITS = tuple(
    Subunit(label, SIDES[index // SUBUNITS_PER_SIDE], SUBUNIT_NAMES[index % SUBUNITS_PER_SIDE])
    for index, label in enumerate(SUBUNIT_LABELS)
)


def subunit_of(label: int) -> Subunit:
    """Look up the subunit of a FreeSurfer label from 801 to 810."""
    return SUBUNITS[label - FIRST_SUBUNIT_LABEL]


def subunit_structure(label: int) -> str:
    """Convert a FreeSurfer subunit label to its name: 801 → ``left_anterior-inferior``."""
    return subunit_of(label).structure
