"""The report on paper, with long names, and its figures and tables as files."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from Cohort.group.analysis import analyse
from Cohort.report.exhibits import number_exhibits
from Cohort.report.group_report import report_of, write_report
from Testing.support.cohort_tables import options_in, simulated
from Testing.support.html_page import WellFormed

LONG = {
    "als": "patients with amyotrophic lateral sclerosis of bulbar onset, treated",
    "control": "Kontrollgruppe_ohne_neurologische_Erkrankung_der_Studie",
}
# A4 less margins of 13 mm, at 96 pixels an inch.
PAPER_WIDTH_PX = int((210 - 26) / 25.4 * 96)


@pytest.fixture(scope="module")
def long_names(tmp_path_factory):
    """The report of a cohort with everything in it, under long names."""
    folder = tmp_path_factory.mktemp("report")
    results, people = simulated(n_a=15, n_b=15, effect_mm3=-40, with_subunits=True)
    people["group"] = people["group"].replace(LONG)
    people["site"] = ["north", "south", "west"] * 10
    contrast = f"group:{LONG['als']}-{LONG['control']}"
    options = options_in(folder, people, contrast=contrast, site="site", exclude_flagged=True)
    path = folder / "group_report.html"
    write_report(analyse(options, results), path)
    return path


@pytest.fixture(scope="module")
def page(browser, long_names):
    page = browser.new_page(viewport={"width": PAPER_WIDTH_PX, "height": 1000})
    page.goto(long_names.as_uri())
    return page


def test_nothing_is_cut_off_on_paper(page):
    page.emulate_media(media="print")
    rights = page.evaluate(
        "[...document.querySelectorAll('table, svg, td, th')]"
        ".map(e => e.getBoundingClientRect().right)"
    )
    assert len(rights) > 300
    assert max(rights) <= PAPER_WIDTH_PX + 1
    spilling = page.evaluate(
        "[...document.querySelectorAll('td, th')]"
        ".filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)"
    )
    assert spilling == []


def test_long_names_of_groups_do_not_collide(page):
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 1300, "height": 1000})
    # Names below the boxes: each tick with the next of the same axis; and the legend's entries.
    boxes = page.evaluate(
        """[...document.querySelectorAll('svg.plot')].map(svg => {
            const seen = svg.getBoundingClientRect();
            const parts = [...svg.querySelectorAll('g[id*="xtick_"] > g[id*="text_"]')];
            return parts.map(g => g.getBoundingClientRect())
                .map(r => [r.left, r.right, r.top, seen.left, seen.right]);
        })"""
    )
    assert sum(map(len, boxes)) > 12
    for ticks in boxes:
        for (_, right, top, *_), (left, _, next_top, *_) in zip(ticks[:-1], ticks[1:], strict=True):
            if abs(top - next_top) < 2 and left > right - 60:
                assert right < left
        for left, right, _, first, last in ticks:
            assert first - 1 <= left
            assert right <= last + 1
    legends = page.evaluate(
        """[...document.querySelectorAll('svg.plot g[id*="legend_"]')].map(g => {
            const svg = g.closest('svg').getBoundingClientRect(), r = g.getBoundingClientRect();
            return [r.left - svg.left, svg.right - r.right];
        })"""
    )
    assert legends
    assert min(min(pair) for pair in legends) >= -1


def test_figures_and_tables_are_numbered_in_their_order_and_are_files(long_names):
    text = WellFormed(long_names.read_text(encoding="utf-8")).text
    for kind, suffix in (("Table", "tsv"), ("Figure", "svg")):
        numbers = [int(n) for n in re.findall(rf"\b{kind} (\d+)\. ", text)]
        assert numbers == list(range(1, len(numbers) + 1))
        files = sorted(long_names.parent.glob(f"group_report_{kind.lower()}-*.{suffix}"))
        assert len(files) == len(numbers) >= 3
    for path in long_names.parent.glob("*.tsv"):
        if "group_report" not in path.name:
            continue
        caption, header, *rows = path.read_text(encoding="utf-8").splitlines()
        assert caption.removeprefix("# ").split(".")[0] in text
        assert rows
        assert {line.count("\t") for line in rows} == {header.count("\t")}


def test_a_saved_figure_needs_no_page(long_names):
    for path in long_names.parent.glob("*.svg"):
        svg = path.read_text(encoding="utf-8")
        root = ElementTree.fromstring(svg.encode())
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert root.get("width").endswith("pt")
        assert "var(" not in svg


def test_the_numbers_begin_anew_with_each_report(no_drawing, tmp_path):
    results, people = simulated(n_a=8, n_b=8)
    analysis = analyse(options_in(tmp_path, people), results)
    with number_exhibits() as first:
        page = report_of(analysis)
    with number_exhibits() as second:
        assert report_of(analysis).count("Table 1. ") == page.count("Table 1. ") > 0
    assert len(first.tables) == len(second.tables)
    assert "Table 1. " not in report_of(analysis)
