"""The group level's pages: references, escaping, and what the contact sheet shows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest

from Cohort.group.analysis import analyse
from Cohort.report import html_parts
from Cohort.report.contact_sheet import contact_sheet
from Cohort.report.group_report import report_of
from Testing.support.cohort_tables import options_in, simulated
from Testing.support.command_runs import REPOSITORY
from Testing.support.html_page import WellFormed


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path


def test_every_reference_within_the_report_exists(folder):
    results, table = simulated(effect_mm3=-40)
    html = report_of(analyse(options_in(folder, table), results))
    page = WellFormed(html)
    inner = [link[1:] for link in page.links if link.startswith("#")]
    inner += re.findall(r"url\(#([^)]+)\)", html)
    assert inner
    assert set(inner) <= set(page.ids)
    outside = re.findall(r"https?://[^\s\"')<]+", html)
    assert {url for url in outside if "www.w3.org" not in url} == set()


def test_names_from_the_data_set_cannot_break_the_pages(folder):
    results, table = simulated()
    evil = "<script>alert('x')</script>"
    table["group"] = table["group"].replace("als", evil)
    results.loc[0, "flags"] = "anisotropic"
    results.at[0, "flag_messages"] = (evil,)
    analysis = analyse(options_in(folder, table, contrast=f"group:{evil}-control"), results)
    for page in (report_of(analysis), contact_sheet(analysis.reviewed, "group")):
        assert evil not in page
        assert "&lt;script&gt;alert" in page


def test_tags_are_in_the_templates_alone():
    """Text that a module puts between tags itself is text that nothing escapes."""
    folder = REPOSITORY / "Cohort"
    # A figure's SVG comes from matplotlib and is given its class there.
    paths = [path for path in folder.rglob("*.py") if path.name != "plot_style.py"]
    tags = [
        (path.name, node.lineno)
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.search(r"</?(?:[ap]|h\d|div|span|li|[ou]l|t[rdh]|table|strong|br|img)\b", node.value)
    ]
    assert tags == []


def test_pieces_that_were_joined_as_plain_text_are_escaped(folder):
    piece = html_parts.paragraph("a < b")
    for body, shown in ((piece, True), ("".join([piece, piece]), False)):
        section = html_parts.Section("x", "X", body)
        assert ("<p>a &lt; b</p>" in html_parts.page("t", "s", [section])) == shown


def test_the_contact_sheet_shows_every_scan_with_what_it_is_sorted_by(folder):
    results, table = simulated(n_a=12, n_b=12)
    results.loc[2, "flags"] = "low_confidence;anisotropic"
    results.at[2, "flag_messages"] = ("Unsure.\nOf both.", "Long.")
    results.loc[4, "overview"] = ""
    results.loc[5, "overview"] = "sub-006/figures/a b#1.png"
    results.loc[6, "fold_dice"] = np.nan
    sheet = contact_sheet(analyse(options_in(folder, table), results).reviewed, "group")
    page = WellFormed(sheet)
    pictures = [link for link in page.links if link.endswith(".png")]
    assert len(pictures) == 23
    assert "sub-006/figures/a%20b%231.png" in pictures
    assert sheet.count('loading="lazy"') == 23
    cards = re.findall(r'<li class="card[^>]*>', sheet)
    assert len(cards) == 24
    third = next(card for card in cards if 'data-scan="sub-003"' in card)
    assert 'data-flags="2"' in third
    assert 'data-listed="1"' in third
    dice = float(re.search(r'data-dice="([^"]*)"', third)[1])
    assert dice == pytest.approx(results.loc[2, "fold_dice"], abs=1e-5)
    seventh = next(card for card in cards if 'data-scan="sub-007"' in card)
    assert 'data-dice=""' in seventh
    assert re.findall(r"<li>(Unsure[^<]*)</li><li>(Long[^<]*)</li>", sheet) == [
        ("Unsure.\nOf both.", "Long.")
    ]
    assert "https://" not in sheet
