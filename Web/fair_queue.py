"""A bounded queue that serves its owners in turn, so nobody can block the others."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum


class QueueFullError(Exception):
    """The queue is full; try again later."""


class TicketState(Enum):
    """State of a task."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(eq=False)
class Ticket:
    """A task in the queue.

    Attributes
    ----------
    task : dict
        What the worker is to do.
    owner : str
        User or address that it belongs to.
    state : TicketState
    started : float
        ``time.monotonic()`` when a worker took it.
    fraction : float
    progress : dict
        The engine's last event of progress: its ``stage``, ``fold``, ``folds`` and ``step``.
    outcome : dict or None
        The worker's last event: ``result`` or ``error``.
    cancelled, ended : asyncio.Event
        Whether it was canceled; whether it has ended.
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
        """Set the outcome; only the first call has an effect."""
        if not self.ended.is_set():
            self.state, self.outcome = TicketState.ENDED, outcome
            self.ended.set()

    def fail(self, code: str, message: str = "") -> None:
        self.end({"event": "error", "code": code, "message": message})


class FairQueue:
    """Waiting tickets.

    Parameters
    ----------
    most_waiting : int
        In addition to tasks that idle workers take at once.
    owners_share : float
        Share of these for one owner, so that there is always room for others.
    most_running_of_owner : int or None
        Tasks of one owner at the same time, so that slow tasks leave a worker for others; None:
        no limit.
    """

    def __init__(
        self,
        most_waiting: int,
        owners_share: float = 1.0,
        most_running_of_owner: int | None = None,
    ) -> None:
        self.most_waiting = most_waiting
        self.most_of_owner = max(1, int(owners_share * most_waiting))
        self.most_running_of_owner = most_running_of_owner
        self._waiting: list[Ticket] = []
        self._taken: list[Ticket] = []
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
            # The caller has finished a task, so another of the same owner may be due elsewhere.
            self._arrived.notify_all()
            try:
                ticket = await self._arrived.wait_for(self._next)
            finally:
                self._idle -= 1
            self._waiting.remove(ticket)
            self._taken.append(ticket)
            return ticket

    def _next(self) -> Ticket | None:
        self._taken = [ticket for ticket in self._taken if not ticket.ended.is_set()]
        if self.most_running_of_owner is None:
            return next(iter(self.in_order()), None)
        running = Counter(ticket.owner for ticket in self._taken)
        free = (t for t in self.in_order() if running[t.owner] < self.most_running_of_owner)
        return next(free, None)

    def drop(self, ticket: Ticket) -> None:
        if ticket in self._waiting:
            self._waiting.remove(ticket)

    def in_order(self) -> list[Ticket]:
        """Every owner's first ticket by arrival, then every owner's second, and so on."""
        seen: dict[str, int] = {}
        ranked = []
        for number, ticket in enumerate(self._waiting):
            rank = seen[ticket.owner] = seen.get(ticket.owner, -1) + 1
            ranked.append((rank, number, ticket))
        return [ticket for *_, ticket in sorted(ranked, key=lambda entry: entry[:2])]

    def place_of(self, ticket: Ticket) -> int | None:
        """Place in the queue, from 1; None if the ticket is not waiting."""
        order = self.in_order()
        return order.index(ticket) + 1 if ticket in order else None
