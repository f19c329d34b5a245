"""Volumes of different protocols never come into one table without a word."""

from __future__ import annotations

import json
import shutil
import sqlite3

import pandas as pd
import pytest
from HypothalamusSegLib.measures.protocol import PUBLISHED
from HypothalamusSegLib.networks.weight_files import default_weights_folder
from HypothalamusSegLib.options import Options

from Cohort.comparison.matched_runs import CompareOptions
from Cohort.comparison_run import compare_runs
from Cohort.errors import MixedResultsError
from Cohort.index import results_table
from Cohort.index.cohort_index import INDEX_NAME
from Cohort.index.results_table import read_results
from Cohort.participant.task import fingerprint
from Testing.support.cohort_stub import run_stub, write_cohort
from Testing.support.cohort_tables import simulated


def test_scans_of_two_protocols_are_refused_by_the_protocols_names(tmp_path):
    scans = write_cohort(tmp_path / "data", {"1": "fine", "2": "fine"})
    run_stub(scans, tmp_path / "data", tmp_path / "out")
    assert set(read_results(tmp_path / "out")["segmentation_protocol"]) == {PUBLISHED.name}
    with sqlite3.connect(tmp_path / "out" / INDEX_NAME) as index:
        index.execute("UPDATE scans SET protocol = 'Ours', fingerprint = 'x' WHERE name = 'sub-1'")
    index.close()
    with pytest.raises(MixedResultsError, match=r"Ours(.|\n)*--weights"):
        read_results(tmp_path / "out")


def test_other_weights_make_another_result_wherever_they_lie(tmp_path):
    folder = tmp_path / "weights"
    folder.mkdir()
    published = default_weights_folder() / "manifest.json"
    shutil.copy(published, folder)
    assert fingerprint(Options(weights=str(folder))) == fingerprint(Options())
    manifest = json.loads(published.read_text(encoding="utf-8"))
    manifest["structures"]["hypothalamus"]["folds"][0]["sha256"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert fingerprint(Options(weights=str(folder))) != fingerprint(Options())


@pytest.mark.parametrize("other", ["Ours", PUBLISHED.name])
def test_a_comparison_of_two_protocols_says_so(tmp_path, monkeypatch, no_drawing, other):
    a, _ = simulated(n_a=5, n_b=5)
    runs = {
        tmp_path / name: a.assign(segmentation_protocol=protocol)
        for name, protocol in (("a", PUBLISHED.name), ("b", other))
    }
    monkeypatch.setattr(results_table, "read_results", runs.__getitem__)
    out = tmp_path / "out"
    paths = compare_runs(CompareOptions(tmp_path / "a", tmp_path / "b", out))
    report = next(path for path in paths if path.suffix == ".html").read_text(encoding="utf-8")
    pairs = pd.read_csv(out / "compare_scans.tsv", sep="\t")
    differs = other != PUBLISHED.name
    assert ("different protocols" in report) == differs
    assert ("protocol_b" in pairs) == differs
