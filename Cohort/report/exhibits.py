"""Numbering of the report's figures and tables, each of which is also saved as a file.

While `number_exhibits` is open, `figure` and `table` of html_parts give each a number in the order
in which they are made, and keep what a paper needs: figures as SVG, tables as tab-separated text.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from .plot_style import CSS_VARIABLES

TABLE, FIGURE = "Table", "Figure"
ENDING = "_*-[0-9][0-9].*"


@dataclass
class Exhibits:
    """Figures and tables of one page, in their order.

    Attributes
    ----------
    tables : list of tuple
        Caption, header and rows of cells.
    figures : list of tuple
        Caption and SVG.
    """

    tables: list[tuple[str, list[str], list[list[str]]]] = field(default_factory=list)
    figures: list[tuple[str, str]] = field(default_factory=list)

    def write(self, folder: Path, stem: str) -> None:
        """Write ``STEM_table-01.tsv`` and ``STEM_figure-01.svg``; the first line is the caption."""
        for number, (caption, header, rows) in enumerate(self.tables, start=1):
            lines = [f"# {TABLE} {number}. {caption}", "\t".join(header)]
            lines += ["\t".join(row) for row in rows]
            path = folder / f"{stem}_table-{number:02d}.tsv"
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        for number, (_, svg) in enumerate(self.figures, start=1):
            path = folder / f"{stem}_figure-{number:02d}.svg"
            path.write_text(make_standalone(svg), encoding="utf-8")


_open: ContextVar[Exhibits | None] = ContextVar("exhibits", default=None)


@contextmanager
def number_exhibits() -> Iterator[Exhibits]:
    """Number and keep figures and tables until the end."""
    exhibits = Exhibits()
    token = _open.set(exhibits)
    try:
        yield exhibits
    finally:
        _open.reset(token)


def numbered_table(
    caption: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    blocks: Mapping[int, str],
) -> str:
    """Keep a table if exhibits are numbered; returns its caption with the number."""
    exhibits = _open.get()
    if exhibits is None:
        return caption
    header, cells = [_one_line(title) for title in header], []
    block = ""
    for number, row in enumerate(rows):
        block = blocks.get(number, block)
        cells.append(([_one_line(block)] if blocks else []) + [_one_line(str(c)) for c in row])
    exhibits.tables.append((caption, ["", *header] if blocks else header, cells))
    return f"{TABLE} {len(exhibits.tables)}. {caption}"


def numbered_figure(svg: str, caption: str) -> str:
    """Keep a figure if exhibits are numbered; returns its caption with the number."""
    exhibits = _open.get()
    if exhibits is None:
        return caption
    exhibits.figures.append((caption, str(svg)))
    return f"{FIGURE} {len(exhibits.figures)}. {caption}"


def are_exhibits(names: Iterable[str], stem: str) -> list[str]:
    """The names that come from `Exhibits.write`."""
    return fnmatch.filter(names, f"{stem}{ENDING}")


def remove_stale(folder: Path, stem: str, kept: Iterable[str]) -> None:
    """Remove files of an earlier run that would seem to belong to this one."""
    for path in folder.glob(f"{stem}{ENDING}"):
        if path.name not in kept:
            path.unlink()


def make_standalone(svg: str) -> str:
    """Make a page's figure a file: colors instead of the page's variables, and a size."""
    for colour, variable in CSS_VARIABLES.items():
        svg = svg.replace(f"var({variable})", colour)
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    if size:
        svg = svg.replace("<svg ", f'<svg width="{size[1]}pt" height="{size[2]}pt" ', 1)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{svg}'


def _one_line(text: str) -> str:
    return " ".join(text.split())
