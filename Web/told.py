"""Remember the last update of each page, so that only changes are sent.

Answers overtake each other on their way. Each therefore carries a turn, which the page sends back
with its next question: a page that has not heard the last answer is told everything again, and one
that hears an older answer after a newer one asks at once (`browser/news.js`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

# Number of pages per visitor; older ones get a full update.
MOST_PAGES = 20


@dataclass
class Told:
    """Last update sent to one page.

    Attributes
    ----------
    turn : int
        Of the last answer; rises with each.
    values : dict
        By the name of the page's part.
    choice : str or None
        The result that the page shows.
    """

    turn: int = 0
    values: dict[str, Any] = field(default_factory=dict)
    choice: str | None = None


def told_to(pages: dict[str, Told], page: str) -> Told:
    """The memory of one page among a visitor's; the oldest are forgotten."""
    told = pages.pop(page, None) or Told()
    pages[page] = told
    while len(pages) > MOST_PAGES:
        pages.pop(next(iter(pages)))
    return told


def turn_of(news: object) -> int | None:
    """The turn of the last answer that a page has heard; whatever it sends may be made up."""
    try:
        heard = json.loads(news) if isinstance(news, str) else None
    except ValueError:
        return None
    turn = heard.get("turn") if isinstance(heard, dict) else None
    return turn if isinstance(turn, int) else None
