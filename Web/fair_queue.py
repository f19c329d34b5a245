"""A bounded queue that serves its owners in turn, so nobody can block the others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import Enum


class QueueFullError(Exception):
    """The queue is full; try again later."""


class TicketState(Enum):
    """Where a task is on its way."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(eq=False)
class Ticket:
    """A task in the queue.

    Attributes
    ----------
    task : dict
        For the worker.
    owner : str
        Whose turn it takes.
    state : TicketState
    started : float
        On the clock of ``time.monotonic``, once a worker has it.
    fraction : float
    progress : dict
        The engine's last event of progress: its ``stage``, ``fold``, ``folds`` and ``step``.
    outcome : dict or None
        The worker's last event: ``result`` or ``error``.
    cancelled, ended : asyncio.Event
        Asked to end; has ended.
    """

    task: dict
    owner: str
    state: TicketState = TicketState.WAITING
    started: float = 0.0
    fraction: float = 0.0
    progress: dict = field(default_factory=dict)
    outcome: dict | None = None
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self, outcome: dict) -> None:
        """Take the outcome; the first one counts."""
        if not self.ended.is_set():
            self.state, self.outcome = TicketState.ENDED, outcome
            self.ended.set()

    def fail(self, code: str, message: str = "") -> None:
        self.end({"event": "error", "code": code, "message": message})


class FairQueue:
    """Tickets that wait.

    Parameters
    ----------
    most_waiting : int
        Beside those that idle workers take at once.
    owners_share : float
        Of these, for one owner; so there is a place for another whatever one owner does.
    """

    def __init__(self, most_waiting: int, owners_share: float = 1.0) -> None:
        self.most_waiting = most_waiting
        self.most_of_owner = max(1, int(owners_share * most_waiting))
        self._waiting: list[Ticket] = []
        self._idle = 0
        self._arrived = asyncio.Condition()

    def __len__(self) -> int:
        return len(self._waiting)

    async def put(self, ticket: Ticket) -> None:
        """Add a ticket; raises `QueueFullError`."""
        async with self._arrived:
            own = sum(waiting.owner == ticket.owner for waiting in self._waiting)
            is_full = len(self._waiting) >= self.most_waiting + self._idle
            if is_full or own >= self.most_of_owner + self._idle:
                raise QueueFullError
            self._waiting.append(ticket)
            self._arrived.notify()

    async def take(self) -> Ticket:
        """Wait for the next ticket whose turn it is."""
        async with self._arrived:
            self._idle += 1
            try:
                await self._arrived.wait_for(lambda: self._waiting)
            finally:
                self._idle -= 1
            ticket = self.in_order()[0]
            self._waiting.remove(ticket)
            return ticket

    def drop(self, ticket: Ticket) -> None:
        if ticket in self._waiting:
            self._waiting.remove(ticket)

    def in_order(self) -> list[Ticket]:
        """First every owner's first, then every owner's second, and so on, each by arrival."""
        seen: dict[str, int] = {}
        ranked = []
        for number, ticket in enumerate(self._waiting):
            rank = seen[ticket.owner] = seen.get(ticket.owner, -1) + 1
            ranked.append((rank, number, ticket))
        return [ticket for *_, ticket in sorted(ranked, key=lambda entry: entry[:2])]

    def place_of(self, ticket: Ticket) -> int | None:
        """1 for the next; None if it waits no more."""
        order = self.in_order()
        return order.index(ticket) + 1 if ticket in order else None
