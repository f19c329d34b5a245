"""Reviews of a list whose cases were segmented by one protocol first, and then by another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

from HypothalamusSegLib.measures.protocol import PUBLISHED
from HypothalamusSegSlicer.worklist.agreement import NAME as AGREEMENT
from HypothalamusSegSlicer.worklist.review_table import ReviewTable

from Testing.support.drawn_head import draw_head
from Testing.support.protocol_folders import protocol_folder
from Testing.support.worklist_panel import (
    click,
    edit,
    nodes_of,
    open_list,
    rows,
    shown,
    write_derivative,
)

OURS = {"name": "Ülm <b>", "usual_range_mm3": [300.0, 900.0]}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    return [draw_head(folder, f"p{number}", seed=number) for number in range(2)]


@pytest.fixture
def derivative(drawn, tmp_path) -> Path:
    out = write_derivative(drawn, tmp_path)
    draw_by(out, OURS)
    return out


def draw_by(derivative: Path, protocol: dict | None) -> None:
    """Let the results be of a protocol; None: of the published one."""
    for path in derivative.rglob("*_volumes.json"):
        description = json.loads(path.read_text(encoding="utf-8"))
        description.pop("protocol", None)
        new = {**description, **({"protocol": protocol} if protocol else {})}
        path.write_text(json.dumps(new), encoding="utf-8")


def judge_all(panel, derivative: Path, reader: str = "AB") -> None:
    """Accept the first case, correct the second."""
    open_list(panel, derivative, reader)
    click(panel.ui.acceptNextButton)
    edit(panel)
    click(panel.ui.acceptNextButton)
    click(panel.ui.closeListButton)


def go_to(panel, row: int) -> None:
    panel.ui.caseList.setCurrentRow(row)
    panel.worklist._clicked()


@pytest.mark.parametrize("row", [0, 1])
def test_a_review_stays_with_its_protocol_until_the_reader_judges_the_other_outlines(
    panel, derivative, row
):
    judge_all(panel, derivative)
    before = rows(derivative)
    name = sorted(before)[row]
    assert {each.protocol for each in before.values()} == {OURS["name"]}
    labels = {path: path.read_bytes() for path in (derivative / "review").iterdir()}
    draw_by(derivative, None)
    open_list(panel, derivative)
    go_to(panel, row)
    assert shown(panel) == name
    assert nodes_of(panel).record.review.status == "unreviewed"
    assert not panel.watch.has_edits  # corrections of other outlines are not mixed with these
    assert f"outlines of the protocol “{OURS['name']}”" in panel.ui.worklistLabel.text
    click(panel.ui.closeListButton)
    assert rows(derivative) == before
    open_list(panel, derivative)
    go_to(panel, row)
    click(panel.ui.acceptNextButton)
    now = rows(derivative)[name]
    assert (now.mark, now.protocol) == ("accepted", PUBLISHED.name)
    assert {path: path.read_bytes() for path in labels} == labels  # nothing that was drawn is lost


def test_back_under_its_protocol_a_review_is_as_it_was_left(panel, derivative):
    judge_all(panel, derivative)
    draw_by(derivative, None)
    open_list(panel, derivative)
    click(panel.ui.closeListButton)
    draw_by(derivative, OURS)
    open_list(panel, derivative)
    go_to(panel, 1)
    assert nodes_of(panel).record.review.status == "corrected"
    assert panel.watch.has_edits


def test_rows_of_earlier_versions_are_about_the_published_protocol(panel, derivative):
    judge_all(panel, derivative)
    path = ReviewTable(derivative).path
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    column = lines[0].index("protocol")
    text = "\n".join("\t".join(c for i, c in enumerate(line) if i != column) for line in lines)
    path.write_text(text + "\n", encoding="utf-8")
    assert {row.protocol for row in rows(derivative).values()} == {PUBLISHED.name}


def test_readers_of_different_protocols_share_no_mean(panel, derivative):
    judge_all(panel, derivative)
    path = next(derivative.rglob("sub-02_volumes.json"))
    description = json.loads(path.read_text(encoding="utf-8"))
    del description["protocol"]
    path.write_text(json.dumps(description), encoding="utf-8")
    judge_all(panel, derivative, "CD")
    open_list(panel, derivative, "CD")
    click(panel.ui.agreementButton)
    assert "1 of them were drawn by different protocols" in panel.ui.worklistLabel.text
    lines = (derivative / AGREEMENT).read_text(encoding="utf-8").splitlines()
    table = [dict(zip(lines[0].split("\t"), line.split("\t"), strict=True)) for line in lines[1:]]
    by_scan = {row["scan"]: row for row in table}
    assert by_scan["sub-02"]["protocol_1"] == OURS["name"]
    assert by_scan["sub-02"]["protocol_2"] == PUBLISHED.name
    assert by_scan["mean"]["protocol_1"] == OURS["name"]
    assert by_scan["mean"]["left_mm3_1"] == by_scan["sub-01"]["left_mm3_1"]


def test_scans_of_two_protocols_have_a_mean_each(panel, derivative):
    path = next(derivative.rglob("sub-02_volumes.json"))
    description = json.loads(path.read_text(encoding="utf-8"))
    del description["protocol"]
    path.write_text(json.dumps(description), encoding="utf-8")
    for reader in ("AB", "CD"):
        judge_all(panel, derivative, reader)
    open_list(panel, derivative, "CD")
    click(panel.ui.agreementButton)
    assert f"2 protocols ({PUBLISHED.name}, {OURS['name']})" in panel.ui.worklistLabel.text
    lines = (derivative / AGREEMENT).read_text(encoding="utf-8").splitlines()
    means = [line.split("\t")[-1] for line in lines if line.startswith("mean")]
    assert means == [PUBLISHED.name, OURS["name"]]


def test_another_choice_does_not_change_the_case_that_is_shown(panel, derivative, tmp_path):
    open_list(panel, derivative)
    before = nodes_of(panel).record.node.GetText()
    panel.protocol.add(protocol_folder(tmp_path / "theirs", "Theirs"))
    host.pump(200)
    assert nodes_of(panel).record.node.GetText() == before
    assert "▲ Chosen above is the protocol “Theirs”" in panel.ui.resultProtocolLabel.text
    click(panel.ui.acceptNextButton)
    assert rows(derivative)["sub-01"].protocol == OURS["name"]
