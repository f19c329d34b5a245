"""Save a reviewed result as a training case: scan, corrected labels and a log of changes."""

from __future__ import annotations

import json
import re
from pathlib import Path

from HypothalamusSegLib.measures.protocol import protocol_name

from ..scene.patient import identify
from ..scene.result_nodes import ResultNodes
from ..scene.structures import HYPOTHALAMUS_NODE, ICV_NODE, SUBUNITS_NODE, NodePlan, SegmentPlan
from ..volumes.edits import measure_edits
from .result_files import write_label_map, write_volume, write_whole
from .subject import (
    ExportError,
    MayReplace,
    refuse_another_scan,
    refuse_to_replace,
)

# Whole sides are stored as one subunit each, as Docs/TRAINING.md describes.
SIDE_AS_SUBUNIT = {"hypothalamus_left": 803, "hypothalamus_right": 808}


def save_training_case(
    nodes: ResultNodes, folder: str | Path, may_replace: MayReplace = refuse_to_replace
) -> list[Path]:
    """Write one subject in the layout that ``python -m Training.prepare --scans`` reads.

    Returns
    -------
    list of Path
        ``sub-NAME/anat/…_T1w.nii.gz`` and, below ``derivatives/REVIEWER``, the labels and a JSON
        file with what was changed.

    Raises
    ------
    ExportError
        If there is no hypothalamus, the folder cannot be written to, or the subject is there
        with another scan.
    """
    hypothalamus, subunits = nodes.segmentation("hypothalamus"), nodes.segmentation("subunits")
    if hypothalamus is None and subunits is None:
        raise ExportError("This result has no hypothalamus, so there is nothing to train on.")
    review = nodes.record.review
    checksum = nodes.record.engine["provenance"]["input_sha256"]
    subject = "sub-" + (re.sub(r"[^A-Za-z0-9]", "", _subject_name(nodes, checksum)) or "scan")
    rater = re.sub(r"[^A-Za-z0-9]", "", review.reviewer) or "reviewer"
    for log in Path(folder).glob(f"derivatives/*/{subject}/anat/{subject}_review.json"):
        refuse_another_scan(log, checksum)

    def write(stage: Path) -> None:
        anatomy = stage / subject / "anat"
        labels = stage / "derivatives" / rater / subject / "anat"
        anatomy.mkdir(parents=True)
        labels.mkdir(parents=True)
        write_volume(nodes.volume, anatomy / f"{subject}_T1w.nii.gz")
        target = labels / f"{subject}_subunits_dseg.nii.gz"
        if subunits is not None:
            write_label_map(subunits, SUBUNITS_NODE, target)
        else:
            write_label_map(hypothalamus, _sides_as_subunits(), target)
        icv = nodes.segmentation("icv")
        if icv is not None:
            write_label_map(icv, ICV_NODE, labels / f"{subject}_icv_mask.nii.gz")
        changes = {
            "review": review.as_dict(),
            "input_sha256": checksum,
            "whole_sides_only": subunits is None,
            "edited": sorted(
                name
                for name, edit in measure_edits(nodes).items()
                if edit is None or edit.is_change
            ),
            "weights_sha256": nodes.record.engine["provenance"]["weights_sha256"],
            "protocol": protocol_name(nodes.record.engine),
        }
        text = json.dumps(changes, indent=2)
        (labels / f"{subject}_review.json").write_text(text + "\n", encoding="utf-8")

    return write_whole(Path(folder), write, may_replace)


def _subject_name(nodes: ResultNodes, checksum: str) -> str:
    """The pseudonym, the name of the volume, or, if that is a series, a part of its checksum.

    Training data never carry the patient's name.
    """
    is_patient = identify(nodes.volume).is_known
    return nodes.record.pseudonym or (checksum[:10] if is_patient else nodes.volume.GetName())


def _sides_as_subunits() -> NodePlan:
    segments = tuple(
        SegmentPlan(s.identifier, SIDE_AS_SUBUNIT[s.identifier], s.name, s.terminology, s.colour)
        for s in HYPOTHALAMUS_NODE.segments
    )
    return NodePlan("hypothalamus", "subunits_dseg", "hypothalamus", segments)
