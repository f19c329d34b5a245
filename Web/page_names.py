"""Which session each open page belongs to, and what Gradio remembers about it.

Gradio's script names each page ("session_hash") when it loads. The server remembers some 200 kB
about each name and never forgets by itself, so a session has few names, and names end with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from . import texts
from .refusals import RefusedError
from .sessions import Session

if TYPE_CHECKING:
    import gradio as gr

# Gradio uses about eleven letters and digits.
PAGE_NAME = re.compile(r"[A-Za-z0-9_\-]{1,64}")
# A reloaded page has a new name. With 200 sessions, these stay below the 2000 names that Gradio
# keeps messages for; beyond those, it would drop other visitors' messages.
MOST_PAGE_NAMES = 8
# Messages that wait until the page reads them; a call takes three.
MOST_UNREAD = 100


class PageMemory(Protocol):
    """What Gradio remembers about open pages, by name, and the functions of the page."""

    def forget(self, name: str) -> None: ...

    def unread(self, name: str) -> int: ...

    def has_function(self, number: object) -> bool: ...


@dataclass(frozen=True)
class GradioMemory:
    """Gradio's own memory; it has no public function to clear it."""

    blocks: gr.Blocks

    def forget(self, name: str) -> None:
        """Drop the state and the unread messages of a page."""
        state, queue = self.blocks.state_holder, self.blocks._queue
        state.session_data.pop(name, None)
        state.time_last_used.pop(name, None)
        queue.pending_messages_per_session.pop(name, None)
        for identifier in queue.pending_event_ids_session.pop(name, ()):
            event = queue.event_ids_to_events.pop(identifier, None)
            if event:
                event.alive = False

    def unread(self, name: str) -> int:
        """Number of messages that wait for a page."""
        messages = self.blocks._queue.pending_messages_per_session.get(name)
        return messages.qsize() if messages else 0

    def has_function(self, number: object) -> bool:
        """Whether a request may call this function of the page."""
        return isinstance(number, int) and number in self.blocks.fns


@dataclass
class PageNames:
    """Names of open pages, each owned by one session.

    Parameters
    ----------
    memory : PageMemory
    """

    memory: PageMemory
    _owners: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._owners)

    def claim(self, name: object, session: Session) -> None:
        """Let a session use a name; a session's oldest names are dropped.

        Raises
        ------
        RefusedError
            Not a valid name, or the page of another session.
        """
        if not isinstance(name, str) or not PAGE_NAME.fullmatch(name):
            raise RefusedError(400, texts.BAD_REQUEST)
        owner = self._owners.setdefault(name, session.token)
        if owner != session.token:
            raise RefusedError(404, texts.NOT_FOUND)
        if name in session.page_names:
            return
        session.page_names.append(name)
        while len(session.page_names) > MOST_PAGE_NAMES:
            self._drop(session.page_names.pop(0), session)

    def check_call(self, content: dict) -> None:
        """Refuse a call of an unknown function, or of a page that does not read its messages.

        Raises
        ------
        RefusedError
        """
        if not self.memory.has_function(content.get("fn_index")):
            raise RefusedError(404, texts.NOT_FOUND)
        if self.memory.unread(str(content.get("session_hash"))) >= MOST_UNREAD:
            raise RefusedError(429, texts.TOO_MANY_AT_ONCE)

    def end(self, session: Session) -> None:
        """Forget all pages of a session that has ended."""
        while session.page_names:
            self._drop(session.page_names.pop(), session)

    def _drop(self, name: str, session: Session) -> None:
        del self._owners[name]
        session.told.pop(name, None)
        self.memory.forget(name)
