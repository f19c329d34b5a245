"""Scans in a folder, and the names that BIDS allows them: shared by all that list scans.

Examples
--------
>>> bids_label("Müller-7"), bids_label("患"), bids_label("--")
('Muller7', 'u60a3', '')
>>> scan_name("7", "2")
'sub-7_ses-2'
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unicodedata import normalize

from .dicom_series import DICOM_SUFFIXES, is_dicom_file
from .scan import READERS


def images_below(folder: Path) -> Iterator[Path]:
    """Every image in a folder, at any depth; a folder of DICOM slices is one image.

    Hidden files and folders are left out.
    """
    files, folders = [], []
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        (folders if path.is_dir() else files).append(path)
    images = [path for path in files if path.name.lower().endswith(tuple(READERS))]
    if not images and any(_is_dicom(path) for path in files[:1]):
        yield folder
        return
    yield from images
    for inner in folders:
        yield from images_below(inner)


def _is_dicom(path: Path) -> bool:
    return path.suffix.lower() in DICOM_SUFFIXES or is_dicom_file(path)


def image_stem(path: Path) -> str:
    """The name of an image without its suffix; of a folder its whole name."""
    name = path.name.lower()
    suffix = next((s for s in READERS if name.endswith(s) and not path.is_dir()), "")
    return path.name[: len(path.name) - len(suffix)]


def without_uncompressed_twins(paths: list[Path]) -> list[Path]:
    """Paths without ``name.nii`` where ``name.nii.gz`` lies beside it."""
    there = set(paths)
    return [p for p in paths if not (p.suffix == ".nii" and Path(f"{p}.gz") in there)]


def scan_name(subject: str, session: str = "") -> str:
    """Name of a scan outside BIDS, from labels."""
    return f"sub-{subject}" + (f"_ses-{session}" if session else "")


def bids_label(words: str) -> str:
    """Letters and digits that BIDS allows in a label; empty if there are none."""
    return "".join(map(_in_ascii, normalize("NFC", words)))


def _in_ascii(character: str) -> str:
    """A letter or digit as BIDS allows it: ü is u, and what has no such form is its code point."""
    if not character.isalnum():
        return ""
    plain = "".join(c for c in normalize("NFKD", character) if c.isascii() and c.isalnum())
    return plain or f"u{ord(character):04x}"
