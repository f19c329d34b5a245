"""The group level from results to files: scans to review, wording, report and contact sheet."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from HypothalamusSegLib.errors import HypothalamusSegError
from scipy.stats import binom

from Cohort.group.adjustment_agreement import agreement_of
from Cohort.group.analysis import analyse
from Cohort.group.comparisons import compare_groups
from Cohort.group.contrast import Contrast
from Cohort.group.covariates import Covariate
from Cohort.group.findings import Topic
from Cohort.group.linear_models import fit_contrast
from Cohort.group.options import GroupOptions
from Cohort.group.outliers import (
    Cause,
    Reason,
    find_one_sided_outliers,
    reasons_in_words,
    review,
    robust_z,
)
from Cohort.group_arguments import add_group_arguments, options_from
from Cohort.group_run import run_group
from Cohort.index import results_table
from Cohort.number_format import format_signed, interval, number, p_phrase, p_value
from Cohort.report.group_report import report_of
from Cohort.report.sample import icv_notices
from Cohort.structures import LEFT, TOTAL, measured_structures
from Testing.support.cohort_tables import CONTRAST, found, options_in, simulated
from Testing.support.command_runs import REPOSITORY
from Testing.support.html_page import WellFormed

AGE_SEX = (Covariate("age", "number"), Covariate("sex", "category"))


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path


# Quality


def test_scans_are_listed_for_flags_and_outliers(folder):
    results, table = simulated()
    results.loc[2, "flags"] = "low_fold_agreement"
    results.at[2, "flag_messages"] = ("They differ.",)
    results.loc[3, "flags"] = "anisotropic"
    results.loc[7, LEFT.column] *= 3
    reviewed = review(results.merge(table, on="participant_id"), AGE_SEX, ("anisotropic",))
    reasons = reviewed.set_index("scan")["listed"]
    assert reasons["sub-003"] == (Reason(Cause.FLAG, flag="low_fold_agreement"),)
    assert reasons["sub-004"] == ()
    far = {reason.measure: reason.z for reason in reasons["sub-008"]}
    assert far[LEFT.title] > 3.5
    assert f"outlier: {LEFT.title} (z {format_signed(far[LEFT.title], 1)})" in reasons_in_words(
        reasons["sub-008"]
    )
    assert reviewed.loc[7, "robust_z"] > 3.5


def test_a_true_difference_of_groups_makes_hardly_any_outliers():
    # As large as published for ALS, −3.4 %, and three times that.
    for effect in (-29.0, -87.0):
        results, table = simulated(effect_mm3=effect, n_a=15, n_b=40)
        frame = results.merge(table, on="participant_id")
        reviewed = review(frame, AGE_SEX)
        assert (reviewed["robust_z_total"].abs() > 3.5).sum() <= 1
        assert not find_one_sided_outliers(reviewed, Contrast("group", "als", "control"))


def test_a_difference_so_large_that_its_group_is_listed_is_told():
    results, table = simulated(effect_mm3=-500, n_a=15, n_b=40)
    reviewed = review(results.merge(table, on="participant_id"), AGE_SEX)
    told = find_one_sided_outliers(reviewed, Contrast("group", "als", "control"))
    assert "als: 15 of 15, control: " in told[0].text


def test_age_and_head_size_make_no_outliers():
    results, table = simulated(n_a=20, n_b=20)
    frame = results.merge(table, on="participant_id")
    frame.loc[3, "age"], frame.loc[5, "icv_mm3"] = "95", 2.2e6
    frame[TOTAL.column] = np.random.default_rng(1).uniform(750, 950, 40)
    frame[TOTAL.column] += 12 * (frame["age"].astype(float) - 58) + frame["icv_mm3"] * 1e-3
    assert review(frame)["robust_z_total"].abs()[3] > 3.5
    assert review(frame, AGE_SEX)["robust_z_total"].abs()[[3, 5]].max() < 3.5


def test_leaving_outliers_out_makes_no_differences():
    # Judged within each group, about 11 of 100 such cohorts had p < 0.05.
    generator = np.random.default_rng(5)
    is_a, cohorts, found = np.arange(70) < 40, 500, 0
    for _ in range(cohorts):
        values = generator.lognormal(0, 0.6, 70)
        kept = (robust_z(pd.Series(values)).abs() <= 3.5).to_numpy()
        found += fit_contrast(values[kept], is_a[kept]).p < 0.05
    assert found <= binom.ppf(0.999, cohorts, 0.05)


def test_results_are_given_both_ways(folder):
    results, table = simulated(effect_mm3=0, seed=3)
    # Twelve patients whose segmentations failed make a difference that is not there.
    results.loc[:11, "flags"] = "low_confidence"
    results.loc[:11, [TOTAL.column, LEFT.column]] *= 0.6
    every, kept = analyse(options_in(folder, table, exclude_flagged=True), results).statistics
    key = (TOTAL.name, "ancova")
    assert every.comparisons[key].fit.p < 0.05 < kept.comparisons[key].fit.p
    assert kept.comparisons[key].fit.n_a <= 18
    page = WellFormed(report_of(analyse(options_in(folder, table, exclude_flagged=True), results)))
    assert "Leaving out scans moves p across 0.05" in page.text
    assert "sub-001, sub-002" in page.text


def test_when_all_are_flagged_the_report_says_so(folder):
    results, table = simulated()
    results["flags"] = "skull_stripped"
    analysis = analyse(options_in(folder, table, exclude_flagged=True), results)
    assert len(analysis.statistics) == 1
    assert "--ignore-flags" in found(analysis.findings, "No result without").text
    page = WellFormed(report_of(analysis)).text
    assert "ICV cannot be trusted in 55 of 55 scans (als: 30, control: 25)" in page
    assert page.index("ICV cannot be trusted") < page.index("Data checks Warning")
    kept = analyse(
        options_in(folder, table, exclude_flagged=True, ignored_flags=("skull_stripped",)), results
    )
    assert len(kept.statistics) == 2


def test_without_icv_nothing_is_adjusted_and_the_report_leads_with_it(folder):
    results, table = simulated(effect_mm3=-40)
    results["icv_mm3"] = np.nan
    analysis = analyse(options_in(folder, table), results)
    assert analysis.adjustment == "none"
    assert list(analysis.statistics[0].comparisons) == [
        (s.name, "none") for s in measured_structures(results)
    ]
    page = WellFormed(report_of(analysis)).text
    assert "No scan has an ICV" in page
    assert "Not adjusted for ICV" in page
    del results["icv_mm3"]
    assert analyse(options_in(folder, table), results).adjustment == "none"


def test_a_finding_about_a_column_named_after_icv_is_no_doubt_about_icv(folder):
    results, table = simulated()
    table["ICV_site"] = ["alone", *["north", "south"] * 27]
    options = options_in(folder, table, covariates=("age", "ICV_site"))
    analysis = analyse(options, results)
    assert found(analysis.findings, "category of ICV_site").topic is Topic.COVARIATES
    assert not icv_notices(analysis)


def test_a_measure_named_with_a_separator_is_counted_as_one_reason(folder):
    results, table = simulated()
    analysis = analyse(options_in(folder, table), results)
    odd = (Reason(Cause.OUTLIER, measure="left; right (z of both)", z=4.0),)
    analysis.reviewed.at[0, "listed"] = odd
    page = WellFormed(report_of(analysis)).text
    assert "outlier: left; right (z of both): 1" in page


# Adjustments that disagree


def agreement(volume_of):
    """The sentence for two groups whose heads differ in size, and that difference in mL."""
    generator = np.random.default_rng(0)
    is_a = np.arange(80) < 40
    icv = generator.normal(np.where(is_a, 1.55e6, 1.45e6), 1e5)
    results, table = simulated(n_a=40, n_b=40)
    frame = results.merge(table, on="participant_id").assign(icv_mm3=icv)
    frame[TOTAL.column] = volume_of(icv, is_a) + generator.normal(0, 25, 80)
    compared = compare_groups(
        frame, Contrast("group", "als", "control"), (), measured_structures(frame)
    )
    return agreement_of(compared, TOTAL), (icv[is_a].mean() - icv[~is_a].mean()) / 1000


def test_the_report_says_when_adjustments_disagree():
    # The volume does not depend on head size, so that dividing by it makes a difference.
    verdict, icv_difference_ml = agreement(lambda icv, is_a: np.full_like(icv, 850.0))
    assert not verdict.agree
    assert re.search(r"disagree: p < 0.05 with .*proportion \(−", verdict.sentence)
    assert "not with ICV as covariate (ANCOVA)" in verdict.sentence
    assert f"mean ICV differs by {format_signed(icv_difference_ml)} mL" in verdict.sentence


def test_p_on_different_sides_is_a_disagreement_though_all_signs_are_alike():
    verdict, _ = agreement(lambda icv, is_a: 850.0 - 10 * is_a)
    assert not verdict.agree
    assert "p < 0.05 with proportion" in verdict.sentence
    assert "the difference is negative with" not in verdict.sentence


def test_the_report_says_when_adjustments_agree():
    verdict, _ = agreement(lambda icv, is_a: 850 * icv / 1.45e6 - 120 * is_a)
    assert verdict.agree
    assert "below 0.05 in all" in verdict.sentence


def test_signs_of_nothing_are_no_disagreement():
    # Two groups that do not differ; proportion and covariate fall on different sides of 0.
    generator = np.random.default_rng(21)
    results, table = simulated(n_a=12, n_b=12)
    frame = results.merge(table, on="participant_id")
    frame["icv_mm3"] = generator.normal(1.45e6, 1e5, 24)
    signs = set()
    for _ in range(40):
        frame[TOTAL.column] = generator.normal(850, 60, 24)
        found = compare_groups(frame, Contrast("group", "als", "control"), (), (TOTAL,))
        fits = [c.fit for (_, m), c in found.comparisons.items() if m != "none"]
        if min(fit.p for fit in fits) > 0.05:
            signs.add(len({fit.estimate > 0 for fit in fits}))
            assert agreement_of(found, TOTAL).agree
    assert signs == {1, 2}


# The files


@pytest.fixture
def run(folder, monkeypatch):
    """Run the group level on simulated results; returns the files by name."""

    def go(results, table, **others):
        failed = pd.DataFrame(columns=["participant_id", "session_id", "scan", "code", "reason"])
        monkeypatch.setattr(results_table, "read_results", lambda output: results)
        monkeypatch.setattr(results_table, "read_failures", lambda output: failed)
        paths = run_group(options_in(folder, table, **others))
        assert all(path.is_file() for path in paths)
        return {path.name: path for path in paths}

    return go


def test_all_files_are_written_and_agree(run, folder):
    results, table = simulated(effect_mm3=-40, with_subunits=True)
    files = run(results, table, exclude_flagged=True)
    assert set(files) == {
        "group_record.json",
        "group_report.html",
        "contact_sheet.html",
        "group_volumes.tsv",
        "group_volumes.json",
        "group_statistics.tsv",
        "group_statistics.json",
        "group_models.tsv",
        "group_models.json",
    }
    statistics = pd.read_csv(files["group_statistics.tsv"], sep="\t", na_values="n/a")
    explained = json.loads(files["group_statistics.json"].read_text(encoding="utf-8"))
    assert set(statistics) == set(explained)
    volumes = pd.read_csv(files["group_volumes.tsv"], sep="\t", na_values="n/a")
    assert set(volumes) == set(json.loads(files["group_volumes.json"].read_text(encoding="utf-8")))
    assert len(volumes) == 55
    lines = files["group_volumes.tsv"].read_text(encoding="utf-8").splitlines()
    assert all(cell for line in lines for cell in line.split("\t"))
    assert volumes["hypothalamus_total_mm3"].tolist() == pytest.approx(
        results["hypothalamus_total_mm3"].tolist(), abs=1e-3
    )
    # A reader can repeat the residual method from the table alone.
    row = statistics.query(
        "structure == 'hypothalamus_total' and adjustment == 'residuals' and scans == 'all'"
    ).iloc[0]
    repeated = volumes["hypothalamus_total_mm3"] - row["icv_coefficient"] * (
        volumes["icv_mm3"] - row["reference_icv_mm3"]
    )
    adjusted = volumes["hypothalamus_total_adjusted_residuals_mm3"]
    assert adjusted.tolist() == pytest.approx(repeated.tolist(), abs=0.01)
    page = WellFormed(files["group_report.html"].read_text(encoding="utf-8"))
    assert {link for link in page.links if not link.startswith("#")} == {"contact_sheet.html"}
    assert len(set(page.ids)) == len(page.ids)
    main = statistics.query(
        "structure == 'hypothalamus_total' and adjustment == 'ancova' and scans == 'all'"
    ).iloc[0]
    limits = interval(main["ci_low"], main["ci_high"])
    sentence = f"{format_signed(main['difference'])} mm³ (95 % CI {limits})"
    assert sentence in page.text
    assert p_phrase(main["p"]) in page.text


def test_models_beside_the_main_one_are_in_report_and_table(run, folder):
    results, table = simulated(effect_mm3=-40, n_a=30, n_b=30)
    table.loc[:9, "group"] = "pls"
    table["site"] = ["1", "2", "3"] * 20
    table["bmi"] = np.random.default_rng(1).normal(25, 3, 60).round(1).astype(str)
    asked = {"site": "site", "predictors": ("bmi",), "equivalence_percent": 20.0}
    files = run(results, table, splines=("age",), **asked)
    models = pd.read_csv(files["group_models.tsv"], sep="\t", na_values="n/a")
    assert set(models) == set(json.loads(files["group_models.json"].read_text(encoding="utf-8")))
    total = models[models["structure"] == TOTAL.name].set_index("analysis")
    counts = total.index.value_counts()
    assert (counts["without_site"], counts["pair"], counts["association"]) == (3, 3, 1)
    page = WellFormed(files["group_report.html"].read_text(encoding="utf-8")).text
    for heading in ("All groups", "Without each site", "Association", "Other methods"):
        assert page.count(heading) >= 2, heading
    assert "the groups were shown to be equal" in page
    assert "natural cubic spline" in page
    # The site is a category, though it is written in numbers.
    assert "site (categorical)" in page


def test_a_difference_that_depends_on_head_size_leads_the_report(folder):
    results, table = simulated(n_a=50, n_b=50)
    is_a = (table["group"] == "als").to_numpy()
    results[TOTAL.column] += is_a * (results["icv_mm3"] - 1.45e6) * 8e-4
    page = WellFormed(report_of(analyse(options_in(folder, table), results))).text
    short = page[page.index("In short Difference") : page.index("Sample Mean")]
    assert "the difference depends on head size" in short
    assert "at the mean of control" in short
    assert "at the mean ICV" not in page


def test_files_of_an_earlier_contrast_do_not_stay(run, folder):
    results, table = simulated()
    run(results, table)
    files = run(results, table, contrast=None, covariates=())
    assert "group_statistics.tsv" not in files
    assert not (folder / "group_statistics.tsv").exists()
    text = files["group_report.html"].read_text(encoding="utf-8")
    tables = len(set(re.findall(r"Table (\d+)\. ", text)))
    assert len(list(folder.glob("group_report_table-*.tsv"))) == tables
    assert "Nothing was compared" in files["group_report.html"].read_text(encoding="utf-8")


def test_a_failure_leaves_the_old_files(run, folder, monkeypatch):
    results, table = simulated()
    before = run(results, table)["group_report.html"].read_text(encoding="utf-8")

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("Cohort.report.contact_sheet.write_contact_sheet", fail)
    with pytest.raises(HypothalamusSegError, match="No space left"):
        run(results, table, covariates=())
    assert (folder / "group_report.html").read_text(encoding="utf-8") == before
    assert not list(folder.glob(".hypothalamus-seg-*"))


def test_the_command_line_makes_the_options(folder):
    parser = argparse.ArgumentParser()
    parser.add_argument("bids_dir", type=Path)
    parser.add_argument("output_dir", type=Path)
    add_group_arguments(parser)
    plain = options_from(parser.parse_args([str(folder), str(folder / "out")]))
    assert plain == GroupOptions(output=folder / "out", data_root=folder)
    arguments = ["--contrast", "group:als-control", "--covariates", "age,sex", "--exclude-flagged"]
    arguments += ["--ignore-flags", "anisotropic,fov_cut", "--categorical", "site"]
    arguments += ["--numeric", "stage", "--spline", "age", "--site", "clinic", "--predictor", "bmi"]
    arguments += ["--equivalence", "3.5", "--repeat-scans", "compare_agreement.tsv"]
    full = options_from(parser.parse_args([str(folder), str(folder / "out"), *arguments]))
    assert full.participants == folder / "participants.tsv"
    assert (full.contrast, full.covariates) == (CONTRAST, ("age", "sex"))
    assert (full.numeric, full.splines) == (("stage",), ("age",))
    assert (full.site, full.predictors, full.equivalence_percent) == ("clinic", ("bmi",), 3.5)
    assert full.repeat_scans == Path("compare_agreement.tsv")
    assert (full.exclude_flagged, full.ignored_flags) == (True, ("anisotropic", "fov_cut"))
    with pytest.raises(SystemExit):
        parser.parse_args([str(folder), "out", "--ignore-flags", "no_such_flag"])


def test_importing_the_command_line_needs_no_statistics():
    modules = "Cohort.command_line, Cohort.group_arguments, Cohort.comparison_run"
    code = f"import sys, {modules}; print(sorted({{m.split('.')[0] for m in sys.modules}} & "
    code += "{'pandas', 'statsmodels', 'scipy', 'matplotlib'}))"
    environment = {"PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'HypothalamusSeg'}", "PATH": ""}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert run.stdout.strip() == "[]", run.stderr


def test_numbers_are_written_as_in_journals():
    assert number(-1234.56, 1) == "−1\u202f234.6"
    assert number(-0.04, 1) == "0.0"
    assert number(float("nan")) == "–"
    assert format_signed(3.14, 1) == "+3.1"
    assert format_signed(0.001, 1) == "0.0"
    assert interval(-51.6, 12.4) == "−52 to 12"
    assert [p_value(p) for p in (0.0004, 0.0421, 0.0999, 0.31)] == [
        "< 0.001",
        "0.042",
        "0.10",
        "0.31",
    ]
    assert p_phrase(0.0001) == "p < 0.001"
