"""`hypothalamus-seg cohort … participant` as a user starts it, with the real engine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from Cohort.index.results_table import read_results
from Testing.support.command_runs import (
    CommandRun,
    call_command,
    command_line,
    environment,
    read_labels,
    run_command,
)

BAD_BYTES = b"this is no image"


@pytest.fixture(scope="module")
def data_set(sample_path, tmp_path_factory) -> Path:
    """One real brain and one file that is none."""
    root = tmp_path_factory.mktemp("cohort") / "data"
    for subject in ("01", "02"):
        (root / f"sub-{subject}/anat").mkdir(parents=True)
    shutil.copy(sample_path, root / "sub-01/anat/sub-01_T1w.nii.gz")
    (root / "sub-02/anat/sub-02_T1w.nii.gz").write_bytes(BAD_BYTES)
    return root


@pytest.fixture(scope="module")
def cohort_run(data_set) -> CommandRun:
    output = data_set.parent / "out"
    # The networks and threads of the run that is compared with: sums in another order differ in
    # their last digits.
    return run_command(
        output, "cohort", data_set, output, "participant", "--subunits", "--report", "--workers", 1,
        "--folds", 0, "--threads", 1,
    )  # fmt: skip


def test_a_bad_scan_gives_exit_code_1_and_its_reason_and_the_other_is_done(cohort_run):
    assert cohort_run.code == 1
    assert "1 segmented, 0 unchanged, 1 failed" in cohort_run.stdout
    assert "sub-02" in cohort_run.stdout.split("! ")[1]
    assert read_results(cohort_run.output)["scan"].tolist() == ["sub-01"]


def test_numbers_and_masks_are_those_of_the_segment_command(cohort_run, quick_run, quick_json):
    anat = cohort_run.output / "sub-01/anat"
    description = json.loads((anat / "sub-01_volumes.json").read_text(encoding="utf-8"))
    for key in ("icv_mm3", "hypothalamus", "subunits", "asymmetry_index", "quality"):
        assert description[key] == quick_json[key]
    for ours, theirs in (
        ("seg-hypothalamus_res-0p5mm_dseg", "hypothalamus_dseg"),
        ("seg-subunits_res-0p5mm_dseg", "subunits_dseg"),
        ("label-icv_mask", "icv_mask"),
    ):
        mask, _ = read_labels(anat / f"sub-01_{ours}.nii.gz")
        expected, _ = read_labels(quick_run.output / f"brain_{theirs}.nii.gz")
        np.testing.assert_array_equal(mask, expected)


def test_the_index_holds_the_volumes_of_the_files(cohort_run, quick_json):
    row = read_results(cohort_run.output).iloc[0]
    assert row["icv_mm3"] == quick_json["icv_mm3"]
    left = quick_json["hypothalamus"]["left"]["volume_mm3"]
    assert row["hypothalamus_left_mm3"] == left
    assert row["left_posterior_mm3"] == quick_json["subunits"]["803"]["volume_mm3"]
    assert "skull_stripped" in row["flags"].split(";")
    assert (cohort_run.output / row["overview"]).exists()


def test_pybids_reads_what_was_written(cohort_run):
    bids = pytest.importorskip("bids")
    layout = bids.BIDSLayout(cohort_run.output, validate=False, is_derivative=True)
    description = layout.get_dataset_description()
    assert description["DatasetType"] == "derivative"
    assert description["GeneratedBy"][0]["Name"] == "HypothalamusSeg"
    images = layout.get(subject="01", extension=".nii.gz")
    assert {image.entities["suffix"] for image in images} == {"dseg", "mask"}
    for image in images:
        assert image.get_metadata()["Sources"] == ["bids:raw:sub-01/anat/sub-01_T1w.nii.gz"]
    subunits = (
        (cohort_run.output / "seg-subunits_dseg.tsv").read_text(encoding="utf-8").splitlines()
    )
    assert len(subunits) == 11
    assert subunits[1].split("\t")[:2] == ["801", "left anterior-inferior"]


def test_the_bids_validator_finds_no_error_even_with_the_group_level_beside(
    cohort_run, data_set, tmp_path
):
    derivatives = tmp_path / "derivatives"
    shutil.copytree(cohort_run.output, derivatives)
    group = call_command(derivatives, "cohort", data_set, derivatives, "group", "--blinded")
    assert group.code == 0, group.stderr
    pictures = list((derivatives / "group_contact_sheet_blinded/pictures").glob("*.png"))
    assert len(pictures) == len(list(derivatives.rglob("figures/*_planes.png"))) >= 1
    table = (derivatives / "group_volumes.tsv").read_text(encoding="utf-8")
    assert table.split("\t")[:3] == ["participant_id", "session_id", "scan"]
    assert str(data_set) not in table
    validator = Path(sys.executable).parent / "bids-validator-deno"
    if not validator.exists():
        pytest.skip("bids-validator-deno is not installed")
    answer = subprocess.run(
        [validator, derivatives, "--format", "json"], capture_output=True, text=True, check=False
    )
    issues = json.loads(answer.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue["severity"] == "error"] == []
    # The tables of labels at the root need no reference image, and only the user knows authors.
    assert {issue["code"] for issue in issues} <= {"TOO_FEW_AUTHORS", "SIDECAR_KEY_RECOMMENDED"}
    named = {issue["location"] for issue in issues if issue["code"] == "SIDECAR_KEY_RECOMMENDED"}
    assert named <= {"/seg-hypothalamus_dseg.tsv", "/seg-subunits_dseg.tsv"}


def test_nothing_that_is_written_names_a_folder_of_this_machine(cohort_run, data_set):
    folders = (str(data_set.parent), str(Path.home()))
    for path in cohort_run.output.rglob("*"):
        if path.suffix in (".json", ".tsv", ".md", ".html"):
            text = path.read_text(encoding="utf-8")
            assert not any(folder in text for folder in folders), path


def test_the_description_leads_back_to_the_data_set_wherever_both_are_moved(
    cohort_run, data_set, tmp_path
):
    shutil.copytree(data_set.parent, tmp_path / "moved")
    root = tmp_path / "moved" / cohort_run.output.name
    description = json.loads((root / "dataset_description.json").read_text(encoding="utf-8"))
    link = root / description["DatasetLinks"]["raw"]
    assert (link / "sub-01/anat/sub-01_T1w.nii.gz").is_file()
    assert description["GeneratedBy"][0]["CodeURL"].startswith("https://")
    assert description["License"]


def test_the_report_that_was_asked_for_is_written(cohort_run):
    report = cohort_run.output / "sub-01/figures/sub-01_report.pdf"
    assert report.read_bytes().startswith(b"%PDF")


def test_a_subject_with_a_result_has_a_page_of_its_own(cohort_run):
    assert [path.name for path in cohort_run.output.glob("*.html")] == ["sub-01.html"]
    page = (cohort_run.output / "sub-01.html").read_text(encoding="utf-8")
    assert 'src="sub-01/figures/sub-01_overview.png"' in page


def test_no_temporary_file_is_left(cohort_run):
    left = [path for path in cohort_run.output.rglob(".*") if path.name != ".bidsignore"]
    assert left == []


def test_the_same_command_again_only_tries_what_failed(cohort_run, data_set):
    mask = cohort_run.output / "sub-01/anat/sub-01_label-icv_mask.nii.gz"
    written = mask.stat().st_mtime_ns
    again = call_command(
        cohort_run.output, "cohort", data_set, cohort_run.output, "participant", "--subunits",
        "--folds", 0, "--workers", 1, "--progress", "json",
    )  # fmt: skip
    summary = again.events[-1]["summary"]
    assert summary["unchanged"] == ["sub-01"]
    assert list(summary["failed"]) == ["sub-02"]
    assert mask.stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["participant", "--executor", "parsl"], 2, "--parsl-config"),
        (["participant", "--parsl-config", "x.py"], 2, "--executor parsl"),
        (["participant", "--workers", "0"], 2, "positive"),
        (["participant", "--participant-label", "77"], 1, "sub-77"),
        (["everyone"], 2, "participant"),
    ],
)
def test_wrong_usage_is_explained(data_set, tmp_path, arguments, code, words):
    run = call_command(tmp_path, "cohort", data_set, tmp_path / "out", *arguments)
    assert run.code == code
    assert words in run.stderr


def test_the_main_help_names_the_cohort_command(tmp_path):
    run = call_command(tmp_path, "--help")
    assert run.code == 0
    assert "cohort" in run.stdout


def test_a_folder_that_cannot_be_written_to_is_named(data_set, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way", encoding="utf-8")
    run = call_command(tmp_path, "cohort", data_set, blocked, "participant")
    assert run.code == 1
    assert str(blocked) in run.stderr


def has_ended(process_group: int, seconds: float) -> bool:
    """Whether the last process of a group is gone within some seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.killpg(process_group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_ctrl_c_ends_the_run_and_its_workers_without_a_trace(data_set, tmp_path):
    output = tmp_path / "out"
    command = command_line("cohort", data_set, output, "participant", "--workers", 2)
    run = subprocess.Popen(
        command,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert "workers on this machine" in run.stdout.readline()
    time.sleep(2)  # Workers start, and one reads its scan.
    os.killpg(run.pid, signal.SIGINT)
    _, errors = run.communicate(timeout=20)
    assert run.returncode == 130
    assert errors.strip() == "Canceled. Run the same command to resume."
    assert has_ended(run.pid, seconds=5)
    assert not list(output.glob(".work/**/*.*"))
