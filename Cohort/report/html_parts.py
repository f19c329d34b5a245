"""Pieces of a self-contained HTML page: tables, figures, notices, sections with a contents list."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from textwrap import wrap

from ..group.findings import WARNING, Finding
from ..number_format import counted

SHOWN_BEFORE_FOLDING = 12
HEADER_CHARACTERS = 28


@dataclass(frozen=True)
class Section:
    """A part of the page with an entry in its contents."""

    anchor: str
    title: str
    body: str


def text(value: object) -> str:
    """Escape text from a data set."""
    return html.escape(str(value), quote=True)


def paragraph(content: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{text(content)}</p>"


def heading(content: str) -> str:
    return f"<h3>{text(content)}</h3>"


def bullets(items: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{text(item)}</li>" for item in items) + "</ul>"


def notice(content: str, warning: bool = False, lead: str = "") -> str:
    """A box that stands out; a warning also says so in words, not by colour alone."""
    lead = lead or ("Warning." if warning else "Note.")
    kind = "notice warning" if warning else "notice"
    return f'<div class="{kind}"><p><strong>{text(lead)}</strong> {text(content)}</p></div>'


def finding_list(findings: Iterable[Finding]) -> str:
    """Findings with the subjects they name; long lists can be unfolded."""
    items = []
    for finding in findings:
        lead = "<strong>Warning:</strong> " if finding.severity == WARNING else ""
        items.append(f"<li>{lead}{text(finding.text)}{_named(finding.items)}</li>")
    return f"<ul>{''.join(items)}</ul>" if items else ""


def table(
    caption: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    words: int = 1,
    strong: Sequence[int] = (),
    blocks: Mapping[int, str] | None = None,
) -> str:
    """A table that scrolls by itself where the screen is narrow.

    Parameters
    ----------
    caption : str
    header : sequence of str
    rows : sequence of sequences of str
        Cells as text, escaped here; a line break in a header stays one.
    words : int
        How many columns, from the left, hold words; the rest are numbers, aligned to the right.
    strong : sequence of int
        Rows in bold.
    blocks : mapping of int to str
        Rows before which a heading stands.
    """

    def cell(tag: str, place: int, content: str) -> str:
        numeric = ' class="n"' if place >= words else ""
        scope = ' scope="col"' if tag == "th" else ""
        return f"<{tag}{scope}{numeric}>{text(content).replace(chr(10), '<br>')}</{tag}>"

    header = ["\n".join(map(_wrapped, title.split("\n"))) for title in header]
    lines = ["<tr>" + "".join(cell("th", i, c) for i, c in enumerate(header)) + "</tr>"]
    body = []
    for number, row in enumerate(rows):
        if blocks and number in blocks:
            title = f'<th colspan="{len(header)}" scope="rowgroup">{text(blocks[number])}</th>'
            body.append(f'<tr class="block">{title}</tr>')
        kind = ' class="strong"' if number in strong else ""
        first = f'<th scope="row">{text(row[0])}</th>' if words else ""
        cells = "".join(cell("td", i, c) for i, c in enumerate(row) if i or not words)
        body.append(f"<tr{kind}>{first}{cells}</tr>")
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(caption[:60])}">'
        f"<table><caption>{text(caption)}</caption><thead>{''.join(lines)}</thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def figure(svg: str, caption: str) -> str:
    return f'<figure><div class="wide">{svg}</div><figcaption>{text(caption)}</figcaption></figure>'


def page(title: str, subtitle: str, sections: Sequence[Section], lead: str = "") -> str:
    """The whole document; style and pictures lie within it."""
    contents = "".join(f'<li><a href="#{s.anchor}">{text(s.title)}</a></li>' for s in sections)
    body = "".join(
        f'<section aria-labelledby="{s.anchor}"><h2 id="{s.anchor}">{text(s.title)}</h2>{s.body}'
        "</section>"
        for s in sections
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{resource('report.css')}</style></head><body>"
        f'<div class="layout"><nav aria-label="Contents"><p>Contents</p><ol>{contents}</ol></nav>'
        f'<main><h1>{text(title)}</h1><p class="sub">{text(subtitle)}</p>{lead}{body}</main></div>'
        "</body></html>\n"
    )


def resource(name: str) -> str:
    """A style sheet or script that lies beside this module."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _wrapped(line: str) -> str:
    return "\n".join(wrap(line, HEADER_CHARACTERS, break_long_words=False)) or line


def _named(items: Sequence[str]) -> str:
    if not items:
        return ""
    names = ", ".join(text(item) for item in items)
    if len(items) <= SHOWN_BEFORE_FOLDING:
        return f": {names}."
    count = counted(len(items), "entry", "entries")
    return f".<details><summary>{count}</summary>{names}</details>"
