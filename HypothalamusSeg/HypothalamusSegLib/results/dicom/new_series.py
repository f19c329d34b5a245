"""Identifiers of what is written: a new series for each object, new in each run.

The identifiers are random, not derived from the input. An object has its time of creation in it,
so two runs never give the same object, and DICOM wants one identifier for one object. An archive
then keeps both runs, and none replaces the other unasked.

Examples
--------
>>> first, second = new_series("overview", source), new_series("overview", source)  # doctest: +SKIP
>>> first.uid == second.uid  # doctest: +SKIP
False
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .contents import MANUFACTURER, PRODUCT, DicomContents
from .highdicom_package import import_highdicom
from .source_series import SourceSeries
from .structure_codes import PRIVATE_SCHEME

if TYPE_CHECKING:
    from highdicom.coding_schemes import CodingSchemeIdentificationItem

SERIES_PER_SOURCE = 1000
LARGEST_SOURCE_NUMBER = 2_000_000  # integer strings end at 2³¹ − 1
OFFSETS = {"segmentation": 1, "measurements": 2, "overview": 3}


@dataclass(frozen=True)
class NewSeries:
    """A new series with one instance."""

    uid: str
    instance_uid: str
    number: int
    description: str

    def attributes(self, contents: DicomContents) -> dict:
        """Give highdicom's arguments that say which series it is and which device made it."""
        return {
            "series_instance_uid": self.uid,
            "series_number": self.number,
            "sop_instance_uid": self.instance_uid,
            "instance_number": 1,
            "series_description": self.description,
            "manufacturer": MANUFACTURER,
            "manufacturer_model_name": PRODUCT,
            "software_versions": contents.version,
            "device_serial_number": contents.weights_name,
        }


def new_series(kind: str, source: SourceSeries) -> NewSeries:
    """Make identifiers for ``segmentation``, ``measurements`` or ``overview``."""
    from pydicom.uid import generate_uid

    try:
        number = int(source.headers[0].get("SeriesNumber") or 0)
    except (TypeError, ValueError):
        number = 0
    number = min(max(number, 0), LARGEST_SOURCE_NUMBER)
    return NewSeries(
        uid=generate_uid(prefix=None),
        instance_uid=generate_uid(prefix=None),
        number=SERIES_PER_SOURCE * number + OFFSETS[kind],
        description=f"{PRODUCT} {kind} (research only)",
    )


def private_scheme() -> CodingSchemeIdentificationItem:
    """Say who is responsible for the codes of `PRIVATE_SCHEME`."""
    return import_highdicom().coding_schemes.CodingSchemeIdentificationItem(
        designator=PRIVATE_SCHEME,
        name="HypothalamusSeg: subunits by FreeSurfer's label numbers, measurements and flags",
        responsible_organization=MANUFACTURER,
    )
