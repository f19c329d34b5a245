"""The queue of tasks: owners take turns, and none fills it alone."""

from __future__ import annotations

import asyncio

import pytest

from Web.fair_queue import FairQueue, QueueFullError, Ticket


def test_owners_take_turns():
    async def run():
        queue = FairQueue(10)
        first = [Ticket({}, "a") for _ in range(3)]
        later = [Ticket({}, "b") for _ in range(2)]
        for ticket in (*first, *later):
            await queue.put(ticket)
        assert queue.in_order() == [first[0], later[0], first[1], later[1], first[2]]
        assert queue.place_of(later[0]) == 2
        assert await queue.take() is first[0]
        queue.drop(later[0])
        assert queue.place_of(later[0]) is None
        assert queue.place_of(later[1]) == 2

    asyncio.run(run())


def test_slow_tasks_of_one_owner_leave_a_worker_for_others():
    async def run():
        queue = FairQueue(10, most_running_of_owner=1)
        slow = [Ticket({}, "a") for _ in range(3)]
        for ticket in slow:
            await queue.put(ticket)
        assert await queue.take() is slow[0]
        second = asyncio.create_task(queue.take())
        await asyncio.sleep(0.01)
        assert not second.done()
        other = Ticket({}, "b")
        await queue.put(other)
        assert await second is other
        slow[0].fail("cancelled")
        assert await queue.take() is slow[1]

    asyncio.run(run())


def test_a_full_queue_refuses():
    async def run():
        queue = FairQueue(1)
        await queue.put(Ticket({}, "a"))
        with pytest.raises(QueueFullError):
            await queue.put(Ticket({}, "b"))

    asyncio.run(run())


def test_an_idle_worker_is_room_too():
    async def run():
        queue = FairQueue(1)
        taker = asyncio.create_task(queue.take())
        await asyncio.sleep(0)
        first, second = Ticket({}, "a"), Ticket({}, "a")
        await queue.put(first)
        await queue.put(second)
        assert await taker is first
        with pytest.raises(QueueFullError):
            await queue.put(Ticket({}, "a"))

    asyncio.run(run())


def test_an_owner_has_a_share_of_the_queue_whatever_the_sessions():
    async def run():
        queue = FairQueue(4, owners_share=0.5)
        for _ in range(2):
            await queue.put(Ticket({}, "address 203.0.113.7"))
        with pytest.raises(QueueFullError):
            await queue.put(Ticket({}, "address 203.0.113.7"))
        await queue.put(Ticket({}, "address 203.0.113.8"))

    asyncio.run(run())
