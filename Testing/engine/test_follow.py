"""One person over several scans: real networks and files, and visits that deceive."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk
from HypothalamusSegLib.command_line import main
from HypothalamusSegLib.geometry import rigid
from HypothalamusSegLib.geometry.resampling import resample_cubic
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage, image_from_volume
from HypothalamusSegLib.longitudinal.follow import compare
from HypothalamusSegLib.longitudinal.repeatability import Repeatability
from HypothalamusSegLib.reading import read_scan

from Testing.support.command_runs import call_command

TURN = rigid.from_parameters(np.array([3.3, -2.6, 4.1, *np.radians([6, -4, 5])]))
FILES = {
    "pat_follow.html",
    "pat_follow.json",
    "pat_follow.tsv",
    "pat_visit-1_hypothalamus_dseg.nii.gz",
    "pat_visit-2_hypothalamus_dseg.nii.gz",
}


def written_again(volume: VoxelImage, path) -> None:
    """The same head, turned in the scanner, with noise of its own."""
    centre = volume.grid.centre_mm
    turn = rigid.from_parts(TURN[:3, :3], TURN[:3, 3] + centre - TURN[:3, :3] @ centre)
    moved = resample_cubic(volume, Grid(volume.array.shape, turn @ volume.affine))
    noise = np.random.default_rng(3).normal(0, 0.01 * moved.max(), moved.shape)
    sitk.WriteImage(
        image_from_volume(VoxelImage((moved + noise).astype(np.float32), volume.affine)), str(path)
    )


@pytest.fixture(scope="module")
def again_path(sample_path, tmp_path_factory):
    path = tmp_path_factory.mktemp("again") / "brain.nii.gz"  # the name of the first visit's file
    written_again(read_scan(sample_path).volume, path)
    return path


@pytest.fixture(scope="module")
def command_run(sample_path, again_path, tmp_path_factory):
    """The command on two visits and a file that is no scan, and what it compared."""
    folder = tmp_path_factory.mktemp("follow")
    broken = folder / "broken.nii.gz"
    broken.write_bytes(b"no scan")
    compared = {}

    def compare_and_keep(segmenter, visits, *others):
        compared.update(segmenter=segmenter, visits=visits)
        compared["followed"] = compare(segmenter, visits, *others)
        return compared["followed"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("HypothalamusSegLib.longitudinal.run.compare", compare_and_keep)
        run = call_command(
            folder / "out",
            *("follow", again_path, broken, sample_path),
            *("--output", folder / "out", "--name", "pat", "--folds", "0"),
            *("--dates", "2023-05-10,2022-01-01,2021-05-10", "--progress", "json"),
        )
    return run, compared


@pytest.fixture(scope="module")
def visits(command_run):
    return command_run[1]["visits"]


@pytest.fixture(scope="module")
def followed(command_run):
    return command_run[1]["followed"]


def test_an_unchanged_head_has_not_changed(followed):
    by_name = {change.structure: change for change in followed.changes[0]}
    assert abs(by_name["hypothalamus_total"].percent) < 1.0
    assert by_name["hypothalamus_total"].verdict == "within repeatability"
    assert [f.code for f in followed.flags] == []


def test_the_order_of_the_visits_changes_no_digit(command_run, visits, followed):
    backward = compare(command_run[1]["segmenter"], visits[::-1], Repeatability())
    for one, other in zip(followed.visits, backward.visits[::-1], strict=True):
        assert one.volumes_mm3 == other.volumes_mm3
        assert one.zoom == other.zoom
    for one, other in zip(
        followed.registration.from_midspace,
        backward.registration.from_midspace[::-1],
        strict=True,
    ):
        assert (one == other).all()


def test_where_the_head_lies_in_the_scanner_does_not_matter(visits, followed):
    """The second visit is where the turn has put it."""
    first, second = followed.registration.from_midspace
    centre = visits[0].volume.grid.centre_mm
    turn = rigid.from_parts(TURN[:3, :3], TURN[:3, 3] + centre - TURN[:3, :3] @ centre)
    apart = rigid.inverse(first) @ turn @ second
    assert rigid.distance_mm(apart) < 0.05
    assert rigid.angle_deg(apart) < 0.05


def test_the_command_writes_all_files_and_goes_on_without_a_scan_that_fails(command_run):
    run, _ = command_run
    assert run.code == 1
    assert {path.name for path in run.output.iterdir()} == FILES
    assert [e["code"] for e in run.events if e["event"] == "error"] == ["corrupt_file"]
    fractions = [e["fraction"] for e in run.events if e["event"] == "progress"]
    assert fractions == sorted(fractions)
    described = json.loads((run.output / "pat_follow.json").read_text(encoding="utf-8"))
    assert [v["date"] for v in described["visits"]] == ["2021-05-10", "2023-05-10"]
    assert described["failed"] == ["broken.nii.gz"]
    with (run.output / "pat_follow.tsv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert len(rows) == 2 * 4
    later = described["visits"][1]
    for row in rows[4:]:
        change = later["changes"][row["structure"]]
        assert float(row["change_percent"]) == change["change_percent"]
        years = 730 / 365.25
        assert float(row["change_percent_a_year"]) == pytest.approx(
            change["change_percent"] / years, abs=1e-3
        )
        alone = later["single_run_volumes_mm3"][row["structure"]]
        assert float(row["single_run_volume_mm3"]) == alone
    page = (run.output / "pat_follow.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 4
    assert "2023-05-10" in page


def test_one_scan_that_is_left_is_too_few(sample_path, tmp_path, capsys):
    code = main(
        [
            *("follow", str(sample_path), str(tmp_path / "missing.nii.gz")),
            *("--output", str(tmp_path / "out"), "--folds", "0"),
        ]
    )
    assert code == 1
    assert "does not exist" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_wrong_usage_is_refused_before_anything_is_read(tmp_path):
    for wrong in (
        ["one.nii.gz"],
        ["one.nii.gz", "two.nii.gz", "--dates", "2020-01-01"],
        ["one.nii.gz", "two.nii.gz", "--dates", "yesterday,today"],
        ["one.nii.gz", "two.nii.gz", "--name", "../elsewhere"],
    ):
        with pytest.raises(SystemExit) as ended:
            main(["follow", *wrong, "--output", str(tmp_path)])
        assert ended.value.code == 2
