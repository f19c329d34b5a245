"""The rows of the volume table: network volumes and changes by editing.

The volume of an edited segment is the posterior-weighted volume of the networks plus added minus
removed voxels. An edit changes the volume by exactly what was painted, and undoing it restores the
network volume to the last digit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from HypothalamusSegLib.measures.protocol import protocol_name
from HypothalamusSegLib.units import MM3_PER_ML

from ..scene.structures import DISPLAY_NAMES

SIDES = ("hypothalamus_left", "hypothalamus_right")
TOTAL, ASYMMETRY, ICV = "hypothalamus_total", "asymmetry_index", "icv"
NAN = math.nan
# The engine's own rounding, so that unedited rows are its numbers to the last digit.
VOLUME_DIGITS, FRACTION_DIGITS = 3, 9
# Without the networks' voxels: volumes that differ by less are the same, but for rounding.
SAME_VOLUME_MM3 = 0.01
UNCHANGED, EDITED, DELETED = "as segmented", "edited", "deleted"


@dataclass(frozen=True)
class Edit:
    """How a segment differs from the networks' output.

    Attributes
    ----------
    mask_mm3, network_mask_mm3 : float
        Volume of the present mask, and of the networks' mask.
    dice : float or None
        None where the two lie on different grids, or both are empty.
    has_baseline : bool
        False where the networks' output is lost: then only the volumes are compared.
    """

    mask_mm3: float
    network_mask_mm3: float
    dice: float | None
    has_baseline: bool = True

    @property
    def difference_mm3(self) -> float:
        return self.mask_mm3 - self.network_mask_mm3

    @property
    def is_change(self) -> bool:
        if not self.has_baseline:
            return abs(self.difference_mm3) > SAME_VOLUME_MM3 + 1e-4 * self.network_mask_mm3
        if self.dice is None:
            return self.mask_mm3 > 0 or self.network_mask_mm3 > 0
        return self.dice < 1.0


@dataclass(frozen=True)
class VolumeRow:
    """One line of the table; a missing number is NaN.

    ``value``, ``fold_sd``, ``difference``, ``low`` and ``high`` are in the row's ``unit``: mm³, mL
    for the ICV, % for the asymmetry index. ``low`` and ``high`` are the engine's interval around
    its own volume; an edited one has none. ``protocol`` names whose outlines a hypothalamic volume
    has; the ICV has none.
    """

    structure: str
    name: str
    value: float
    unit: str
    percent_of_icv: float
    adjusted_mm3: float
    fold_sd: float
    difference: float
    difference_percent: float
    dice: float
    status: str
    low: float = NAN
    high: float = NAN
    protocol: str = ""


@dataclass(frozen=True)
class _Icv:
    """The ICV: current, as found by the networks, and the reference."""

    now_mm3: float
    network_mm3: float
    reference_mm3: float


def volume_rows(engine: dict, edits: Mapping[str, Edit | None]) -> list[VolumeRow]:
    """Make the table of one result.

    Parameters
    ----------
    engine : dict
        The engine's description of the result.
    edits : mapping of str to Edit or None
        By structure; None: the segment was deleted. Structures that are not there are unchanged.
    """
    entries = structure_entries(engine)
    icv = None
    if ICV in entries:
        network_mm3 = entries[ICV]["volume_mm3"]
        icv = _Icv(_present(network_mm3, edits, ICV), network_mm3, engine["reference_icv_mm3"])
    rows = []
    for structure, entry in entries.items():
        if structure == TOTAL:
            rows.append(_total_row(entry, entries, edits, icv))
            rows.append(_asymmetry_row(engine, entries, edits))
        else:
            rows.append(_row(structure, entry, edits, icv))
    protocol = protocol_name(engine)
    return [row if row.structure == ICV else replace(row, protocol=protocol) for row in rows]


def structure_entries(engine: dict) -> dict[str, dict]:
    """The engine's entries by structure, in the order of the table."""
    entries = {}
    for part in ("left", "right", "total"):
        if "hypothalamus" in engine:
            entries[f"hypothalamus_{part}"] = engine["hypothalamus"][part]
    for entry in engine.get("subunits", {}).values():
        entries[entry["structure"]] = entry
    if "icv" in engine:
        entries[ICV] = engine["icv"]
    return entries


def _present(network_mm3: float, edits: Mapping[str, Edit | None], structure: str) -> float:
    """The volume as it is now; NaN for a deleted segment."""
    if structure not in edits:
        return network_mm3
    edit = edits[structure]
    if edit is None:
        return NAN
    if not edit.is_change:
        return network_mm3
    # An emptied segment has no volume, even if the networks had posterior around it.
    return max(0.0, network_mm3 + edit.difference_mm3) if edit.mask_mm3 else 0.0


def _row(
    structure: str,
    entry: dict,
    edits: Mapping[str, Edit | None],
    icv: _Icv | None,
) -> VolumeRow:
    edit = edits.get(structure)
    status = UNCHANGED
    if structure in edits:
        status = DELETED if edit is None else EDITED if edit.is_change else UNCHANGED
    overlap = 1.0 if edit is None or edit.dice is None else edit.dice
    return _volume_row(
        structure,
        entry,
        _present(entry["volume_mm3"], edits, structure),
        overlap if edit is None or edit.has_baseline else NAN,
        status,
        icv,
    )


def _total_row(
    entry: dict,
    entries: dict[str, dict],
    edits: Mapping[str, Edit | None],
    icv: _Icv | None,
) -> VolumeRow:
    changed = [side for side in SIDES if side in edits and _is_change(edits[side])]
    volume = entry["volume_mm3"]
    if changed:
        volume = sum(_present(entries[side]["volume_mm3"], edits, side) for side in SIDES)
    status = EDITED if changed else UNCHANGED
    dice = NAN if changed else 1.0
    return _volume_row(TOTAL, entry, volume, dice, status, icv)


def _is_change(edit: Edit | None) -> bool:
    return edit is None or edit.is_change


def _volume_row(
    structure: str,
    entry: dict,
    volume_mm3: float,
    dice: float,
    status: str,
    icv: _Icv | None,
) -> VolumeRow:
    network_mm3 = entry["volume_mm3"]
    fraction, adjusted = NAN, NAN
    if icv and volume_mm3 == network_mm3 and icv.now_mm3 == icv.network_mm3:
        fraction, adjusted = entry["fraction_of_icv"], entry["icv_adjusted_mm3"]
    elif icv:
        share = volume_mm3 / icv.now_mm3 if icv.now_mm3 else NAN
        fraction = round(share, FRACTION_DIGITS)
        adjusted = round(share * icv.reference_mm3, VOLUME_DIGITS)
    difference = round(volume_mm3 - network_mm3, VOLUME_DIGITS)
    spread = NAN if entry["fold_sd_mm3"] is None else entry["fold_sd_mm3"]
    is_icv = structure == ICV
    limits = [NAN, NAN]
    if status == UNCHANGED:
        # Results of version 0.1.0, in saved scenes, have no interval.
        found = [entry.get(key) for key in ("volume_low_mm3", "volume_high_mm3")]
        limits = [NAN if limit is None else limit for limit in found]
    unit, mm3_per_unit, digits = ("mL", MM3_PER_ML, 6) if is_icv else ("mm³", 1.0, VOLUME_DIGITS)
    return VolumeRow(
        structure=structure,
        name=DISPLAY_NAMES[structure],
        value=round(volume_mm3 / mm3_per_unit, digits),
        unit=unit,
        percent_of_icv=round(100 * fraction, FRACTION_DIGITS - 2),
        adjusted_mm3=NAN if is_icv else adjusted,
        fold_sd=round(spread / mm3_per_unit, digits),
        difference=round(difference / mm3_per_unit, digits),
        difference_percent=round(100 * difference / network_mm3, 2) if network_mm3 else NAN,
        dice=round(dice, 4),
        status=status,
        low=round(limits[0] / mm3_per_unit, digits),
        high=round(limits[1] / mm3_per_unit, digits),
    )


def _asymmetry_row(
    engine: dict, entries: dict[str, dict], edits: Mapping[str, Edit | None]
) -> VolumeRow:
    changed = any(_is_change(edits[side]) for side in SIDES if side in edits)
    index = engine["asymmetry_index"]
    if changed:
        left, right = (_present(entries[side]["volume_mm3"], edits, side) for side in SIDES)
        index = 2 * (left - right) / (left + right) if left + right else None
    return VolumeRow(
        structure=ASYMMETRY,
        name=DISPLAY_NAMES[ASYMMETRY],
        value=NAN if index is None else round(100 * index, FRACTION_DIGITS - 2),
        unit="%",
        percent_of_icv=NAN,
        adjusted_mm3=NAN,
        fold_sd=NAN,
        difference=NAN,
        difference_percent=NAN,
        dice=NAN,
        status=EDITED if changed else UNCHANGED,
    )
