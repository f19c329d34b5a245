"""The last list, and the folders for reviews of read-only lists, in Slicer's settings."""

from __future__ import annotations

import json
from pathlib import Path

import slicer

SOURCE_SETTING = "HypothalamusSeg/LastList"
FOLDERS_SETTING = "HypothalamusSeg/ReviewFolders"
FOLDERS_KEPT = 50


def last_source() -> str:
    """Folder or table of the last list; empty if there was none."""
    return str(slicer.app.settings().value(SOURCE_SETTING) or "")


def review_folder_of(source: str) -> Path | None:
    """Where the reviews of a list were written last."""
    found = _folders().get(source)
    return Path(found) if found and Path(found).is_dir() else None


def remember(source: str, folder: Path) -> None:
    """Remember a list; one from the DICOM database cannot be reopened by name."""
    if not source:
        return
    folders = {**_folders(), source: str(folder)}
    kept = dict(list(folders.items())[-FOLDERS_KEPT:])
    slicer.app.settings().setValue(SOURCE_SETTING, source)
    slicer.app.settings().setValue(FOLDERS_SETTING, json.dumps(kept))


def _folders() -> dict[str, str]:
    try:
        found = json.loads(slicer.app.settings().value(FOLDERS_SETTING) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
