"""What a rater does on a contact sheet in a browser."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page


def name_rater(page: Page, name: str) -> None:
    page.fill("#rater", name)
    page.press("#rater", "Tab")


def save(page: Page, folder: Path) -> Path:
    """Save the marks; the file."""
    with page.expect_download() as download:
        page.click("#save")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path
