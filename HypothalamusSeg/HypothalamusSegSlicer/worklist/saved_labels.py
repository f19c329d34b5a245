"""A reader's segmentations, kept as label maps next to the review, and restored from there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from HypothalamusSegLib.bids_labels import bids_label
from HypothalamusSegLib.errors import HypothalamusSegError
from HypothalamusSegLib.measures.protocol import PUBLISHED, protocol_name
from HypothalamusSegLib.results.atomic_files import atomic_files

from ..engine_run.handover import HandoverError, fill_segments, read_labels
from ..export.result_files import write_label_map
from ..export.subject import ExportError
from ..scene.result_nodes import ResultNodes
from ..scene.structures import NODE_PLANS
from .case import WorklistError

FOLDER = "review"
ENDINGS = {
    "hypothalamus": "seg-hypothalamus_dseg",
    "subunits": "seg-subunits_dseg",
    "icv": "label-icv_mask",
}
TAG_CHARACTERS = 4


def save_labels(
    nodes: ResultNodes, folder: Path, scan: str, reader: str, roles: Iterable[str]
) -> tuple[str, ...]:
    """Write the segmentations of some roles.

    What a reader drew by another protocol keeps its own file.

    Returns
    -------
    tuple of str
        Files, relative to ``folder``.

    Raises
    ------
    WorklistError
        Earlier files are then unchanged.
    """
    wanted, names = set(roles), []
    stem = f"{scan}_rater-{_rater_label(reader)}{_protocol_part(nodes)}"
    try:
        with atomic_files(folder / FOLDER) as stage:
            for plan, node in nodes.segmentations():
                if plan.role in wanted:
                    name = f"{stem}_{ENDINGS[plan.role]}.nii.gz"
                    write_label_map(node, plan, stage / name)
                    names.append(f"{FOLDER}/{name}")
    except (HypothalamusSegError, ExportError) as error:
        raise WorklistError(f"The label maps could not be saved: {error}") from error
    return tuple(names)


def restore_labels(nodes: ResultNodes, folder: Path, names: Sequence[str]) -> None:
    """Restore segmentations as a reader left them.

    All files are read before any segment is changed.

    Raises
    ------
    WorklistError
        If a file is gone or cannot be read.
    """
    images = {}
    try:
        for name in names:
            role = next(r for r, ending in ENDINGS.items() if f"_{ending}." in name)
            if not (folder / name).is_file():
                raise WorklistError(f"{folder / name} is gone, so your edits are not shown.")
            images[role] = read_labels(folder / name)
    except (HandoverError, StopIteration) as error:
        raise WorklistError(f"Your edits are not shown: {error}") from error
    for plan in NODE_PLANS:
        node = nodes.segmentation(plan.role)
        if plan.role in images and node is not None:
            fill_segments(node, plan, images[plan.role])


def _rater_label(reader: str) -> str:
    """A label for file names; “A.B.” and “AB” are two people."""
    return f"{bids_label(reader)}{_tag(reader)}"


def _protocol_part(nodes: ResultNodes) -> str:
    """An entity for file names; empty for the published protocol."""
    name = protocol_name(nodes.record.engine)
    return "" if name == PUBLISHED.name else f"_desc-{bids_label(name)}{_tag(name)}"


def _tag(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:TAG_CHARACTERS]
