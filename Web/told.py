"""Remember the last update of each page, so that only changes are sent.

Answers can overtake each other. Each one therefore carries a number (turn), which the page sends
back with its next request. A page that did not receive the last answer gets everything again, and a
page that receives an older answer after a newer one asks at once (`browser/news.js`).
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
        Number of the last answer.
    values : dict
        Values by the name of the part of the page.
    choice : str or None
        The result that the page shows.
    """

    turn: int = 0
    values: dict[str, Any] = field(default_factory=dict)
    choice: str | None = None


def last_update(pages: dict[str, Told], page: str) -> Told:
    """Get the last update of a page; the oldest pages of a visitor are dropped."""
    told = pages.pop(page, None) or Told()
    pages[page] = told
    while len(pages) > MOST_PAGES:
        pages.pop(next(iter(pages)))
    return told


def turn_of(news: object) -> int | None:
    """Number of the last answer that a page received; its request may be forged."""
    try:
        heard = json.loads(news) if isinstance(news, str) else None
    except ValueError:
        return None
    turn = heard.get("turn") if isinstance(heard, dict) else None
    return turn if isinstance(turn, int) else None
