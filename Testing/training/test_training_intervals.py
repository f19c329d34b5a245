"""Intervals from cross-validation: their coverage on errors that are known."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from HypothalamusSegLib.measures.intervals import read_intervals

from Training import error_bars, intervals
from Training.intervals import conformal_quantile, intervals_of

SHARE, TRIALS, SCANS = 0.9, 300, 54
SD = 0.06


def hypothalamus_row(subject: str, error: float, fold_sd: float | None = None) -> dict:
    """A scan whose left, right and total are found larger by the factor exp(error)."""
    structures = {
        name: {"found_mm3": label * math.exp(error), "label_mm3": label, "fold_sd_mm3": fold_sd}
        for name, label in (
            ("hypothalamus_left", 400.0),
            ("hypothalamus_right", 410.0),
            ("hypothalamus_total", 810.0),
        )
    }
    total = structures["hypothalamus_total"]
    return {
        "subject": subject,
        "volume_mm3": total["found_mm3"],
        "label_volume_mm3": total["label_mm3"],
        "structures": structures,
    }


def icv_row(image: str, error: float, head: str = "") -> dict:
    volumes = {"volume_ml": 1500 * math.exp(error), "label_ml": 1500.0}
    return {"image": image, "head": head or image, **volumes}


def results_of(validation=(), test=(), icv=(), test_icv=(), icv_scans=()) -> dict:
    heads = {row["head"]: 0 for row in (*icv, *test_icv)}
    fold = {"file": "icv_fold0.pt", "sha256": "abc"}
    return {
        "parts": {"scans": {}, "heads": heads},
        "validation_hypothalamus": list(validation),
        "test_hypothalamus": list(test),
        "validation_icv": list(icv),
        "test_icv": list(test_icv),
        "validation_icv_scans": list(icv_scans),
        "test_icv_scans": [],
        "manifest": {"structures": {"icv": {"folds": [fold]}}},
    }


def mean_coverage(shift_sd: float, draw=np.random.Generator.normal, test_n: int = 200) -> float:
    """Share of new scans inside, over many data sets; their errors shifted by so many SD."""
    random = np.random.default_rng(17)
    covered = []
    for _ in range(TRIALS):
        calibration, new = draw(random, size=SCANS), draw(random, size=test_n) + shift_sd
        reach = conformal_quantile(np.abs(SD * calibration))
        covered.append(np.mean(np.abs(SD * new) <= reach))
    return float(np.mean(covered))


@pytest.mark.parametrize(
    "draw",
    [
        np.random.Generator.normal,
        lambda random, size: random.standard_t(2, size),  # now and then a label far off
        lambda random, size: random.gamma(2, size=size),  # found too large as a rule
    ],
    ids=["normal", "heavy tails", "one-sided"],
)
def test_ninety_percent_of_scans_of_the_same_kind_are_held(draw):
    # Exact is ⌈55 · 0.9⌉ / 55 = 0.909; the mean of 300 trials has a standard error of 0.003.
    assert mean_coverage(0.0, draw) == pytest.approx(0.909, abs=0.012)


def test_a_shift_of_the_scanner_breaks_the_promise_by_as_much_as_the_docstring_says():
    share = mean_coverage(1.5)
    assert share == pytest.approx(0.56, abs=0.02)
    assert "1.5 standard deviations leaves 56 %" in " ".join(intervals.__doc__.split())


@pytest.mark.parametrize(("count", "rank"), [(8, None), (9, 9), (19, 18), (54, 50), (99, 90)])
def test_the_quantile_is_that_of_a_finite_sample(count, rank):
    scores = list(np.random.default_rng(1).permutation(np.arange(1.0, count + 1)))
    assert conformal_quantile(scores, SHARE) == rank


def test_too_few_scans_give_no_interval():
    rows = [hypothalamus_row(f"sub-{i}", 0.01 * i) for i in range(8)]
    found = intervals_of(results_of(rows, rows[:2]))["structures"]["hypothalamus_total"]
    assert found["log_ratio"] is None
    assert found["test_covered"] is None
    assert found["n"] == 8


def test_a_missed_hypothalamus_counts_as_an_endless_error():
    rows = [hypothalamus_row(f"sub-{i}", 0.02) for i in range(9)]
    for volumes in rows[0]["structures"].values():
        volumes["found_mm3"] = 0.0
    found = intervals_of(results_of(rows))["structures"]["hypothalamus_total"]
    assert found["log_ratio"] is None  # the rank is the worst of nine
    rows += [hypothalamus_row(f"sub-{i}", 0.02) for i in range(9, 19)]
    found = intervals_of(results_of(rows))["structures"]["hypothalamus_total"]
    assert found["log_ratio"] == pytest.approx(0.02)


def test_every_structure_has_its_own_interval_and_its_coverage_on_the_test_split():
    validation = [hypothalamus_row(f"sub-{i}", 0.01 * i) for i in range(1, 20)]
    test = [hypothalamus_row("sub-50", 0.1), hypothalamus_row("sub-51", -0.5)]
    found = intervals_of(results_of(validation, test))
    assert found["coverage"] == SHARE
    assert set(found["structures"]) == {
        "hypothalamus_left",
        "hypothalamus_right",
        "hypothalamus_total",
    }
    left = found["structures"]["hypothalamus_left"]
    assert left["log_ratio"] == pytest.approx(0.18)
    assert (left["test_covered"], left["test_n"]) == (1, 2)


def test_two_images_of_one_head_count_once_with_the_worse():
    icv = [
        icv_row(f"head{i:02}-{j}", 0.01 * i + 0.001 * j, f"head{i:02}")
        for i in range(9)
        for j in range(2)
    ]
    found = intervals_of(results_of(icv=icv, test_icv=[icv_row("head90-0", 0.0, "head90")]))
    entry = found["structures"]["icv"]
    assert entry["n"] == 9
    assert entry["log_ratio"] == pytest.approx(0.081)
    assert (entry["test_covered"], entry["test_n"]) == (1, 1)


def test_masks_of_real_scans_go_before_generated_images():
    icv = [icv_row(f"head{i:02}-0", 0.01, f"head{i:02}") for i in range(13)]
    scans = [icv_row(f"sub-{i}", 0.05) for i in range(9)]
    entry = intervals_of(results_of(icv=icv, icv_scans=scans))["structures"]["icv"]
    assert entry["log_ratio"] == pytest.approx(0.05)


def test_the_folds_usual_spread_is_that_of_nine_in_ten_test_scans():
    validation = [hypothalamus_row(f"sub-{i}", 0.01) for i in range(19)]
    test = [hypothalamus_row(f"sub-{i}", 0.0, fold_sd=0.81 * i) for i in range(1, 20)]
    entry = intervals_of(results_of(validation, test))["structures"]["hypothalamus_total"]
    assert entry["usual_fold_spread"] == pytest.approx(0.018)


def weights_with(folder, sha256: str) -> None:
    manifest = {"structures": {"icv": {"folds": [{"file": "icv_fold0.pt", "sha256": sha256}]}}}
    (folder / "manifest.json").write_text(json.dumps({**manifest, "split": {"scans": {}}}))


def test_the_command_enters_intervals_that_the_engine_reads(tmp_path, capsys):
    weights_with(tmp_path, "abc")
    rows = [hypothalamus_row(f"sub-{i}", 0.05) for i in range(12)]
    test = [hypothalamus_row(f"sub-{i}", 0.04) for i in range(20, 23)]
    (tmp_path / "results.json").write_text(json.dumps(results_of(rows, test)))
    arguments = ["--results", str(tmp_path / "results.json"), "--weights", str(tmp_path)]
    assert intervals.main(arguments) == 0
    assert "hypothalamus_total: -4.9 % to +5.1 % from 12 scans, holds 3 of 3" in (
        capsys.readouterr().out
    )
    low, high = read_intervals(tmp_path)["hypothalamus_total"].around(800.0, None)
    assert (low, high) == pytest.approx((800 * math.exp(-0.05), 800 * math.exp(0.05)))
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["split"] == {"scans": {}}
    assert {path.name for path in tmp_path.iterdir()} == {"manifest.json", "results.json"}


def test_results_of_other_weights_are_refused(tmp_path, capsys):
    weights_with(tmp_path, "another")
    before = (tmp_path / "manifest.json").read_bytes()
    (tmp_path / "results.json").write_text(json.dumps(results_of()))
    arguments = ["--results", str(tmp_path / "results.json"), "--weights", str(tmp_path)]
    assert intervals.main(arguments) == 1
    assert "other weights" in capsys.readouterr().out
    assert (tmp_path / "manifest.json").read_bytes() == before


def test_two_repeats_differ_by_less_than_the_smallest_real_change_in_95_of_100():
    random = np.random.default_rng(5)
    first, second = 800 * (1 + random.normal(0, 0.01, (2, 20_000)))
    change = np.abs(second - first) / ((first + second) / 2)
    limit = error_bars.smallest_real_change([1.0, 1.0])
    assert limit == pytest.approx(2.77, abs=0.01)
    assert np.mean(100 * change < limit) == pytest.approx(0.95, abs=0.01)


def test_the_report_names_intervals_coverage_and_where_the_repeatability_is_from():
    rows = [hypothalamus_row(f"sub-{i}", 0.05) for i in range(12)]
    test = [hypothalamus_row(f"sub-{i}", 0.04) for i in range(20, 23)]
    text = error_bars.section(results_of(rows, test), {"hypothalamus_total": [0.6, 0.6]})
    assert "| hypothalamus_left | -4.9 … +5.1 | 12 | 3 of 3 |" in text
    assert "hypothalamus 1.7 %" in text
    assert "perturbations below, which are copies of one scan" in text
