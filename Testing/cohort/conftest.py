"""Folders of a cohort in a test, its data set and what is made of it, and a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from markupsafe import Markup

DRAWING = ("Cohort.report.plots", "Cohort.report.change_plot", "Cohort.comparison.agreement_plot")


@pytest.fixture
def folder(tmp_path) -> Path:
    """Of a group level: its tables and what it writes."""
    return tmp_path


@pytest.fixture
def data(tmp_path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def output(tmp_path) -> Path:
    return tmp_path / "out"


@pytest.fixture(scope="module")
def browser():
    from Testing.support.web_visitor import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture
def no_drawing(monkeypatch) -> None:
    """Figures are made but not drawn, which takes most of a report's time: for what is written."""
    figure = '<svg class="plot" role="img" aria-label="{}"></svg>'
    for module in DRAWING:
        monkeypatch.setattr(
            f"{module}.svg_of", lambda _, description: Markup(figure).format(description)
        )
