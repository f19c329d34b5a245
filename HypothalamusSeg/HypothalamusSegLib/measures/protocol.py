"""The protocol that networks draw by: whose outlines they have learnt.

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
from dataclasses import dataclass
from pathlib import Path

from ..errors import WeightsError
from ..networks.weight_files import MANIFEST_NAME

MANIFEST_KEY = "protocol"
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


def read_protocol(folder: Path) -> Protocol:
    """Read the protocol of a weights folder; one without any is the published one.

    Raises
    ------
    WeightsError
        If it cannot be read.
    """
    path = folder / MANIFEST_NAME
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if MANIFEST_KEY not in manifest:
            return PUBLISHED
        fields = manifest[MANIFEST_KEY]
        low, high = fields["usual_range_mm3"]
        name = str(fields["name"]).strip()
        if not (name and 0 < float(low) < float(high)):
            raise ValueError("the protocol has no name or no range")
        return Protocol(name, (float(low), float(high)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path} cannot be read ({error}). Adapt again.") from error


def protocol_name(description: dict) -> str:
    """Name of the protocol in the description of a result, also of an earlier version's."""
    return (description.get("protocol") or PUBLISHED.as_json())["name"]
