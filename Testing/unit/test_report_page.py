"""The one-page report, and which numbers a severe flag covers, wherever they are shown."""

from __future__ import annotations

import dataclasses
import re
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from HypothalamusSegLib.flags import SEVERE_CODES, Flag, sort_by_severity
from HypothalamusSegLib.measures.volumes import StructureVolume
from HypothalamusSegLib.results.files import caption
from HypothalamusSegLib.results.flag_coverage import (
    COVERAGE,
    RATIO_COLUMNS,
    VOLUME_COLUMNS,
    covered_columns,
)
from HypothalamusSegLib.results.number_format import format_ml, format_number
from HypothalamusSegLib.results.record import CSV_COLUMNS
from HypothalamusSegLib.results.report_contents import Number, report_contents

pytest.importorskip("matplotlib", reason="the report is drawn by matplotlib")

from HypothalamusSegLib.results.plane_pictures import report_pictures
from HypothalamusSegLib.results.report_pdf import Page, write_report

from Testing.support.phantom_head import phantom

ALL_COLUMNS = {*VOLUME_COLUMNS, *RATIO_COLUMNS}
SKULL = {"code": "skull_stripped", "message": "The skull was removed from this scan."}
SIDES = {"code": "asymmetry", "message": "Left and right differ."}


def entry(structure: str, volume_mm3: float) -> dict:
    return {
        "structure": structure,
        "volume_mm3": volume_mm3,
        "fraction_of_icv": volume_mm3 / 1.5e6,
        "icv_adjusted_mm3": volume_mm3,
        "fold_sd_mm3": 1.234,
    }


def description(*flags: dict) -> dict:
    parts = {part: entry(f"hypothalamus_{part}", 400.0) for part in ("left", "right", "total")}
    return {
        "name": "head",
        "reference_icv_mm3": 1.5e6,
        "icv": entry("icv", 1_745_306.0),
        "hypothalamus": parts,
        "quality": {"fold_dice": [0.95, 0.97], "icv_fold_dice": [0.99, 0.995], "flags": [*flags]},
        "provenance": {
            "version": "9.9",
            "torch": "2",
            "device": "cpu",
            "threads": 1,
            "input_sha256": "ab" * 32,
            "weights_sha256": {"icv_fold0": "cd" * 32, "icv_border_fold0": "ef" * 32},
            "options": {"structures": ["icv"], "subunits": False, "grid": "0.5", "folds": [0]},
        },
    }


def test_every_severe_flag_covers_something_and_all_columns_are_known() -> None:
    assert set(COVERAGE) == SEVERE_CODES
    assert ALL_COLUMNS | {"structure"} == set(CSV_COLUMNS)


@pytest.mark.parametrize(
    ("code", "icv", "total", "left"),
    [
        ("skull_stripped", ALL_COLUMNS, set(RATIO_COLUMNS), set(RATIO_COLUMNS)),
        ("fov_cut", ALL_COLUMNS, set(RATIO_COLUMNS), set(RATIO_COLUMNS)),
        ("left_right_suspect", set(), set(), ALL_COLUMNS),
        ("orientation_suspect", set(), set(), ALL_COLUMNS),
        ("not_t1_like", ALL_COLUMNS, ALL_COLUMNS, ALL_COLUMNS),
        ("asymmetry", set(), set(), set()),
    ],
)
def test_what_a_flag_covers(code: str, icv: set, total: set, left: set) -> None:
    assert covered_columns([code], "icv") == icv
    assert covered_columns([code], "hypothalamus_total") == total
    for structure in ("hypothalamus_left", "left_posterior"):
        assert covered_columns([code], structure) == left


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (480.83, "481"),
        (1855.3, "1855"),
        (10.66, "10.7"),
        (9.996, "10.0"),
        (0.05183, "0.0518"),
        (0.0, "0"),
        (-8.474, "-8.47"),
        (1_855_325.4, "1\u202f855\u202f325"),
        (None, "–"),
        (float("nan"), "–"),
    ],
)
def test_three_significant_digits_and_whole_numbers_in_full(value, words: str) -> None:
    assert format_number(value) == words


def test_the_pictures_caption_tells_which_lines_are_covered() -> None:
    volumes = [
        StructureVolume(f"hypothalamus_{part}", 400.0, 380.0, (390.0, 410.0), 1.5e6)
        for part in ("left", "right", "total")
    ]
    volumes.append(StructureVolume("icv", 1.5e6, 1.5e6, (1.5e6,), 1.5e6))
    for code, covered in (("skull_stripped", [2, 3]), ("left_right_suspect", [1]), (None, [])):
        flags = [] if code is None else [Flag(code, "")]
        result = SimpleNamespace(volumes=volumes, quality=SimpleNamespace(flags=flags))
        lines = caption(result)
        assert [index for index, line in enumerate(lines) if line.is_covered] == covered
    assert lines[3].text == "Intracranial volume: 1500 mL"


def test_the_worst_flag_comes_first() -> None:
    flags = [Flag("anisotropic", ""), Flag("asymmetry", ""), Flag("fov_cut", "")]
    assert [flag.code for flag in sort_by_severity(flags)] == [
        "fov_cut",
        "asymmetry",
        "anisotropic",
    ]


def test_contents_have_one_unit_ranges_and_covered_numbers() -> None:
    contents = report_contents(description(SIDES, SKULL))
    assert [flag.code for flag in contents.flags] == ["skull_stripped", "asymmetry"]
    rows = {row.name: row.numbers for row in contents.rows}
    assert rows["Intracranial volume (ICV)"][:2] == (
        Number("1745 mL", is_covered=True),
        Number("1000–1900 mL"),
    )
    total = rows["Hypothalamus, total"]
    assert total[:2] == (Number("400 mm³"), Number("450–1100 mm³"))
    assert total[2] == Number("0.0267", is_covered=True)
    assert not any(n.is_covered for row in report_contents(description()).rows for n in row.numbers)
    assert format_ml(None) == "–"


def test_a_result_without_icv_or_hypothalamus_has_a_report(tmp_path: Path) -> None:
    for missing in ("icv", "hypothalamus"):
        some = description()
        del some[missing]
        some["quality"]["fold_dice"] = None
        for part in some.get("hypothalamus", {}).values():
            part["fraction_of_icv"] = part["icv_adjusted_mm3"] = None
        write_report(report_contents(some), tmp_path / f"{missing}.pdf")


@pytest.fixture(scope="module")
def pictures():
    return report_pictures(*phantom(), pixels=120)


def pages_of(path: Path) -> int:
    data = path.read_bytes()
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL)
    whole = data + b"".join(_unpacked(stream) for stream in streams)
    return len(re.findall(rb"/Type /Page\b", whole))


def _unpacked(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return b""


def test_the_report_is_one_page_and_equal_contents_give_equal_bytes(tmp_path, pictures) -> None:
    for name in ("a.pdf", "b.pdf"):
        write_report(report_contents(description(SKULL), pictures), tmp_path / name)
    data = (tmp_path / "a.pdf").read_bytes()
    assert data.startswith(b"%PDF-")
    assert pages_of(tmp_path / "a.pdf") == 1
    assert data == (tmp_path / "b.pdf").read_bytes()
    assert len(data) < 1 << 20


def texts(page: Page) -> list:
    page.figure.canvas.draw()
    return [(t.get_text(), t.get_window_extent()) for t in page.figure.texts]


@pytest.mark.parametrize("count", [0, 1, 4, 12])
def test_however_many_flags_nothing_runs_off_the_page(pictures, count: int) -> None:
    long = {"code": "asymmetry", "message": "A long sentence about what is wrong. " * 5}
    contents = report_contents(description(*[long] * count, SKULL), pictures)
    remarks = (("Review", "accepted by A. B. " * 20),)
    page = Page(dataclasses.replace(contents, title="n$_" * 60, remarks=remarks))
    width, height = page.figure.bbox.size
    for words, box in texts(page):
        assert box.x0 >= 0.05 * width, words
        assert box.x1 <= 0.97 * width, words
        assert box.y0 >= 0.02 * height, words
    shown_words = " ".join(words for words, _ in texts(page))
    assert "Skull removed" in shown_words
    assert count == 0 or "Left and right differ" in shown_words


def test_the_worst_flag_stands_above_the_numbers_and_covered_ones_are_struck(pictures) -> None:
    clean = Page(report_contents(description(), pictures))
    page = Page(report_contents(description(SIDES, SKULL), pictures))
    places = dict(texts(page))
    assert places["■ Skull removed"].y0 > places["Volume"].y1
    lines = [line.get_ydata()[0] for line in page.figure.artists]
    height = page.figure.bbox.height
    through = [b for b in places.values() if any(b.y0 < y * height < b.y1 for y in lines)]
    assert places["1745 mL"] in through
    assert len(page.figure.artists) > len(clean.figure.artists) + 5


def test_planes_show_the_patients_left_on_the_right(pictures) -> None:
    close, head = pictures
    for picture in close[:2]:
        left, right = (line.membership for line in picture.lines)
        columns = [np.nonzero(inside > 0.5)[1].mean() for inside in (left, right)]
        assert columns[0] > picture.plane.shape[1] / 2 > columns[1]
    assert next(line.name for line in head[0].lines) == "Intracranial volume"
    assert close[2].heading.startswith("Sagittal, left side, x = −7.")


@pytest.mark.slow
def test_the_command_writes_the_report(sample_path, tmp_path) -> None:
    from Testing.support.command_runs import call_command

    arguments = ("segment", sample_path, "--output", tmp_path, "--report", "--no-overview")
    run = call_command(tmp_path, *arguments, "--structures", "icv", "--folds", "0")
    assert run.code == 0, run.stderr
    assert pages_of(tmp_path / "brain_report.pdf") == 1
