"""The protocol that networks draw by: whose outlines they have learned.

Protocols differ by more than 40 % in volume. So each has a name, which every output carries, and a
usual range of its own. The published networks draw as the labels of Billot et al. 2020; weights
made by `hypothalamus-seg adapt` bring their protocol in their manifest.

Examples
--------
>>> PUBLISHED.as_json()["name"]
'Billot 2020'
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from ..networks.weight_files import MANIFEST_NAME, unreadable

MANIFEST_KEY = "protocol"
# Names stand in tables, in one line of a report and in lists to choose from.
LONGEST_NAME = 60
MISSING = "n/a"
# The published protocol, both sides; wider than any validation scan.
HYPOTHALAMUS_RANGE_MM3 = (450.0, 1_100.0)


@dataclass(frozen=True)
class Protocol:
    """A way of drawing the hypothalamus.

    Attributes
    ----------
    name : str
    usual_range_mm3 : tuple of float
        Of both sides together; volumes outside are flagged.
    """

    name: str
    usual_range_mm3: tuple[float, float]

    def as_json(self) -> dict:
        """Convert to an object for the description of a result."""
        return {"name": self.name, "usual_range_mm3": list(self.usual_range_mm3)}


PUBLISHED = Protocol("Billot 2020", HYPOTHALAMUS_RANGE_MM3)


def checked_name(text: str) -> str:
    """Check the name of a protocol that is not the published one.

    Raises
    ------
    ValueError
        If it is empty, too long, has characters that cannot be printed, or is the published
        protocol's: results go by this name.

    Examples
    --------
    >>> checked_name(" Ulm ")
    'Ulm'
    """
    # One spelling of ü, as in the tables that names are compared with.
    name = normalize("NFC", text).strip()
    if name.casefold() == MISSING:
        raise ValueError(f"“{name}” is what tables say where there is no protocol")
    if not name or not name.isprintable():
        raise ValueError("a protocol needs a name of printable characters in one line")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"the name of a protocol has at most {LONGEST_NAME} characters")
    if name.casefold() == PUBLISHED.name.casefold():
        raise ValueError(f"“{PUBLISHED.name}” is the published protocol; choose another name")
    return name


def read_protocol(folder: Path) -> Protocol:
    """Read the protocol of a weights folder; one without any is the published one.

    Raises
    ------
    WeightsError
        If it cannot be read, or has a name that it must not have.
    """
    path = folder / MANIFEST_NAME
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if MANIFEST_KEY not in manifest:
            return PUBLISHED
        fields = manifest[MANIFEST_KEY]
        low, high = map(float, fields["usual_range_mm3"])
        if not 0 < low < high < math.inf:
            raise ValueError("the protocol has no usual range")
        return Protocol(checked_name(str(fields["name"])), (low, high))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise unreadable(path, error) from error


def protocol_in(description: dict) -> Protocol:
    """The protocol in the description of a result, also of an earlier version's."""
    fields = description.get(MANIFEST_KEY)
    if not fields:
        return PUBLISHED
    low, high = fields["usual_range_mm3"]
    return Protocol(fields["name"], (low, high))


def protocol_name(description: dict) -> str:
    """Name of the protocol in the description of a result, also of an earlier version's."""
    return (description.get(MANIFEST_KEY) or PUBLISHED.as_json())["name"]
