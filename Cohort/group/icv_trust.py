"""Whether the intracranial volumes of a cohort can be trusted as such."""

from __future__ import annotations

import pandas as pd

from ..tables import split_codes
from .contrast import Contrast
from .findings import WARNING, Finding, Topic

ICV_FLAGS = ("skull_stripped", "fov_cut", "icv_out_of_range")
MEANINGS = {
    "skull_stripped": "the skull had been removed, so what is measured is not the ICV but "
    "what is left of the head, roughly the brain volume; atrophy is hidden in it",
    "fov_cut": "the scan cuts off part of the head, so that ICV is too small",
    "icv_out_of_range": "ICV lies outside the usual range",
}


def icv_findings(frame: pd.DataFrame, contrast: Contrast | None) -> list[Finding]:
    """Warnings about the ICV of the scans in an analysis, one row per subject."""
    findings = []
    missing = frame["icv_mm3"].isna()
    if missing.all():
        text = (
            "No scan has an ICV, so nothing can be adjusted for head size. All results are for "
            "the volumes as measured"
        )
        return [Finding(WARNING, Topic.ICV, text)]
    if missing.any():
        text = "Scans without an ICV are left out of all analyses adjusted for ICV"
        findings.append(Finding(WARNING, Topic.ICV, text, tuple(frame.loc[missing, "scan"])))
    for code in ICV_FLAGS:
        flagged = has_flag(frame, code)
        if flagged.any():
            counts = f"ICV cannot be trusted in {flagged.sum()} of {len(frame)} scans"
            if contrast is not None:
                is_a = contrast.is_a(frame)
                a, b = int((flagged & is_a).sum()), int((flagged & ~is_a).sum())
                counts += f" ({contrast.level_a}: {a}, {contrast.level_b}: {b})"
            text = f"{counts}: {MEANINGS[code]} (flag {code})"
            findings.append(Finding(WARNING, Topic.ICV, text, tuple(frame.loc[flagged, "scan"])))
    return findings


def has_flag(frame: pd.DataFrame, code: str) -> pd.Series:
    """Which scans carry a flag."""
    return frame["flags"].fillna("").map(lambda flags: code in split_codes(flags))
