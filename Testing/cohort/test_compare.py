"""Two runs over the same scans: agreement statistics against definitions, and the files."""

from __future__ import annotations

import argparse
import re

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.anova import anova_lm

from Cohort.comparison import agreement
from Cohort.comparison.agreement import agreement_of_pairs, icc_absolute
from Cohort.comparison.agreement_plot import bland_altman
from Cohort.comparison.matched_runs import CompareOptions, MatchedBy, match_runs
from Cohort.comparison_run import add_compare_arguments, compare_runs, options_from
from Cohort.group.errors import RunsDoNotMatchError
from Cohort.index import results_table
from Testing.support.cohort_tables import simulated
from Testing.support.html_page import WellFormed

# Bland & Altman, Lancet 1986: peak expiratory flow (l/min), first measurement by Wright's large
# and mini meter in 17 subjects. Published: bias -2.1, SD of differences 38.8, limits -79.7 and
# 75.5; confidence limits of the bias -22.0 and 17.8, of the limits -114.3 to -45.1 and 40.9 to
# 110.1 (with t = 2.12 and two standard deviations).
LARGE = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]


@pytest.fixture
def few_resamples(monkeypatch) -> None:
    """For thousands of pairs whose ICC limits are not looked at."""
    monkeypatch.setattr(agreement, "BOOTSTRAP_SAMPLES", 20)


def test_bland_and_altmans_own_data():
    found = agreement_of_pairs(np.array(MINI, float), np.array(LARGE, float))
    assert found.n == 17
    assert found.bias == pytest.approx(-2.1, abs=0.05)
    assert found.sd_difference == pytest.approx(38.8, abs=0.05)
    assert (found.bias_low, found.bias_high) == pytest.approx((-22.0, 17.8), abs=0.1)
    # They take 2 standard deviations where this takes 1.96.
    assert found.lower - 0.04 * -found.sd_difference * -1 == pytest.approx(-79.7, abs=0.1)
    assert found.upper + 0.04 * found.sd_difference == pytest.approx(75.5, abs=0.1)
    half = (found.upper_high - found.upper_low) / 2
    # Their limits' standard error is sqrt(3 s²/n), of which the present one is the finer form.
    assert half == pytest.approx(2.12 * np.sqrt(3 * 38.8**2 / 17), rel=0.02)


def test_icc_is_that_of_the_analysis_of_variance():
    generator = np.random.default_rng(8)
    true = generator.normal(850, 80, 25)
    a, b = true + generator.normal(0, 15, 25), true + 6 + generator.normal(0, 15, 25)
    long = pd.DataFrame(
        {"y": np.r_[a, b], "scan": np.tile(np.arange(25), 2), "run": np.repeat([0, 1], 25)}
    )
    table = anova_lm(smf.ols("y ~ C(scan) + C(run)", long).fit())
    mean_square = table["sum_sq"] / table["df"]
    rows, runs, error = mean_square["C(scan)"], mean_square["C(run)"], mean_square["Residual"]
    # McGraw & Wong 1996, case 2A: ICC(A,1) with k = 2.
    expected = (rows - error) / (rows + error + 2 / 25 * (runs - error))
    assert icc_absolute(a, b) == pytest.approx(expected)
    found = agreement_of_pairs(a, b)
    assert found.icc_low < found.icc < found.icc_high


def test_the_same_run_twice_agrees_fully():
    a = np.random.default_rng(1).normal(850, 80, 20)
    found = agreement_of_pairs(a, a.copy())
    assert (found.bias, found.sd_difference, found.cv_percent) == (0, 0, 0)
    assert found.icc == pytest.approx(1)


@given(seed=st.integers(0, 1000), shift=st.floats(-50, 50))
@settings(max_examples=15, deadline=None)
def test_a_constant_shift_moves_only_the_bias(seed, shift):
    generator = np.random.default_rng(seed)
    a = generator.normal(850, 80, 9)
    b = a + generator.normal(0, 10, 9)
    one, other = agreement_of_pairs(a, b), agreement_of_pairs(a, b + shift)
    assert other.bias == pytest.approx(one.bias + shift, abs=1e-6)
    assert other.sd_difference == pytest.approx(one.sd_difference)
    back = agreement_of_pairs(b, a)
    assert back.bias == pytest.approx(-one.bias)
    assert (back.lower, back.upper) == pytest.approx((-one.upper, -one.lower))
    assert back.cv_percent == pytest.approx(one.cv_percent)


def test_cv_of_a_known_noise_is_found(few_resamples):
    generator = np.random.default_rng(2)
    true = generator.normal(850, 80, 4000)
    a, b = (true * (1 + generator.normal(0, 0.02, 4000)) for _ in range(2))
    assert agreement_of_pairs(a, b).cv_percent == pytest.approx(2.0, rel=0.05)


def test_repeat_scans_differ_by_less_than_the_smallest_real_change_in_95_of_100(few_resamples):
    generator = np.random.default_rng(4)
    true = generator.normal(850, 80, 5000)
    a, b = (true * (1 + generator.normal(0, 0.014, 5000)) for _ in range(2))
    found = agreement_of_pairs(a, b)
    assert found.smallest_change_percent == pytest.approx(1.96 * np.sqrt(2) * 1.4, rel=0.05)
    changes = 100 * np.abs(b - a) / ((a + b) / 2)
    assert (changes < found.smallest_change_percent).mean() == pytest.approx(0.95, abs=0.01)


def test_equal_spread_is_pitman_and_morgans_test():
    generator = np.random.default_rng(4)
    true = generator.normal(850, 80, 30)
    a, b = true + generator.normal(0, 10, 30), true + generator.normal(0, 40, 30)
    # Morgan 1939: the variance ratio F and the correlation r of both.
    f, r = a.var(ddof=1) / b.var(ddof=1), np.corrcoef(a, b)[0, 1]
    t = (f - 1) * np.sqrt(28) / (2 * np.sqrt(f * (1 - r**2)))
    found = agreement_of_pairs(a, b)
    assert found.equal_spread_p == pytest.approx(2 * stats.t.sf(abs(t), 28))


def test_a_noisier_run_has_no_equal_spread_though_its_bias_is_the_same_everywhere():
    # What was told of as a bias that depends on the volume.
    generator = np.random.default_rng(4)
    true = generator.normal(850, 80, 60)
    found = agreement_of_pairs(true, true + generator.normal(0, 60, 60))
    assert found.equal_spread_p < 0.05
    assert np.isnan(agreement_of_pairs(true, true).equal_spread_p)
    assert np.isnan(agreement_of_pairs(true, true + 1e-13 * true).equal_spread_p)


@pytest.mark.parametrize("factor", [1.0, 1 / 3])
def test_equal_runs_have_an_axis_of_the_unit(factor):
    values = np.random.default_rng(1).normal(0.01, 0.03, 20)
    again = (values * 3) * factor if factor != 1 else values
    found = agreement_of_pairs(values, again)
    svg = bland_altman(values, again, found, "Asymmetry", "%", 2)
    assert "1e−" not in readable(svg)
    assert "1e-" not in readable(svg)


def readable(svg: str) -> str:
    """Texts of a figure, which its comments keep beside their outlines."""
    return " ".join(re.findall(r"<!--(.*?)-->", svg, re.DOTALL))


def test_limits_of_agreement_hold_95_percent(few_resamples):
    generator = np.random.default_rng(3)
    a = generator.normal(850, 80, 5000)
    b = a + generator.normal(5, 12, 5000)
    found = agreement_of_pairs(a, b)
    inside = ((b - a > found.lower) & (b - a < found.upper)).mean()
    assert inside == pytest.approx(0.95, abs=0.01)


def test_runs_are_matched_by_scan_or_by_subject(tmp_path):
    options = CompareOptions(tmp_path / "a", tmp_path / "b", tmp_path)
    a, _ = simulated(n_a=4, n_b=4)
    matched = match_runs(a, a.iloc[2:], options)
    assert len(matched.names) == 6
    assert (matched.only_a, matched.only_b) == (("sub-001", "sub-002"), ())
    renamed = a.assign(scan=a["scan"] + "_acq-hires")
    assert match_runs(a, renamed, options).matched_by is MatchedBy.SESSION
    # Repeat scans: the same people at another visit.
    revisited = renamed.assign(session_id="ses-2")
    assert match_runs(a, revisited, options).matched_by is MatchedBy.SUBJECT
    strangers = renamed.assign(participant_id="sub-x")
    with pytest.raises(RunsDoNotMatchError, match="no scan and no subject in common"):
        match_runs(a, strangers, options)


def test_the_files_of_a_comparison(tmp_path, monkeypatch):
    a, _ = simulated(n_a=10, n_b=10)
    b = a.copy()
    volumes = [c for c in a if c.endswith("_mm3")]
    b[volumes] = b[volumes] * 1.01
    b.loc[0, "hypothalamus_left_mm3"] = np.nan
    runs = {tmp_path / "a": a, tmp_path / "b": b}
    monkeypatch.setattr(results_table, "read_results", runs.__getitem__)
    parser = argparse.ArgumentParser()
    add_compare_arguments(parser)
    arguments = [tmp_path / "a", tmp_path / "b", "--output", tmp_path / "out"]
    paths = compare_runs(options_from(parser.parse_args(list(map(str, arguments)))))
    assert [path.name for path in paths] == [
        "compare_report.html",
        "compare_agreement.json",
        "compare_agreement.tsv",
        "compare_scans.tsv",
    ]
    table = pd.read_csv(tmp_path / "out" / "compare_agreement.tsv", sep="\t", index_col=0)
    total = table.loc["hypothalamus_total"]
    assert total["bias"] == pytest.approx(0.01 * a["hypothalamus_total_mm3"].mean(), rel=1e-4)
    assert total["n"] == 20
    assert table.loc["hypothalamus_left", "n"] == 19
    assert table.columns[-1] == "smallest_change_percent"
    assert total["smallest_change_percent"] == pytest.approx(2.772 * total["cv_percent"], rel=1e-3)
    report = paths[0].read_text(encoding="utf-8")
    assert "20 pairs of scans" in report
    assert report.count("<svg") == 5
    scans = pd.read_csv(tmp_path / "out" / "compare_scans.tsv", sep="\t")
    assert len(scans) == 20
    assert np.isnan(scans.loc[0, "hypothalamus_left_mm3_b_minus_a"])


def test_the_comparisons_figures_and_tables_are_numbered_files(tmp_path, monkeypatch):
    a, _ = simulated(n_a=10, n_b=10)
    noise = np.random.default_rng(1).normal(1, 0.02, len(a))
    b = a.assign(**{c: a[c] * noise for c in a if c.endswith("_mm3")})
    folder = tmp_path / "out"
    runs = {tmp_path / "a": a, tmp_path / "b": b, tmp_path / "few": b.head(2)}
    monkeypatch.setattr(results_table, "read_results", runs.__getitem__)
    compare_runs(CompareOptions(tmp_path / "a", tmp_path / "b", folder))
    text = WellFormed((folder / "compare_report.html").read_text(encoding="utf-8")).text
    for kind, suffix in (("Table", "tsv"), ("Figure", "svg")):
        numbers = [int(n) for n in re.findall(rf"\b{kind} (\d+)\. ", text)]
        assert numbers == list(range(1, len(numbers) + 1))
        files = sorted(folder.glob(f"compare_report_{kind.lower()}-*.{suffix}"))
        assert len(files) == len(numbers) >= 2
    first = (folder / "compare_report_table-01.tsv").read_text(encoding="utf-8").splitlines()
    assert first[1].split("\t")[:3] == ["Measure", "Pairs", "Mean A"]
    assert "var(" not in (folder / "compare_report_figure-01.svg").read_text(encoding="utf-8")
    # Of two pairs there is no agreement and no figure; those of before must not stay.
    compare_runs(CompareOptions(tmp_path / "a", tmp_path / "few", folder))
    assert not list(folder.glob("compare_report_figure-*"))


def test_a_run_compared_with_itself_has_no_axis_of_rounding_errors(tmp_path, monkeypatch):
    a, _ = simulated(n_a=10, n_b=10)
    # Volumes as another machine adds them up: in the last digits.
    again = a.assign(**{c: a[c] * 3 / 3 * (1 + 1e-15) for c in a if c.endswith("_mm3")})
    for number, b in enumerate((a, again)):
        folder = tmp_path / str(number)
        runs = {tmp_path / "a": a, tmp_path / "b": b}
        monkeypatch.setattr(results_table, "read_results", runs.__getitem__)
        compare_runs(CompareOptions(tmp_path / "a", tmp_path / "b", folder))
        figures = [path.read_text(encoding="utf-8") for path in folder.glob("*.svg")]
        assert len(figures) == 5
        assert not any(re.search("1e[-−]", readable(svg)) for svg in figures)
        page = WellFormed((folder / "compare_report.html").read_text(encoding="utf-8")).text
        assert re.search(r"\de[-−+]\d", page) is None
        # Neither three labels on one line, nor a change that is real from 0 % on.
        assert not any("1.96 SD" in readable(svg) for svg in figures)
        assert "Total hypothalamus: A and B are equal in all 20 pairs." in page
        assert "real from" not in page
        assert "1.000 (–" not in page
