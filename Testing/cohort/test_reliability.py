"""Measurement error in the power calculation, and the share of a difference that is read."""

from __future__ import annotations

import json

import numpy as np
import pytest

from Cohort.group.analysis import analyse
from Cohort.group.errors import RepeatScansError
from Cohort.group.reliability import Reliability, read_reliability
from Cohort.report.group_report import report_of
from Cohort.report.validation_figures import MEASURED, share_in_words
from Testing.support.cohort_tables import options_in, simulated
from Testing.support.command_runs import REPOSITORY
from Testing.support.html_page import WellFormed
from Training.cohort_figures import FIGURES, write_cohort_figures
from Training.report_tables import is_unstable


def test_error_makes_up_its_share_of_the_variance():
    generator = np.random.default_rng(1)
    true = generator.normal(850, 60, 200_000)
    once, again = (true * (1 + generator.normal(0, 0.03, 200_000)) for _ in "ab")
    reliability = Reliability(3.0, 100, "made up")
    share = reliability.error_share(850, once.std())
    # The correlation of repeats is the reliability.
    assert 1 - share == pytest.approx(np.corrcoef(once, again)[0, 1], abs=0.01)
    d = -30 / once.std()
    assert reliability.true_d(d, 850, once.std()) == pytest.approx(-30 / 60, rel=0.01)
    assert reliability.error_share(850, 1.0) == 1


def test_the_error_is_read_from_a_comparison_of_repeat_scans(tmp_path, no_drawing):
    path = tmp_path / "compare_agreement.tsv"
    path.write_text(
        "structure\tn\tcv_percent\nhypothalamus_left\t9\t5.0\nhypothalamus_total\t9\t2.5\n",
        encoding="utf-8",
    )
    assert read_reliability(path) == Reliability(2.5, 9, "compare_agreement.tsv")
    results, people = simulated()
    options = options_in(tmp_path, people, repeat_scans=path)
    page = WellFormed(report_of(analyse(options, results))).text
    assert "CV 2.50 %, 9 pairs of repeat scans" in page
    assert share_in_words() in page
    path.write_text("structure\tn\nicv\t9\n", encoding="utf-8")
    for wrong in (path, tmp_path / "missing.tsv"):
        with pytest.raises(RepeatScansError, match=r"compare_agreement\.tsv"):
            read_reliability(wrong)


def test_the_packaged_figures_are_written_from_the_validation(tmp_path):
    text = (REPOSITORY / "Docs/validation/results.json").read_text(encoding="utf-8")
    (tmp_path / FIGURES).parent.mkdir(parents=True)
    write_cohort_figures(json.loads(text), tmp_path)
    written = (tmp_path / FIGURES).read_text(encoding="utf-8")
    assert written == (REPOSITORY / FIGURES).read_text(encoding="utf-8"), (
        "run python -m Training.cohort_figures"
    )
    # A measurement of a part of it leaves the figures as they are.
    write_cohort_figures({**json.loads(text), "planted": []}, tmp_path)
    assert (tmp_path / FIGURES).read_text(encoding="utf-8") == written


def test_the_share_is_that_of_the_validation():
    text = (REPOSITORY / "Docs/validation/results.json").read_text(encoding="utf-8")
    results = json.loads(text)
    stable = [row for row in results["validation_hypothalamus"] if not is_unstable(row)]
    found, label = (
        np.array([row[key] for row in stable]) for key in ("volume_mm3", "label_volume_mm3")
    )
    assert len(stable) == MEASURED.people
    assert np.polyfit(label, found, 1)[0] == pytest.approx(MEASURED.slope, abs=0.005)
    assert found.std() / label.std() == pytest.approx(MEASURED.sd_ratio, abs=0.005)
    shares = []
    for kind in {row["kind"] for row in results["planted"]}:
        rows = [row for row in results["planted"] if row["kind"] == kind]
        side = kind if kind in ("left", "right") else "total"
        true, read = (np.array([r[f"{w}_{side}"] for r in rows]) for w in ("true", "found"))
        shares.append(true @ read / (true @ true))
    assert min(shares) == pytest.approx(MEASURED.planted_low, abs=0.005)
    assert max(shares) == pytest.approx(MEASURED.planted_high, abs=0.005)
    cvs = [
        100 * np.std(volumes, ddof=1) / np.mean(volumes)
        for volumes in (
            [found["hypothalamus_total"] for found in head.values()]
            for head in results["repeatability"].values()
        )
    ]
    assert np.mean(cvs) == pytest.approx(MEASURED.repeat_cv_percent, abs=0.005)
