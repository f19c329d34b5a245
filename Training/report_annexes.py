"""Sections of the validation report whose figures come from separate commands.

`icv_cropping`, `scan_ruin` and `scan_conditions` measure scans that have no labels. Each keeps its
figures, by scan, in a file of its own, and its section stays where it is in the report when
another command writes the page anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PAGE = "VALIDATION.md"


@dataclass(frozen=True)
class Annex:
    """One section.

    Attributes
    ----------
    title : str
        Heading in Markdown.
    file_name : str
        Of the figures, in ``Docs/validation``.
    lines : callable
        From the figures by scan to the section's lines below the heading.
    """

    title: str
    file_name: str
    lines: Callable[[dict[str, dict]], list[str]]

    def read(self, docs: Path) -> dict[str, dict]:
        """Figures by scan; none where nothing was measured."""
        path = docs / "validation" / self.file_name
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def keep(self, docs: Path, figures: dict[str, dict]) -> None:
        """Add figures to those of other scans, and rewrite the report's section."""
        known = dict(sorted({**self.read(docs), **figures}.items()))
        path = docs / "validation" / self.file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
        page = docs / PAGE
        if page.is_file():
            page.write_text(self.within(page.read_text(encoding="utf-8"), known), encoding="utf-8")

    def within(self, page: str, figures: dict[str, dict]) -> str:
        """A report with this section in its old place, or at the end; the rest as it was."""
        if not figures:
            return page
        before, found, after = page.partition(self.title + "\n")
        _, next_title, rest = after.partition("\n## ")
        written = "\n".join(self.section(figures)) + "\n"
        if not found:
            return page.rstrip("\n") + "\n\n" + written
        return before + written + (next_title + rest if next_title else "")

    def section(self, figures: dict[str, dict]) -> list[str]:
        """Heading and lines, in Markdown."""
        return [self.title, "", *self.lines(figures)]
