"""Folders of a cohort in a test: its data set, and what is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def data(tmp_path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def output(tmp_path) -> Path:
    return tmp_path / "out"
