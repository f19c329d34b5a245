"""The group level's pages: references, escaping, and what the contact sheet shows."""

from __future__ import annotations

import ast
import json
import re

import numpy as np
import pytest

from Cohort.group.analysis import analyse
from Cohort.report import html_parts
from Cohort.report.contact_sheet import contact_sheet
from Cohort.report.group_report import report_of
from Testing.support.cohort_tables import options_in, simulated
from Testing.support.command_runs import REPOSITORY
from Testing.support.html_page import WellFormed


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
    for page, escaped in (
        (report_of(analysis), "&lt;script&gt;alert"),
        (contact_sheet(analysis.reviewed, "group"), "\\u003cscript\\u003ealert"),
    ):
        assert evil not in page
        assert escaped in page


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
    assert "https://" not in sheet
    scans = {scan["scan"]: scan for scan in scans_of(sheet)}
    assert len(scans) == 24
    assert sum(bool(scan["overview"]) for scan in scans.values()) == 23
    assert scans["sub-006"]["overview"] == "sub-006/figures/a%20b%231.png"
    third = scans["sub-003"]
    assert (third["flags"], third["listed"]) == (2, True)
    assert third["remarks"][:2] == ["Unsure.\nOf both.", "Long."]
    assert third["dice"] == pytest.approx(results.loc[2, "fold_dice"], abs=1e-5)
    assert scans["sub-007"]["dice"] is None


def scans_of(sheet: str) -> list[dict]:
    """What the script of a contact sheet reads."""
    return json.loads(re.search(r'<script id="scans"[^>]*>(.*?)</script>', sheet)[1])["scans"]
