"""The group level from results to files: wording, report and contact sheet."""

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

from Cohort.group.analysis import analyse
from Cohort.group.options import GroupOptions
from Cohort.group_arguments import add_group_arguments, options_from
from Cohort.group_run import run_group
from Cohort.index import results_table
from Cohort.number_format import format_signed, interval, number, p_phrase, p_value
from Cohort.report.group_report import report_of
from Cohort.structures import TOTAL
from Testing.support.cohort_tables import CONTRAST, options_in, simulated
from Testing.support.command_runs import REPOSITORY
from Testing.support.html_page import WellFormed


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


def test_a_difference_that_depends_on_head_size_leads_the_report(folder, no_drawing):
    results, table = simulated(n_a=50, n_b=50)
    is_a = (table["group"] == "als").to_numpy()
    results[TOTAL.column] += is_a * (results["icv_mm3"] - 1.45e6) * 8e-4
    page = WellFormed(report_of(analyse(options_in(folder, table), results))).text
    short = page[page.index("In short Difference") : page.index("Sample Mean")]
    assert "the difference depends on head size" in short
    assert "at the mean of control" in short
    assert "at the mean ICV" not in page


def test_files_of_an_earlier_contrast_do_not_stay(run, folder, no_drawing):
    results, table = simulated()
    run(results, table)
    files = run(results, table, contrast=None, covariates=())
    assert "group_statistics.tsv" not in files
    assert not (folder / "group_statistics.tsv").exists()
    text = files["group_report.html"].read_text(encoding="utf-8")
    tables = len(set(re.findall(r"Table (\d+)\. ", text)))
    assert len(list(folder.glob("group_report_table-*.tsv"))) == tables
    assert "Nothing was compared" in files["group_report.html"].read_text(encoding="utf-8")


def test_a_failure_leaves_the_old_files(run, folder, monkeypatch, no_drawing):
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
