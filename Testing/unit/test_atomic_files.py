"""Files appear whole under their final names, in folders too, or not at all."""

from __future__ import annotations

import pytest
from HypothalamusSegLib.errors import PermissionDeniedError
from HypothalamusSegLib.results.atomic_files import atomic_files, files_below


def fill(stage):
    for name in ("a_volumes.json", "b/c/labels.nii.gz", "b/table.csv"):
        (stage / name).parent.mkdir(parents=True, exist_ok=True)
        (stage / name).write_text(f"new {name}", encoding="utf-8")


def fill_until_cancelled(stage):
    fill(stage)
    raise KeyboardInterrupt


def test_files_come_with_their_folders_and_nothing_else_stays(tmp_path):
    output = tmp_path / "new" / "output"
    with atomic_files(output) as stage:
        fill(stage)
        files = files_below(stage)
        assert {path.name for path in output.iterdir()} == {stage.name}
    assert files_below(output) == files
    assert len(files) == 3
    assert not [path for path in output.iterdir() if path.name.startswith(".")]


def test_a_failure_leaves_the_earlier_files_and_no_others(tmp_path):
    (tmp_path / "a_volumes.json").write_text("old", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt), atomic_files(tmp_path) as stage:
        fill_until_cancelled(stage)
    assert [path.name for path in tmp_path.iterdir()] == ["a_volumes.json"]
    assert (tmp_path / "a_volumes.json").read_text(encoding="utf-8") == "old"


def test_json_does_not_appear_before_the_files_that_it_describes(tmp_path):
    (tmp_path / "b" / "table.csv").mkdir(parents=True)  # where no file can go
    refusal = pytest.raises(PermissionDeniedError, match="Choose another folder")
    with refusal, atomic_files(tmp_path) as stage:
        fill(stage)
    assert not (tmp_path / "a_volumes.json").exists()


def test_what_a_killed_run_left_in_the_stage_is_not_published(tmp_path):
    stage = tmp_path / ".work" / "sub-01"
    stage.mkdir(parents=True)
    (stage / "half.nii.gz").write_text("half", encoding="utf-8")
    with atomic_files(tmp_path, stage) as same:
        assert same == stage
        fill(same)
    assert "half.nii.gz" not in {path.name for path in files_below(tmp_path)}
    assert not stage.exists()
