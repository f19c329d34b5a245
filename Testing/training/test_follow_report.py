"""The section on one person over time and the limits that go with the weights."""

from __future__ import annotations

import json

import numpy as np
import pytest
from HypothalamusSegLib.longitudinal.repeatability import read_repeatability

from Training.evaluate_follow import write_limits
from Training.follow_evaluation import STRUCTURES, WAYS
from Training.follow_report import lines, smallest_changes_percent


def pair(error: float, spacing_mm=None, change: float = 0.0) -> dict:
    true = dict.fromkeys(STRUCTURES, float(np.log1p(change)))
    found = {name: value + error for name, value in true.items()}
    return {
        "kind": "zoom" if change else "none",
        "change": change,
        "spacing_mm": spacing_mm,
        "true": true,
        **dict.fromkeys(WAYS, found),
        "similarity": 0.99,
        "mirrored_similarity": 0.85,
        "error_mm": 0.01,
        "error_deg": 0.02,
    }


def figures(count: int, spacing_mm=None, error: float = 0.01) -> dict:
    signs = [1 if number % 2 else -1 for number in range(count)]
    return {f"sub-{n}": {"a": pair(sign * error, spacing_mm)} for n, sign in enumerate(signs)}


def test_the_smallest_real_change_falls_to_196_errors_as_pairs_grow():
    limits = {}
    for count in (8, 20, 2000):
        rows = [cases["a"] for cases in figures(count).values()]
        limits[count] = smallest_changes_percent(rows, other_voxels=False)["hypothalamus_total"]
    assert limits[8] > 3.0
    assert limits[8] > limits[20] > limits[2000] > 1.96
    assert limits[2000] == pytest.approx(1.96, rel=0.05)


def test_a_bias_counts_as_error():
    one_sided, balanced = [pair(0.01) for _ in range(10)], figures(10)
    rows = [cases["a"] for cases in balanced.values()]
    assert smallest_changes_percent(one_sided, False) == smallest_changes_percent(rows, False)


def test_few_pairs_give_no_limit():
    rows = [cases["a"] for cases in figures(5).values()]
    assert smallest_changes_percent(rows, False) == {}
    assert smallest_changes_percent(rows, True) == {}


def test_the_engine_reads_the_limits_that_are_written(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps({"structures": {}}), encoding="utf-8")
    assert read_repeatability(tmp_path).smallest_change_percent(STRUCTURES[0], True) is None
    write_limits(tmp_path, figures(8))
    known = read_repeatability(tmp_path)
    assert known.smallest_change_percent("hypothalamus_total", True) > 1.96
    assert known.smallest_change_percent("hypothalamus_total", False) is None
    assert json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))["structures"] == {}


def test_the_section_has_a_row_for_each_change_and_voxel_size():
    measured = figures(8)
    measured["sub-0"]["b"] = pair(0.002, 1.2)
    measured["sub-0"]["c"] = pair(-0.004, None, -0.05)
    text = "\n".join(lines(measured))
    assert "| none | equal | 8 | +0.00 ± 1.07 |" in text
    assert "| zoom -5 % | equal | 1 | -0.40 |" in text
    assert "| none | 1.2 mm | 1 | +0.20 |" in text
    assert "other voxels not measured" in text
