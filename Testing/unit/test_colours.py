"""The web page has the engine's colors; script and style sheet cannot import them."""

from __future__ import annotations

import re

from HypothalamusSegLib.colours import SEVERITY_INKS, STRUCTURE_COLOURS

from Testing.support.command_runs import REPOSITORY

BROWSER = REPOSITORY / "Web" / "browser"


def test_the_viewer_draws_structures_in_their_colours():
    script = (BROWSER / "colours.js").read_text(encoding="utf-8")
    assert re.findall(r"#[0-9A-F]{6}", script) == list(STRUCTURE_COLOURS.values())


def test_the_page_writes_flags_in_the_inks_of_the_report():
    style = (BROWSER / "page.css").read_text(encoding="utf-8")
    for severity, ink in SEVERITY_INKS.items():
        assert f"--hs-{severity}: {ink};" in style.partition(".dark")[0]
