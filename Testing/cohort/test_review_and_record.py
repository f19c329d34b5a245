"""Marks of a review take effect, everyone's way is told, and an analysis is kept to be compared."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from Cohort.command_line import main
from Cohort.group.analysis import analyse
from Cohort.group.errors import ReviewFileError
from Cohort.group.flow import ANALYSED, FOUND
from Cohort.index import results_table
from Cohort.report.flow import flow_section
from Testing.support.cohort_stub import run_stub, write_cohort
from Testing.support.cohort_stub_worker import FAIL
from Testing.support.cohort_tables import CONTRAST, found, options_in, simulated
from Testing.support.html_page import WellFormed

pytestmark = pytest.mark.usefixtures("no_drawing")
STUB_PATIENTS, STUB_CONTROLS = ("1", "2", "33", "444", "5555"), ("6", "7", "88", "999", "1010")


def marks_in(folder: Path, text: str, name: str = "review.tsv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def cohort(tmp_path) -> tuple[Path, Path]:
    """A finished stub cohort of two groups, in which one scan failed; data and derivatives."""
    data, output = tmp_path / "data", tmp_path / "out"
    words = dict.fromkeys((*STUB_PATIENTS, *STUB_CONTROLS), "fine") | {"9": FAIL}
    run_stub(write_cohort(data, words), data, output)
    rows = [f"sub-{name}\tals\t{50 + len(name)}" for name in STUB_PATIENTS]
    rows += [f"sub-{name}\tcontrol\t{55 - len(name)}" for name in (*STUB_CONTROLS, "9", "77")]
    table = data / "participants.tsv"
    table.write_text("\n".join(["participant_id\tgroup\tage", *rows]) + "\n", encoding="utf-8")
    return data, output


def group(cohort: tuple[Path, Path], *more: object) -> int:
    data, output = cohort
    return main([*map(str, (data, output, "group", "--contrast", CONTRAST, *more))])


def test_a_rejected_scan_is_in_no_result_and_everyone_is_accounted_for(tmp_path):
    results, people = simulated(n_a=8, n_b=8)
    sheet = marks_in(tmp_path, "scan\tmark\nsub-001\treject\nsub-002\tcheck\nsub-003\tn/a\n")
    reader = marks_in(
        tmp_path, "scan\tstatus\treviewer\nsub-001\taccepted\tAB\nsub-009\tRejected\tAB\n", "b.tsv"
    )
    options = options_in(tmp_path, people, covariates=(), reviews=(sheet, reader))
    analysis = analyse(options, results)
    assert not {"sub-001", "sub-009"} & set(analysis.volumes["scan"])
    assert analysis.rejected == {"sub-001": "review.tsv", "sub-009": "AB"}
    assert found(analysis.findings, "Raters disagree").items == ("sub-001",)
    listed = analysis.reviewed.set_index("scan")["listed"]
    assert [reason.title for reason in listed["sub-002"]] == ["marked for a check in review"]
    steps = {step.what: step for step in analysis.flow}
    assert steps[FOUND].counts == {"als": 8, "control": 8}
    assert steps[ANALYSED].counts == {"als": 7, "control": 7}
    assert steps["rejected in review by AB"].participants == ("sub-009",)
    page = WellFormed(str(flow_section(analysis))).text
    # A rater's name is written as the rater wrote it.
    assert "Rejected in review by AB" in page
    assert re.search(r"sub-009\s+AB", page)
    assert not any("without a finished scan" in f.text for f in analysis.findings)


def test_each_participant_stands_once_in_the_flow(cohort):
    data, output = cohort
    results, failures = (
        results_table.read_results(output),
        results_table.read_failures(output),
    )
    assert failures["code"].tolist() == ["corrupt_file"]
    from Cohort.group.options import GroupOptions

    options = GroupOptions(output, data / "participants.tsv", data, CONTRAST)
    flow = analyse(options, results, failures).flow
    assert sum(len(step.participants) for step in flow[1:]) == len(flow[0].participants) == 12
    told = {step.what: step.participants for step in flow[1:]}
    assert told["segmentation failed (corrupt_file)"] == ("sub-9",)
    assert told["listed in participants.tsv, no scan"] == ("sub-77",)


def test_one_image_in_two_subjects_can_be_rejected(tmp_path):
    results, people = simulated(n_a=5, n_b=5)
    results["input_sha256"] = [f"{number:064x}" for number in range(9)] + [f"{8:064x}"]
    review = marks_in(tmp_path, "scan\tmark\nsub-010\treject\n")
    analysis = analyse(options_in(tmp_path, people, covariates=(), reviews=(review,)), results)
    assert len(analysis.sample) == 9


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("scan\tmark\nsub-001\tperhaps\n", "'perhaps' of sub-001"),
        ("name\tmark\nsub-001\tok\n", "needs the columns scan and mark"),
    ],
)
def test_a_review_that_cannot_be_understood_is_refused(tmp_path, text, words):
    results, people = simulated(n_a=5, n_b=5)
    options = options_in(tmp_path, people, reviews=(marks_in(tmp_path, text),))
    with pytest.raises(ReviewFileError, match=words):
        analyse(options, results)


def test_a_missing_review_is_not_said_to_be_the_table_of_participants(tmp_path):
    results, people = simulated(n_a=5, n_b=5)
    options = options_in(tmp_path, people, reviews=(tmp_path / "lost.tsv",))
    with pytest.raises(ReviewFileError) as raised:
        analyse(options, results)
    assert "lost.tsv" in str(raised.value)
    assert "--participants" not in str(raised.value)


def test_analyses_stand_beside_each_other_and_derivatives_may_be_read_only(cohort, tmp_path):
    before = sorted(path.name for path in cohort[1].iterdir())
    for name in ("plain", "age"):
        more = ["--covariates", "age"] if name == "age" else []
        assert group(cohort, "--group-output", tmp_path / "groups", "--name", name, *more) == 0
    assert sorted(path.name for path in cohort[1].iterdir()) == before
    records = [
        json.loads((tmp_path / f"groups/group_{name}/group_record.json").read_text("utf-8"))
        for name in ("plain", "age")
    ]
    assert [record["options"]["covariates"] for record in records] == [[], ["age"]]
    sheet = (tmp_path / "groups/group_age/contact_sheet.html").read_text(encoding="utf-8")
    assert os.path.relpath(cohort[1], tmp_path / "groups/group_age") == "../../out"
    assert "sub-5555" in sheet


def test_the_record_holds_command_hashes_versions_and_results(cohort):
    import hashlib

    assert group(cohort) == 0
    data, output = cohort
    record = json.loads((output / "group_record.json").read_text(encoding="utf-8"))
    table = hashlib.sha256((data / "participants.tsv").read_bytes()).hexdigest()
    assert record["sha256"]["participants"] == table
    assert set(record["sha256"]) == {"participants", "index"}
    assert {"hypothalamus-seg", "statsmodels", "python"} <= set(record["versions"])
    total = next(row for row in record["statistics"] if row["structure"] == "hypothalamus_total")
    assert (total["n_a"], total["n_b"]) == (5, 5)
    assert len(record["analysed_scans"]) == 10
    assert str(data) not in json.dumps(record["options"])


def test_a_frozen_plan_is_compared_with_what_is_done(cohort, capsys):
    output = cohort[1]
    assert group(cohort, "--freeze") == 0
    assert not (output / "group_report.html").exists()
    frozen = (output / "group_frozen.json").read_text(encoding="utf-8")
    assert "statistics" not in json.loads(frozen)
    sheet = (output / "contact_sheet.html").read_text(encoding="utf-8")
    assert re.search(r"\b(als|control)\b", sheet) is None
    assert group(cohort, "--freeze") == 1
    assert "the plan is frozen" in capsys.readouterr().err
    assert group(cohort) == 0
    assert "unchanged" in (output / "group_report.html").read_text(encoding="utf-8")
    assert group(cohort, "--covariates", "age") == 0
    report = (output / "group_report.html").read_text(encoding="utf-8")
    assert "deviates from it" in report
    assert "covariates: [] → [" in report
    assert (output / "group_frozen.json").read_text(encoding="utf-8") == frozen
