"""Which files of a folder are images, and what they are called: shared by all that list scans.

Examples
--------
>>> image_stem(Path("sub-01_T1w.nii.gz"))
'sub-01_T1w'
>>> [path.name for path in without_uncompressed_twins([Path("a.nii"), Path("a.nii.gz")])]
['a.nii.gz']
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .dicom_files import DICOM_SUFFIXES, is_dicom_file
from .scan import READERS

# What Slicer's list of cases writes beside scans.
REVIEW_TABLE, REVIEW_FOLDER = "review.tsv", "review"


def images_below(folder: Path) -> Iterator[Path]:
    """Every image in a folder, at any depth; a folder of DICOM slices is one image.

    Hidden files and folders are left out, and the label maps of readers beside a ``review.tsv``.
    """
    files, folders = [], []
    is_reviewed = (folder / REVIEW_TABLE).is_file()
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or (is_reviewed and path.name == REVIEW_FOLDER):
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
