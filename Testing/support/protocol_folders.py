"""Folders of weights with a protocol of their own: the published files under another name."""

from __future__ import annotations

import json
from pathlib import Path

from HypothalamusSegLib.measures.protocol import PUBLISHED
from HypothalamusSegLib.networks.weight_files import MANIFEST_NAME, default_weights_folder

RANGE_MM3 = (300.0, 900.0)
HTML_NAME = "Ülm <img src='x'> & <b>Söhne</b>"


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


def damage(folder: Path, what: str) -> None:
    """Make a folder of weights one that cannot be used."""
    manifest = folder / MANIFEST_NAME
    content = json.loads(manifest.read_text(encoding="utf-8"))
    if what == "checksum":
        content["structures"]["hypothalamus"]["folds"][2]["sha256"] = "0" * 64
    elif what == "file":
        (folder / content["structures"]["icv"]["folds"][0]["file"]).unlink()
    elif what == "version":
        content["structures"] = [content["structures"]]
    elif what == "networks":
        del content["structures"]["hypothalamus"]
    elif what == "name":
        content["protocol"]["name"] = PUBLISHED.name.upper()
    text = "{" if what == "text" else json.dumps(content)
    manifest.write_text(text, encoding="utf-8")
