"""Contrast and covariates: levels, kinds, numbers that are none, splines."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from Cohort.group.analysis import analyse
from Cohort.group.contrast import Contrast, resolve_contrast
from Cohort.group.covariates import check_covariates, complete_rows, design_columns
from Cohort.group.errors import ContrastError, CovariateError
from Cohort.group.participants_table import read_participants
from Testing.support.cohort_tables import as_read, found, options_in, simulated, table_in


@pytest.fixture
def people(folder):
    rows = ["participant_id\tgroup\tage\tsex\tsite\tcode\tnote\tmixed\tsame\tcase\tscanner-id"]
    for i in range(20):
        group = ("als-bulbar", "als", "control", "n/a")[i % 4]
        values = [group, 50 + i, "mf"[i % 2], i % 3, i % 2, f"text {i}", ("5", "89+")[i % 2]]
        rows.append("\t".join(map(str, [f"sub-{i:02d}", *values, "1", "fF"[i % 2], "x"])))
    (folder / "participants.json").write_text(json.dumps({"code": {"Levels": {"0": "", "1": ""}}}))
    return read_participants(table_in(folder, "\n".join(rows) + "\n"))


def test_levels_may_hold_hyphens(people):
    assert resolve_contrast("group:als-control", people) == Contrast("group", "als", "control")
    bulbar = resolve_contrast("group:als-bulbar-control", people)
    assert (bulbar.level_a, bulbar.level_b) == ("als-bulbar", "control")
    assert resolve_contrast("group:als-als-bulbar", people).level_b == "als-bulbar"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("group", "cannot be read"),
        ("group:als", "cannot be read"),
        ("diagnosis:als-control", "no column 'diagnosis'"),
        ("group:ALS-control", r"does not occur.*als \(5\)"),
        ("group:als-als", "with itself"),
    ],
)
def test_a_wrong_contrast_says_what_there_is(people, text, words):
    with pytest.raises(ContrastError, match=words):
        resolve_contrast(text, people)


def test_kinds_of_covariates(people):
    kinds = {
        c.column: c.kind for c in check_covariates(("age", "sex", "site", "code"), people, None)
    }
    # A column that participants.json gives Levels is one of categories, whatever it looks like.
    assert kinds == {"age": "number", "sex": "category", "site": "category", "code": "category"}
    design = design_columns(people.frame, check_covariates(("age", "sex"), people, None))
    assert list(design) == ["age", "sex=m"]
    assert design.mean().abs().max() < 1e-9


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("agee", "Did you mean 'age'"),
        ("group", "column of the contrast"),
        ("icv", "need not be listed"),
        ("note", "20 different texts"),
        ("mixed", r"89\+"),
        ("same", "same value for everyone"),
        ("case", "differ only by case"),
    ],
)
def test_a_wrong_covariate_is_refused(people, name, words):
    with pytest.raises(CovariateError, match=words):
        check_covariates((name,), people, Contrast("group", "als", "control"))


def covariate_of(values, folder, name="x", **others):
    """The covariate that a column of these texts becomes, and what is told about it."""
    people = pd.DataFrame({"participant_id": [f"sub-{i:02d}" for i in range(len(values))]})
    findings = []
    people[name] = values
    chosen = check_covariates((name,), as_read(people, folder), None, findings=findings, **others)
    return chosen[0], findings


@pytest.mark.parametrize("name", ["site", "Scanner_ID", "scannerModel", "CENTRE"])
def test_numbers_of_sites_are_categories(folder, name):
    # As a line, sites numbered 1 to 4 gave 47 % false positives.
    covariate, findings = covariate_of(["1", "2", "3", "4"] * 8, folder, name)
    assert covariate.kind == "category"
    assert found(findings, "is treated as categories")
    (folder / "participants.json").write_text(f'{{"{name}": {{"Units": "m"}}}}', encoding="utf-8")
    assert covariate_of(["1", "2", "3", "4"] * 8, folder, name)[0].kind == "number"


def test_few_whole_numbers_are_a_question(folder):
    with pytest.raises(CovariateError, match=r"codes.*--categorical x.*--numeric x"):
        covariate_of(["1", "2", "3", "4"] * 8, folder)
    assert covariate_of(["1", "2", "3", "4"] * 8, folder, numeric=("x",))[0].kind == "number"
    # Two levels are the same either way; ages and halves are no codes; nor is what hardly repeats.
    assert covariate_of(["0", "1"] * 16, folder)[0].kind == "number"
    assert covariate_of(["20", "21", "22"] * 8, folder, "age")[0].kind == "number"
    assert covariate_of(["0.5", "1", "1.5"] * 8, folder)[0].kind == "number"
    assert covariate_of(["1", "2", "3", "4", "5", "6"], folder)[0].kind == "number"


def test_decimal_commas_are_read_and_told(folder):
    values = [f"{60 + i},5" for i in range(9)] + ["70"]
    covariate, findings = covariate_of(values, folder, "age")
    assert covariate.kind == "number"
    assert found(findings, "decimal commas of age")
    design = design_columns(pd.DataFrame({"age": values}), (covariate,))["age"]
    assert np.ptp(design) == pytest.approx(9.5)


@pytest.mark.parametrize(
    "values", [["1,234", "2,345"], ["1,234", "5", "6"], ["1.234,5", "2.345,6"]]
)
def test_a_comma_that_may_part_thousands_is_refused(folder, values):
    with pytest.raises(CovariateError, match=values[0]):
        covariate_of(values * 6, folder)


def test_a_level_called_na_is_kept_if_it_is_named(folder):
    values = ["NA", "EU", "AS"] * 4
    people = pd.DataFrame({"participant_id": [f"sub-{i:02d}" for i in range(12)], "site": values})
    as_missing = as_read(people, folder)
    assert as_missing.frame["site"].isna().sum() == 4
    assert len(found(as_missing.findings, "NA in the column site").items) == 4
    described = '{"site": {"Levels": {"NA": "North America", "EU": "Europe", "AS": "Asia"}}}'
    (folder / "participants.json").write_text(described, encoding="utf-8")
    as_level = as_read(people, folder)
    assert as_level.frame["site"].tolist() == values
    assert not as_level.findings


def test_a_column_of_na_and_one_site_is_refused_with_the_reason(folder):
    with pytest.raises(CovariateError, match=r"\(UK\).*NA was read as a missing value"):
        covariate_of(["NA", "UK"] * 6, folder)
    with pytest.raises(CovariateError) as raised:
        covariate_of(["n/a", "UK"] * 6, folder)
    assert "NA was" not in str(raised.value)


def test_inf_is_no_number(folder):
    with pytest.raises(CovariateError, match="inf"):
        covariate_of(["61", "inf", "70"] * 4, folder)


def test_a_spline_follows_a_curve_and_ends_in_lines(folder):
    ages = np.linspace(20, 89, 40).round(2)
    texts = [str(age) for age in ages]
    covariate, _ = covariate_of(texts, folder, "age", splines=("age",))
    assert covariate.kind == "spline"
    design = design_columns(pd.DataFrame({"age": texts}), (covariate,)).to_numpy()
    assert design.shape == (40, 3)
    # The line is among its columns; a parabola nearly is.
    for outcome, missed in ((ages, 1e-9), (ages**2, 0.02)):
        columns = np.column_stack([np.ones(40), design])
        fitted = columns @ np.linalg.lstsq(columns, outcome, rcond=None)[0]
        assert np.std(outcome - fitted) <= missed * np.std(outcome)
    with pytest.raises(CovariateError, match="cannot be a spline"):
        covariate_of(["0", "1"] * 6, folder, splines=("x",))


def test_someone_alone_in_a_category_is_left_out(folder):
    results, table = simulated(n_a=6, n_b=6)
    table["site"] = ["a"] * 6 + ["b"] * 5 + ["c"]
    frame = results.merge(table, on="participant_id")
    rest, findings = complete_rows(frame, check_covariates(("site",), as_read(table, folder), None))
    assert len(rest) == 11
    assert found(findings, "only member").items == ("sub-012",)


def test_groups_that_follow_from_a_covariate_are_refused(folder):
    results, table = simulated(n_a=8, n_b=8)
    table["site"] = ["a"] * 8 + ["b"] * 8
    with pytest.raises(CovariateError, match="cannot be separated"):
        analyse(options_in(folder, table, covariates=("site",)), results)
