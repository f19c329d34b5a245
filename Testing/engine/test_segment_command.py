"""The command line as a user or the Slicer panel runs it, with real weights."""

from __future__ import annotations

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from HypothalamusSegLib.progress import describe_step

from Testing.support.command_runs import (
    call_command,
    environment,
    read_labels,
    run_command,
)

FILES = {
    "brain_hypothalamus_dseg.nii.gz",
    "brain_subunits_dseg.nii.gz",
    "brain_icv_mask.nii.gz",
    "brain_volumes.csv",
    "brain_volumes.json",
    "brain_overview.png",
}
CHANGING = ("seconds", "peak_memory_mb", "steps")  # of the provenance, from run to run


def test_a_run_writes_every_file_and_nothing_else(sample_run):
    assert sample_run.code == 0, sample_run.stderr
    assert {path.name for path in sample_run.output.iterdir()} == FILES


def test_progress_rises_to_one_result(sample_run):
    progress = [e["fraction"] for e in sample_run.events if e["event"] == "progress"]
    assert progress == sorted(progress)
    assert progress[0] == 0
    assert progress[-1] < 1
    assert len(progress) > 10
    assert [e["event"] for e in sample_run.events].count("result") == 1
    assert sample_run.events[-1]["event"] == "result"


def test_table_and_json_agree_to_the_last_digit(sample_run, sample_json):
    with (sample_run.output / "brain_volumes.csv").open(newline="", encoding="utf-8") as stream:
        table = {row["structure"]: row for row in csv.DictReader(stream)}
    entries = [*sample_json["hypothalamus"].values(), *sample_json["subunits"].values()]
    entries.append(sample_json["icv"])
    assert len(table) == len(entries) == 14
    for entry in entries:
        # The protocol stands once in the JSON, and at each structure that it draws in the table.
        drawn_by = None if entry["structure"] == "icv" else sample_json["protocol"]["name"]
        values = {**entry, "protocol": drawn_by}
        for column, text in table[entry["structure"]].items():
            expected = "" if values[column] is None else str(values[column])
            assert text == expected, (entry["structure"], column)


def test_mask_volumes_are_the_voxel_counts_of_the_written_masks(sample_run, sample_json):
    sides, voxel_mm3 = read_labels(sample_run.output / "brain_hypothalamus_dseg.nii.gz")
    for label, side in ((1, "left"), (2, "right")):
        counted = (sides == label).sum() * voxel_mm3
        assert sample_json["hypothalamus"][side]["mask_volume_mm3"] == pytest.approx(counted)
    subunits, voxel_mm3 = read_labels(sample_run.output / "brain_subunits_dseg.nii.gz")
    assert np.array_equal(subunits > 0, sides > 0)
    for label, entry in sample_json["subunits"].items():
        counted = (subunits == int(label)).sum() * voxel_mm3
        assert entry["mask_volume_mm3"] == pytest.approx(counted)
    icv, voxel_mm3 = read_labels(sample_run.output / "brain_icv_mask.nii.gz")
    assert sample_json["icv"]["mask_volume_mm3"] == pytest.approx(icv.sum() * voxel_mm3)


def test_parts_add_up_and_fractions_follow(sample_json):
    parts = sample_json["hypothalamus"]
    total = parts["total"]["volume_mm3"]
    assert total == pytest.approx(
        parts["left"]["volume_mm3"] + parts["right"]["volume_mm3"], abs=0.002
    )
    assert total == pytest.approx(
        sum(entry["volume_mm3"] for entry in sample_json["subunits"].values()), abs=0.01
    )
    assert parts["total"]["fraction_of_icv"] == pytest.approx(
        total / sample_json["icv_mm3"], rel=1e-5
    )
    assert parts["total"]["icv_adjusted_mm3"] == pytest.approx(
        total * sample_json["reference_icv_mm3"] / sample_json["icv_mm3"], rel=1e-6
    )
    assert len(parts["total"]["per_fold_mm3"]) == 5


def test_the_stripped_sample_is_flagged(sample_json):
    codes = [flag["code"] for flag in sample_json["quality"]["flags"]]
    assert codes == ["skull_stripped"]


def test_sides_lie_on_their_sides_of_the_template(sample_run):
    """The template is symmetric about x = 0 in MNI space, where +x is the patient's right."""
    image = sitk.ReadImage(str(sample_run.output / "brain_hypothalamus_dseg.nii.gz"))
    array = sitk.GetArrayFromImage(image)
    for label, sign in ((1, -1), (2, 1)):
        k, j, i = np.argwhere(array == label).mean(0)
        x_lps = image.TransformContinuousIndexToPhysicalPoint((i, j, k))[0]
        assert 3 < sign * -x_lps < 8


def test_provenance_is_enough_to_repeat_the_run(sample_json):
    provenance = sample_json["provenance"]
    assert len(provenance["weights_sha256"]) == 15
    assert len(provenance["input_sha256"]) == 64
    assert {"version", "torch", "device", "threads", "options", *CHANGING} <= set(provenance)


@pytest.fixture(scope="module")
def mixed_run(sample_path, tmp_path_factory):
    """A file that is no scan, the sample, another of its name and one that is missing."""
    folder = tmp_path_factory.mktemp("mixed")
    bad, missing, twin = folder / "bad.nii.gz", folder / "missing.nii", folder / "brain.nii.gz"
    bad.write_bytes(b"this is not an image")
    twin.write_bytes(sample_path.read_bytes())
    output = folder / "output"
    return call_command(
        output,
        *("segment", bad, sample_path, twin, missing, "--output", output),
        *("--structures", "icv", "--no-overview", "--folds", "0", "--progress", "json"),
    )


def test_a_bad_file_among_several_is_named_and_the_others_are_kept(mixed_run):
    assert mixed_run.code == 1
    assert "bad.nii.gz" in mixed_run.stderr
    assert "missing.nii" in mixed_run.stderr
    kinds = [e["event"] for e in mixed_run.events if e["event"] != "progress"]
    assert kinds == ["error", "result", "error", "error"]
    assert {p.name.split("_")[0] for p in mixed_run.output.iterdir()} == {"brain"}


def test_inputs_of_one_name_do_not_replace_each_other(mixed_run, sample_path):
    _, result, twin, _ = (e for e in mixed_run.events if e["event"] != "progress")
    assert result["input"] == str(sample_path)
    assert twin["code"] == "duplicate_name"


def test_without_overview_all_but_the_picture_is_written(mixed_run):
    suffixes = {path.name.removeprefix("brain_") for path in mixed_run.output.iterdir()}
    assert suffixes == {"icv_mask.nii.gz", "volumes.csv", "volumes.json"}


def test_fewer_structures_and_folds_leave_null_and_write_less(sample_path, tmp_path):
    done = call_command(
        tmp_path,
        *("segment", sample_path, "--output", tmp_path, "--progress", "none"),
        *("--structures", "hypothalamus", "--no-overview", "--folds", "3,1"),
    )
    assert done.code == 0, done.stderr
    described = json.loads((tmp_path / "brain_volumes.json").read_text(encoding="utf-8"))
    assert described["icv_mm3"] is None
    assert described["hypothalamus"]["total"]["fraction_of_icv"] is None
    assert len(described["hypothalamus"]["total"]["per_fold_mm3"]) == 2
    assert described["provenance"]["options"]["folds"] == [3, 1]
    assert not (tmp_path / "brain_icv_mask.nii.gz").exists()
    assert ",," in (tmp_path / "brain_volumes.csv").read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_written_is_said(sample_path, tmp_path):
    obstacle = tmp_path / "file"
    obstacle.write_text("in the way", encoding="utf-8")
    done = call_command(
        tmp_path,
        *("segment", sample_path, "--output", obstacle / "output", "--progress", "json"),
        *("--structures", "icv", "--folds", "0"),
    )
    assert done.code == 1
    assert done.events[-1]["code"] == "permission_denied"
    assert obstacle.read_text(encoding="utf-8") == "in the way"


@pytest.mark.parametrize(
    "wrong",
    [
        ["segment", "a.nii"],
        ["segment", "a.nii", "--output", "out", "--grid", "2mm"],
        ["segment", "a.nii", "--output", "out", "--folds", "0,0"],
        ["segment", "a.nii", "--output", "out", "--structures", "thalamus"],
        ["segment", "a.nii", "--output", "out", "--threads", "0"],
        [],
    ],
)
def test_wrong_usage_exits_with_2(tmp_path, wrong):
    done = call_command(tmp_path, *wrong)
    assert done.code == 2
    assert "usage" in done.stderr


def test_a_process_ends_with_the_code_of_wrong_usage_and_no_traceback(tmp_path):
    done = run_command(tmp_path, "segment", "a.nii")
    assert done.code == 2
    assert "Traceback" not in done.stderr


def test_info_verifies_every_weight(tmp_path):
    done = call_command(tmp_path, "info")
    assert done.code == 0
    assert done.stdout.count("verified") == 15


def test_help_does_not_wait_for_the_libraries_of_segmentation():
    script = (
        "import sys; from HypothalamusSegLib.command_line import build_parser;"
        "build_parser(); print(sorted({'numpy', 'SimpleITK', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", env=environment()
    )
    assert done.stdout == "[]\n", done.stderr


def test_progress_names_stage_and_network_in_fields_of_their_own(sample_run):
    events = [event for event in sample_run.events if event["event"] == "progress"]
    stages = list(dict.fromkeys(event["stage"] for event in events))
    assert stages == ["read", "networks", "coarse", "fine", "measure", "write"]
    for stage in ("coarse", "fine"):
        folds = [event["fold"] for event in events if event["stage"] == stage]
        assert folds == [None, 1, 2, 3, 4, 5]
    assert all(event["step"] == describe_step(event["stage"], event["fold"], 5) for event in events)
