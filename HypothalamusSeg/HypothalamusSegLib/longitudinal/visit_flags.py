"""Reasons to doubt a comparison of visits.

No flag changes a number; a severe one withholds the verdict.

Examples
--------
>>> VisitFlag("visits_unlike", "The scans do not match.").is_severe
True
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..flags import SEVERE_CODES
from .repeatability import voxels_are_equal

if TYPE_CHECKING:
    from .registration import Registration
    from .visit import Visit

# Title of each flag, shown before its message. With a severe flag, no change is judged.
TITLES = {
    "visits_unlike": "Scans do not match",
    "mirrored_visit": "Left and right swapped in one scan",
    "visit_flagged": "A scan has a severe flag",
    "same_voxels": "Identical images",
    "icv_differs": "ICV differs",
    "patients_differ": "Headers name different patients",
    "registration_unsettled": "Registration did not converge",
    "skull_differs": "Skull removed in some scans only",
    "contrast_differs": "Contrast agent in some scans only",
    "voxel_sizes_differ": "Voxel sizes differ",
}
SEVERE = frozenset(("visits_unlike", "mirrored_visit", "visit_flagged", "same_voxels"))
# Flags of single scans that leave the hypothalamus as it is.
HARMLESS = frozenset(("skull_stripped", "fov_cut"))
# Simulated visits of one person: 0.985 and more. Two persons: 0.56. A person and their mirror
# image: 0.83–0.94, told apart by the better match. Real scanners may lower the first.
LEAST_SIMILARITY = 0.9
LARGEST_ICV_DIFFERENCE = 0.02


@dataclass(frozen=True)
class VisitFlag:
    """One reason for doubt; ``code`` is a key of `TITLES`, ``message`` is for the user."""

    code: str
    message: str

    @property
    def is_severe(self) -> bool:
        return self.code in SEVERE


def flags_of(visits: Sequence[Visit], registration: Registration) -> tuple[VisitFlag, ...]:
    """Collect the flags of a comparison, severe ones first."""
    flags = [
        *_registration_flags(visits, registration),
        *_scan_flags(visits),
        *_difference_flags(visits),
    ]
    return tuple(sorted(flags, key=lambda flag: not flag.is_severe))


def _registration_flags(visits: Sequence[Visit], registration: Registration) -> list[VisitFlag]:
    flags = []
    matches = zip(visits, registration.similarity, registration.mirrored_similarity, strict=True)
    found = list(matches)
    mirrored = [v.label for v, s, flipped in found if flipped > max(s, LEAST_SIMILARITY)]
    if mirrored:
        flags.append(
            VisitFlag(
                "mirrored_visit",
                f"The mirror image of {_listed(mirrored)} matches better than the scan itself. In "
                "one of the scans, left and right are swapped. Check how the files were converted.",
            )
        )
    elif min(registration.similarity) < LEAST_SIMILARITY:
        worst = min(found, key=lambda match: match[1])
        flags.append(
            VisitFlag(
                "visits_unlike",
                f"{worst[0].label.capitalize()} matches the others with a correlation of "
                f"{worst[1]:.3f}; scans of one person reach {LEAST_SIMILARITY}. They may show "
                "different people, or the registration failed. Check the flicker view.",
            )
        )
    if not registration.settled:
        flags.append(
            VisitFlag(
                "registration_unsettled",
                "The registration had not converged after its last iteration. Check it in the "
                "flicker view.",
            )
        )
    return flags


def _scan_flags(visits: Sequence[Visit]) -> list[VisitFlag]:
    flags = []
    for visit in visits:
        codes = [f.code for f in visit.quality.flags if f.code in SEVERE_CODES - HARMLESS]
        if codes:
            flags.append(
                VisitFlag("visit_flagged", f"{visit.label.capitalize()}: {', '.join(codes)}.")
            )
    for code, own, what in (
        ("skull_differs", "skull_stripped", "The skull was removed"),
        ("contrast_differs", "contrast_enhanced", "There is contrast agent"),
    ):
        with_it = [v.label for v in visits if own in {f.code for f in v.quality.flags}]
        if 0 < len(with_it) < len(visits):
            message = (
                f"{what} in {_listed(with_it)} only. This may explain part of a change. Compare "
                "scans that were made in the same way."
            )
            flags.append(VisitFlag(code, message))
    return flags


def _difference_flags(visits: Sequence[Visit]) -> list[VisitFlag]:
    flags = []
    volumes = [visit.alone_mm3["icv"] for visit in visits if "icv" in visit.alone_mm3]
    if len(volumes) > 1 and max(volumes) / min(volumes) - 1 > LARGEST_ICV_DIFFERENCE:
        flags.append(
            VisitFlag(
                "icv_differs",
                f"The ICV differs by {100 * (max(volumes) / min(volumes) - 1):.1f} %. It does not "
                "change in an adult: the scans show different people, or a scanner's scale, the "
                "field of view or an ICV mask is wrong.",
            )
        )
    checksums = [visit.voxels_sha256 for visit in visits]
    if len(set(checksums)) < len(checksums):
        flags.append(
            VisitFlag(
                "same_voxels",
                "Two of the scans have identical voxels. A change between them means nothing.",
            )
        )
    for part in ("patient_id", "birth_date"):
        if len({getattr(v.identity, part) for v in visits} - {""}) > 1:
            flags.append(
                VisitFlag(
                    "patients_differ",
                    f"The DICOM headers have different {part.replace('_', ' ')}s. Check that all "
                    "scans show the same person.",
                )
            )
            break
    first = visits[0].scan.volume.spacing_mm
    if not all(voxels_are_equal(first, visit.scan.volume.spacing_mm) for visit in visits):
        flags.append(
            VisitFlag(
                "voxel_sizes_differ",
                "The scans have voxels of different sizes. Repeatability is then worse, and the "
                "smallest real change larger.",
            )
        )
    return flags


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
