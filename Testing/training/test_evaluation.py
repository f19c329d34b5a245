"""Trained weights are evaluated, and take the place of those that were trained anew."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from HypothalamusSegLib.options import Options
from HypothalamusSegLib.pipeline import Segmenter

from Testing.support.labelled_heads import SCANNERS, WITH_ICV
from Testing.support.small_training import export_folds, only_runs_of, strict_json, train_fold
from Testing.training.conftest import Data
from Training import evaluate
from Training.splits import TEST

pytestmark = pytest.mark.usefixtures("small")


def evaluate_quickly(data: Data, runs: Path, weights: Path, docs: Path, *folders: str) -> int:
    arguments = ["--quick", "--threads", "1", "--weights", str(weights), "--docs", str(docs)]
    arguments += ["--prepared", str(data.prepared), "--runs", str(runs)]
    return evaluate.main([*arguments, *folders])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_evaluation_measures_test_split_and_cross_validation_and_says_what_that_is(
    data, runs, tmp_path, monkeypatch
):
    # The border takes half the time of each scan, and is in the evaluation of the ICV alone.
    own = only_runs_of(["hypothalamus", "icv"], runs, tmp_path / "runs")
    weights, docs = tmp_path / "weights", tmp_path / "docs"
    assert export_folds(own, data.prepared, weights) == 0
    monkeypatch.setattr(evaluate, "QUICK", replace(evaluate.QUICK, perturbations=("mirrored",)))
    both = ("--scans", str(data.scans), "--heads", str(data.heads))
    assert evaluate_quickly(data, own, weights, docs, *both) == 0
    results = strict_json(docs / "validation" / "results.json")
    parts = results["parts"]["scans"]
    tested = [row["subject"] for row in results["test_hypothalamus"]]
    assert tested == [s for s in SCANNERS if parts[s] == TEST]
    validated = [row["subject"] for row in results["validation_hypothalamus"]]
    assert validated == [s for s in SCANNERS if parts[s] == 0]
    masked = [row["head"] for row in results["validation_icv_scans"]]
    assert masked == [s for s in WITH_ICV if parts[s] == 0]
    assert len(results["test_icv"]) == len(results["validation_icv"]) == 1
    (repeated,) = results["repeatability"].values()
    assert list(repeated) == ["unchanged", *evaluate.QUICK.perturbations]
    page = (docs / "VALIDATION.md").read_text(encoding="utf-8")
    assert "A quick look" in page
    assert "agreement with the labels of the data set" in page
    assert "teacher of" not in page
    for heading in ("test split", "cross-validation", "Intracranial volume", "Repeatability"):
        assert heading in page


def scans_only(data: Data, folder: Path) -> Path:
    """The prepared arrays without label heads."""
    for kind in ("regions", "scans"):
        (folder / kind).mkdir(parents=True)
        for path in (data.prepared / kind).iterdir():
            (folder / kind / path.name).symlink_to(path)
    parts = json.loads((data.prepared / "splits.json").read_text(encoding="utf-8"))
    (folder / "splits.json").write_text(json.dumps({**parts, "heads": {}}))
    (folder / "template.json").symlink_to(data.prepared / "template.json")
    return folder


@pytest.mark.slow
def test_icv_is_trained_and_exported_from_scans_with_masks_alone(data, tmp_path):
    prepared = scans_only(data, tmp_path / "prepared")
    train_fold("icv", prepared, tmp_path / "runs", steps=1)
    assert export_folds(tmp_path / "runs", prepared, tmp_path / "weights") == 0
    manifest = strict_json(tmp_path / "weights" / "manifest.json")
    assert list(manifest["structures"]) == ["icv"]
    options = Options(structures=("icv",), device="cpu", folds=(0,))
    assert list(Segmenter(options, tmp_path / "weights").networks) == ["icv"]


@pytest.mark.slow
def test_a_structure_that_was_not_trained_keeps_the_weights_that_are_there(
    data, runs, weights, tmp_path
):
    published = Path(shutil.copytree(weights, tmp_path / "weights"))
    own = only_runs_of(["hypothalamus"], runs, tmp_path / "runs")
    prepared = scans_only(data, tmp_path / "prepared")
    before = strict_json(published / "manifest.json")
    assert export_folds(own, prepared, published) == 0
    after = strict_json(published / "manifest.json")
    assert after["structures"]["icv"]["folds"] == before["structures"]["icv"]["folds"]
    assert after["structures"]["icv"]["split"] == before["split"]
    assert after["split"]["heads"] == {}
    Segmenter(Options(device="cpu", folds=(0,)), published)


@pytest.mark.slow
def test_border_networks_do_not_outlive_the_icv_networks_they_correct(
    data, runs, weights, tmp_path
):
    published = Path(shutil.copytree(weights, tmp_path / "weights"))
    own = only_runs_of(["icv"], runs, tmp_path / "runs")
    assert export_folds(own, data.prepared, published) == 0
    assert sorted(strict_json(published / "manifest.json")["structures"]) == ["hypothalamus", "icv"]
    assert sorted(Segmenter(Options(device="cpu", folds=(0,)), published).networks) == [
        "hypothalamus",
        "icv",
    ]


@pytest.mark.slow
def test_hypothalamus_alone_is_exported_but_evaluated_only_with_an_icv_ensemble(
    data, runs, tmp_path, capsys
):
    own = only_runs_of(["hypothalamus"], runs, tmp_path / "runs")
    assert export_folds(own, data.prepared, tmp_path / "weights") == 0
    assert "needs an ICV ensemble too" in capsys.readouterr().out
    scans = ("--scans", str(data.scans))
    assert evaluate_quickly(data, own, tmp_path / "weights", tmp_path / "docs", *scans) == 1
    assert "no ICV ensemble" in capsys.readouterr().out
    assert not (tmp_path / "docs").exists()


@pytest.mark.slow
def test_icv_with_its_border_alone_is_evaluated_on_label_heads_alone(data, runs, tmp_path):
    own = only_runs_of(["icv", "icv_border"], runs, tmp_path / "runs")
    assert export_folds(own, data.prepared, tmp_path / "weights") == 0
    heads = ("--heads", str(data.heads))
    assert evaluate_quickly(data, own, tmp_path / "weights", tmp_path / "docs", *heads) == 0
    results = strict_json(tmp_path / "docs" / "validation" / "results.json")
    assert results["test_icv"]
    assert not results["test_hypothalamus"]
    page = (tmp_path / "docs" / "VALIDATION.md").read_text(encoding="utf-8")
    assert "## Hypothalamus" not in page
    assert "Intracranial volume" in page
