"""Pieces of a self-contained HTML page: tables, figures, notices, sections with a contents list.

The tags are in ``templates``, which escape every value. A finished piece is `Markup`, which is not
escaped again; pieces are put together by `together`, since joined as plain text they would be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from textwrap import wrap

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..group.findings import WARNING, Finding
from ..number_format import format_count
from .exhibits import numbered_figure, numbered_table

SHOWN_BEFORE_FOLDING = 12
HEADER_CHARACTERS = 28


@dataclass(frozen=True)
class Section:
    """A part of the page with an entry in its contents."""

    anchor: str
    title: str
    body: Markup


def paragraph(content: str, lead: str = "", strong: bool = False) -> Markup:
    """A paragraph of plain text, optionally with a lead in bold before it, or all in bold."""
    return _part("paragraph", content, lead, strong)


def heading(content: str) -> Markup:
    return _part("heading", content)


def bullets(items: Iterable[str]) -> Markup:
    return _part("bullets", list(items))


def numbered_list(items: Iterable[str]) -> Markup:
    return _part("numbered", list(items))


def notice(content: str, warning: bool = False, lead: str = "") -> Markup:
    """A box that stands out; a warning also says so in words, not by color alone."""
    return _part("notice", content, lead or ("Warning." if warning else "Note."), warning)


def finding_list(findings: Iterable[Finding]) -> Markup:
    """Findings with the subjects they name; long lists can be unfolded."""
    items = []
    for finding in findings:
        count = len(finding.items)
        is_long = count > SHOWN_BEFORE_FOLDING
        items.append(
            {
                "warning": finding.severity == WARNING,
                "text": finding.text,
                "names": ", ".join(finding.items),
                "folded": format_count(count, "entry", "entries") if is_long else "",
            }
        )
    return _part("finding_list", items) if items else Markup()


def table(
    caption: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    words: int = 1,
    strong: Sequence[int] = (),
    blocks: Mapping[int, str] | None = None,
) -> Markup:
    """A table that scrolls on its own on a narrow screen.

    Parameters
    ----------
    caption : str
    header : sequence of str
    rows : sequence of sequences of str
        Cells as text; a line break in a header or a cell stays one.
    words : int
        How many columns, from the left, hold words; the rest are numbers, aligned to the right.
    strong : sequence of int
        Rows in bold.
    blocks : mapping of int to str
        Rows before which a heading stands.
    """
    caption = numbered_table(caption, header, rows, blocks or {})
    header = ["\n".join(map(_wrap, title.split("\n"))) for title in header]
    lines = [
        {
            "cells": [str(cell) for cell in row],
            "strong": number in strong,
            "block": (blocks or {}).get(number, ""),
        }
        for number, row in enumerate(rows)
    ]
    return _part("table", caption, header, lines, words)


def figure(svg: Markup, caption: str) -> Markup:
    return _part("figure", svg, numbered_figure(svg, caption))


def review_count(listed: int, total: int) -> Markup:
    """The number of scans to review, with links to the reasons and the contact sheet."""
    return _part("review_count", format_count(listed, "scan"), total)


def together(parts: Iterable[Markup]) -> Markup:
    """Concatenated pieces; plain text among them is escaped."""
    return Markup().join(parts)


def page(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """The whole document, with its style and pictures."""
    style = resource("report.css")
    return render("page.html", title=title, subtitle=subtitle, sections=sections, style=style)


def render(template: str, **values: object) -> str:
    """A whole page from its template."""
    return _templates().get_template(template).render(values)


def resource(name: str) -> Markup:
    """A style sheet or script next to this module."""
    return Markup(files(__package__).joinpath(name).read_text(encoding="utf-8"))


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )


def _part(name: str, *values: object) -> Markup:
    return getattr(_templates().get_template("parts.html").module, name)(*values)


def _wrap(line: str) -> str:
    return "\n".join(wrap(line, HEADER_CHARACTERS)) or line
