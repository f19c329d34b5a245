"""Participants, contrast and covariates: what is read, refused, and joined to the scans."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from Cohort.command_line import parse_level
from Cohort.group.analysis import analyse
from Cohort.group.contrast import Contrast, resolve_contrast
from Cohort.group.covariates import check_covariates, complete_rows, design_columns
from Cohort.group.errors import (
    ContrastError,
    CovariateError,
    NoResultsError,
    ParticipantsFileError,
    SessionsFileError,
    TooFewScansError,
)
from Cohort.group.joined_table import first_sessions, join, natural_order, write_group_volumes
from Cohort.group.options import GroupOptions
from Cohort.group.participants_table import read_participants
from Cohort.group.session_times import read_session_times
from Cohort.group_arguments import options_from
from Cohort.report.group_report import report_of
from Cohort.structures import TOTAL
from Testing.support.cohort_tables import CONTRAST, as_read, found, options_in, simulated, table_in
from Testing.support.html_page import WellFormed


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path


# Reading participants.tsv


def test_what_is_wrong_with_participants_is_listed(folder):
    path = table_in(
        folder,
        "participant_id\tage\tgroup\n01\t60\tals\nsub-02\tn/a\tals\nsub-03\t50\tcontrol\n"
        "sub-03\t50\tcontrol\nsub-04\t41\tals\nsub-04\t42\tals\nn/a\t1\tals\nsub-99\t5\tals\n",
    )
    participants = read_participants(path)
    assert participants.frame["participant_id"].tolist() == ["sub-01", "sub-02", "sub-03", "sub-99"]
    assert participants.frame["age"].isna().tolist() == [False, True, False, False]
    assert found(participants.findings, "The prefix sub- was added").items == ("01",)
    assert found(participants.findings, "Identical rows").items == ("sub-03",)
    assert found(participants.findings, "several different rows").items == ("sub-04",)
    assert found(participants.findings, "without a participant_id").items == ("row 8",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("participant_id,age\nsub-01,3\n", "commas"),
        ("subject\tage\nsub-01\t3\n", "no column participant_id"),
        ("participant_id\tage\tage\nsub-01\t3\t4\n", "two columns named age"),
        ("participant_id\tage\nsub-01\t3\nsub-02\n", "row 3 has 1 cells, the header has 2"),
    ],
)
def test_a_malformed_table_is_refused_with_its_name(folder, text, words):
    path = table_in(folder, text)
    with pytest.raises(ParticipantsFileError, match=words) as caught:
        read_participants(path)
    assert str(path) in str(caught.value)


def test_a_missing_or_unreadable_table_is_refused(folder):
    with pytest.raises(ParticipantsFileError, match="There is no"):
        read_participants(folder / "participants.tsv")
    (folder / "participants.tsv").write_bytes(b"participant_id\tname\nsub-01\t\xff\xfe\n")
    with pytest.raises(ParticipantsFileError, match="UTF-8"):
        read_participants(folder / "participants.tsv")


def test_windows_line_ends_and_a_byte_order_mark_do_not_matter(folder):
    path = folder / "participants.tsv"
    path.write_bytes("\ufeffparticipant_id\tgroup\r\nsub-01\tals\r\n".encode())
    assert read_participants(path).frame.to_dict("records") == [
        {"participant_id": "sub-01", "group": "als"}
    ]


# Contrast and covariates


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


# Joining


def test_what_does_not_match_is_listed(folder):
    results, table = simulated(n_a=10, n_b=10)
    table = pd.concat([table.iloc[1:], table.iloc[[1]].assign(participant_id="sub-777")])
    again = results.iloc[[4]].assign(scan="sub-005_run-2")
    analysis = analyse(options_in(folder, table), pd.concat([results, again]))
    assert found(analysis.findings, "without a row").items == ("sub-001",)
    assert found(analysis.findings, "without a finished scan").items == ("sub-777",)
    assert found(analysis.findings, "several scans").items == ("sub-005_run-2",)
    neither = found(analysis.findings, "in neither group of the contrast (group: n/a 1)")
    assert neither.items == ("sub-001",)
    assert len(analysis.sample) == 19
    # It is described all the same.
    assert "sub-001" in analysis.volumes["participant_id"].tolist()


def test_missing_covariates_take_a_scan_out_of_the_models(folder):
    results, table = simulated()
    table.loc[3, "age"] = None
    analysis = analyse(options_in(folder, table), results)
    assert found(analysis.findings, "covariate is n/a").items == ("sub-004",)
    assert analysis.statistics[0].comparisons[TOTAL.name, "ancova"].fit.n_a == 29


def test_session_ten_comes_after_session_two(folder):
    assert sorted(["ses-10", "ses-2"], key=natural_order) == ["ses-2", "ses-10"]
    results, _ = simulated(n_a=1, n_b=1, sessions=12)
    joined = join(results.iloc[::-1], None, folder).scans.assign(years=np.nan)
    assert joined.loc[joined["participant_id"] == "sub-001", "session_id"].tolist()[-1] == "ses-12"
    first, findings = first_sessions(joined)
    assert first["session_id"].tolist() == ["ses-1", "ses-1"]
    assert len(findings[0].items) == 22


def test_a_column_with_the_name_of_a_result_is_renamed(folder):
    results, table = simulated()
    table["confidence"] = "high"
    analysis = analyse(options_in(folder, table), results)
    assert analysis.volumes["confidence"].iloc[0] == 0.85
    assert analysis.volumes["confidence_participants"].iloc[0] == "high"


def test_no_results_and_too_few_are_errors(folder):
    results, table = simulated()
    with pytest.raises(NoResultsError, match="participant level first"):
        analyse(options_in(folder, table), results.iloc[:0])
    with pytest.raises(TooFewScansError, match="als: 2, control: 25"):
        analyse(options_in(folder, table), results.iloc[28:])
    with pytest.raises(NoResultsError, match="sub-abc"):
        analyse(options_in(folder, table, participant_labels=("abc",)), results)
    with pytest.raises(ContrastError, match="without a contrast"):
        analyse(options_in(folder, table, contrast=None), results)
    with pytest.raises(ParticipantsFileError, match="--participants"):
        analyse(GroupOptions(folder, contrast=CONTRAST), results)


# Sessions


def write_sessions(folder: Path, subject: str, text: str) -> None:
    (folder / subject).mkdir(exist_ok=True)
    (folder / subject / f"{subject}_sessions.tsv").write_text(text, encoding="utf-8")


def write_scan_time(folder: Path, subject: str, session: str, time: str) -> None:
    where = folder / subject / session
    where.mkdir(parents=True, exist_ok=True)
    name = f"{subject}_{session}"
    text = (
        f"filename\tacq_time\nfunc/{name}_bold.nii.gz\t1999-01-01\nanat/{name}_T1w.nii.gz\t{time}\n"
    )
    (where / f"{name}_scans.tsv").write_text(text, encoding="utf-8")


def test_the_times_of_the_scans_themselves_are_used(folder):
    results, table = simulated(n_a=1, n_b=1, sessions=2)
    write_scan_time(folder, "sub-001", "ses-1", "1850-03-01T10:00:00")
    write_scan_time(folder, "sub-001", "ses-2", "1852-03-01T10:00:00")
    scans = join(results, as_read(table, folder), folder).scans
    times = read_session_times(scans, None, folder, None)
    assert times.source == "acq_time"
    assert times.years.iloc[:2].round(2).tolist() == [0, 2]


def test_a_shifted_date_is_never_subtracted_from_one_of_another_file(folder):
    results, table = simulated(n_a=1, n_b=1, sessions=2)
    write_sessions(
        folder, "sub-001", "session_id\tacq_time\nses-1\t2020-01-01\nses-2\t2021-01-01\n"
    )
    write_scan_time(folder, "sub-001", "ses-1", "1850-03-01T10:00:00")
    scans = join(results, as_read(table, folder), folder).scans
    times = read_session_times(scans, None, folder, None)
    assert times.years.iloc[:2].round(2).tolist() == [0, 1]


def test_dates_of_sessions_become_years(folder):
    results, table = simulated(n_a=2, n_b=1, sessions=2)
    write_sessions(
        folder,
        "sub-001",
        "session_id\tacq_time\tage\nses-1\t2020-01-01T09:00:00\t60\nses-2\t2021-01-01\t61\n",
    )
    write_sessions(folder, "sub-002", "session_id\tacq_time\n1\t2020-06-01\n2\t2020-12-01\n")
    scans = join(results, as_read(table, folder), folder).scans
    times = read_session_times(scans, None, folder, None)
    assert times.source == "acq_time"
    assert times.years.tolist()[:4] == pytest.approx([0, 1.0, 0, 0.501], abs=0.003)
    assert times.years.isna().tolist()[4:] == [True, True]
    assert found(times.findings, "without a time").items == ("sub-003_ses-1", "sub-003_ses-2")


def test_ages_serve_where_there_are_no_dates(folder):
    results, _ = simulated(n_a=1, n_b=0, sessions=2)
    write_sessions(folder, "sub-001", "session_id\tage\nses-1\t60\nses-2\t63\n")
    scans = join(results, None, folder).scans
    times = read_session_times(scans, None, folder, None)
    assert (times.source, times.years.tolist()) == ("age", [0, 3])
    assert found(times.findings, "whole years")
    with pytest.raises(SessionsFileError, match="'months'"):
        read_session_times(scans, None, folder, "months")
    rows = ["participant_id\tsession_id\twait", "sub-001\tses-1\t0.5", "sub-001\tses-2\t2.0"]
    participants = read_participants(table_in(folder, "\n".join(rows)))
    named = read_session_times(scans, participants, folder, "wait")
    assert (named.source, named.years.tolist()) == ("wait", [0, 1.5])


def test_dates_of_two_centuries_make_no_interval(folder):
    results, table = simulated(n_a=2, n_b=0, sessions=2)
    write_sessions(folder, "sub-001", "session_id\tacq_time\n1\t1800-01-01\n2\t2021-01-01\n")
    # Both dates shifted by the same time keep their distance.
    write_sessions(folder, "sub-002", "session_id\tacq_time\n1\t1801-01-01\n2\t1803-01-01\n")
    scans = join(results, as_read(table, folder), folder).scans
    times = read_session_times(scans, None, folder, None)
    assert times.years.isna().tolist() == [True, True, False, False]
    assert times.years.iloc[3] == pytest.approx(2, abs=0.01)
    assert found(times.findings, "80 years apart").items == ("sub-001_ses-1", "sub-001_ses-2")


def test_sessions_without_times_are_told(folder):
    results, table = simulated(n_a=5, n_b=5, sessions=2)
    analysis = analyse(options_in(folder, table, covariates=()), results)
    assert analysis.longitudinal == []
    assert len(analysis.sample) == 10
    assert "the time between them is unknown" in WellFormed(report_of(analysis)).text


def test_the_first_session_in_time_is_compared(folder):
    results, table = simulated(n_a=8, n_b=8, sessions=2, change_a=-0.05)
    for subject in table["participant_id"]:
        # Numbered against the order of time.
        text = "session_id\tacq_time\nses-1\t2022-03-01\nses-2\t2020-03-01\n"
        write_sessions(folder, subject, text)
    analysis = analyse(options_in(folder, table, covariates=()), results)
    assert set(analysis.sample["session_id"]) == {"ses-2"}
    changes = analysis.longitudinal[0].changes
    assert changes["years"].tolist() == pytest.approx([2.0] * 16, abs=0.01)
    page = WellFormed(report_of(analysis)).text
    assert "difference in change per year, als − control" in page


def test_a_group_is_found_however_its_umlaut_is_spelled(folder):
    # macOS writes ü as u and a combining mark, a keyboard as one character.
    composed, decomposed = (unicodedata.normalize(form, "für") for form in ("NFC", "NFD"))
    path = table_in(folder, f"participant_id\tgroup\n01\t{decomposed}\n02\t{composed}\n03\tc\n")
    participants = read_participants(path)
    assert participants.frame["group"].nunique() == 2
    command = [str(folder), str(folder), "group", "--contrast", f"group:{decomposed}-c"]
    options = options_from(parse_level([*command, "--participants", str(path)]))
    assert resolve_contrast(options.contrast, participants).level_a == composed


def test_a_participants_column_named_like_a_volume_is_no_measured_volume(folder):
    table = pd.DataFrame(
        {
            "participant_id": ["sub-1"],
            "scan": ["sub-1"],
            "listed": [()],
            "plaque_mm3": [0.123456],
            "left_posterior_mm3": [61.23456],
        }
    )
    written, sidecar = write_group_volumes(table, ("plaque_mm3",), folder / "volumes.tsv")
    assert written.read_text(encoding="utf-8").split()[-2:] == ["0.123456", "61.235"]
    explained = json.loads(sidecar.read_text(encoding="utf-8"))
    assert explained["plaque_mm3"] == {"Description": "As in participants.tsv"}
    assert explained["left_posterior_mm3"]["Units"] == "mm^3"
