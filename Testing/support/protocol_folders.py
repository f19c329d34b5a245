"""Folders of weights with a protocol of their own: the published files under another name."""

from __future__ import annotations

import json
from pathlib import Path

from HypothalamusSegLib.networks.weight_files import MANIFEST_NAME, default_weights_folder

RANGE_MM3 = (300.0, 900.0)


def protocol_folder(
    folder: Path, name: str, usual_range_mm3: tuple[float, float] = RANGE_MM3
) -> Path:
    """Make a folder of weights as `adapt` would write it, with links to the published files."""
    published = default_weights_folder()
    folder.mkdir(parents=True, exist_ok=True)
    for path in published.glob("*.pt"):
        (folder / path.name).symlink_to(path)
    manifest = json.loads((published / MANIFEST_NAME).read_text(encoding="utf-8"))
    manifest["protocol"] = {"name": name, "usual_range_mm3": list(usual_range_mm3)}
    text = json.dumps(manifest, ensure_ascii=False)
    (folder / MANIFEST_NAME).write_text(text, encoding="utf-8")
    return folder
