"""A pool of worker processes that take tasks from a queue.

Processes instead of threads, because a thread cannot be killed or run out of memory alone. A
worker that dies is replaced, and its task ends with an error.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence

from .fair_queue import FairQueue, Ticket, TicketState

START_SECONDS = 120.0
# Longest line from a worker; a result with all numbers has about 20 kB.
LINE_BYTES = 1 << 22
RESTART_PAUSE_S = 2.0
# Of the places in the queue, for one user or address.
OWNERS_SHARE = 0.5
# The rest of the environment is hidden from workers: it may contain passwords and keys.
PASSED_ON = re.compile(
    r"PATH|LD_LIBRARY_PATH|SYSTEMROOT|TEMP|TMP|TMPDIR|LANG|LC_ALL|PYTHONPATH|PYTHONIOENCODING"
    r"|CUDA_VISIBLE_DEVICES|(OMP|MKL|OPENBLAS)_NUM_THREADS|HYPOTHALAMUSSEG_.*"
)
log = logging.getLogger("hypothalamus_seg.web.pool")


class EnginePool:
    """Workers and waiting tasks. All methods run in the event loop of the server.

    Parameters
    ----------
    command : sequence of str
        Starts one worker, see `engine_worker`. It speaks the protocol of Docs/WORKER.md.
    size : int
    most_waiting : int
        Further tasks are refused with `fair_queue.QueueFullError`.
    task_seconds : float
        Time limit of a task; then its worker is killed.
    most_of_owner : int or None
        Workers that one user or address may use at a time; None: all.
    """

    def __init__(
        self,
        command: Sequence[str],
        size: int,
        most_waiting: int,
        task_seconds: float,
        most_of_owner: int | None = None,
    ) -> None:
        self.command, self.size, self.task_seconds = tuple(command), size, task_seconds
        self.queue = FairQueue(most_waiting, OWNERS_SHARE, most_of_owner)
        self.running: list[Ticket] = []
        self._loops: list[asyncio.Task] = []
        self._processes: set[Process] = set()
        self._stopped = False

    async def start(self) -> None:
        self._loops = [asyncio.create_task(self._serve()) for _ in range(self.size)]

    async def stop(self) -> None:
        """Kill the workers; all waiting and running tasks end as canceled."""
        self._stopped = True
        for loop in self._loops:
            loop.cancel()
        for loop in self._loops:
            with contextlib.suppress(asyncio.CancelledError):
                await loop
        for process in list(self._processes):
            await self._kill(process)
        for ticket in self.queue.in_order():
            self.queue.drop(ticket)
            ticket.fail("cancelled")

    @property
    def process_ids(self) -> list[int]:
        return [process.pid for process in self._processes]

    async def submit(self, task: dict, owner: str) -> Ticket:
        """Queue a task; raises `QueueFullError`."""
        ticket = Ticket(task, owner)
        await self.queue.put(ticket)
        return ticket

    def cancel(self, ticket: Ticket) -> None:
        """Take a ticket from the queue, or kill the worker that holds it."""
        self.queue.drop(ticket)
        ticket.cancelled.set()
        if ticket.state is TicketState.WAITING:
            ticket.fail("cancelled")

    async def _serve(self) -> None:
        """One worker's life, and its successors'."""
        process = await self._start_worker()
        while True:
            ticket = await self.queue.take()
            ticket.state, ticket.started = TicketState.RUNNING, time.monotonic()
            self.running.append(ticket)
            try:
                if process is None or process.returncode is not None:
                    process = await self._start_worker()
                if process is None:
                    ticket.fail("worker_not_started")
                    await asyncio.sleep(RESTART_PAUSE_S)
                    continue
                if not await self._run(process, ticket):
                    process = await self._start_worker()
            except Exception:
                log.exception("Unexpected failure in the worker pool")
                ticket.fail("worker_lost")
            finally:
                self.running.remove(ticket)
                ticket.fail("cancelled")  # if nothing else has ended it, this loop was

    async def _start_worker(self) -> Process | None:
        """A worker that has said that it is ready; None, with the reason logged, if it fails."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=PIPE,
                stdout=PIPE,
                limit=LINE_BYTES,
                start_new_session=True,
                env={
                    name: value for name, value in os.environ.items() if PASSED_ON.fullmatch(name)
                },
            )
        except OSError as error:  # No memory or no process is left, or the program is gone.
            log.error("A worker cannot be started: %s", error)
            return None
        self._processes.add(process)
        try:
            line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
            event = json.loads(line or b"{}")
            if event.get("event") == "ready":
                protections = ", ".join(event.get("protections", ())) or "none"
                log.info("Worker %d is ready; protections: %s", process.pid, protections)
                return process
        except (asyncio.TimeoutError, ValueError) as error:
            log.error("Worker %d did not start: %r", process.pid, error)
        except asyncio.CancelledError:
            await self._kill(process)
            raise
        await self._kill(process)
        log.error("The worker stopped with code %s before it was ready", process.returncode)
        return None

    async def _run(self, process: Process, ticket: Ticket) -> bool:
        """Run a task; whether the worker can take another."""
        events = asyncio.create_task(self._follow(process, ticket))
        cancelled = asyncio.create_task(ticket.cancelled.wait())
        try:
            done, _ = await asyncio.wait(
                {events, cancelled}, timeout=self.task_seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            cancelled.cancel()
            events.cancel()
        if events in done and events.result():
            return True
        # The worker must be dead before the task ends, so nothing is written to its folder later.
        await self._kill(process)
        if cancelled in done:
            ticket.fail("cancelled")
        elif events in done:
            log.error("Worker %d stopped unexpectedly (code %s)", process.pid, process.returncode)
            ticket.fail("worker_lost")
        else:
            log.error("Worker %d took more than %.0f s", process.pid, self.task_seconds)
            ticket.fail("too_slow")
        return False

    async def _follow(self, process: Process, ticket: Ticket) -> bool:
        """Take events until the task's end; False if the worker ended, or is going to."""
        try:
            # One task at a time is with a worker, so all can have the same identifier.
            request = {**ticket.task, "id": "task"}
            process.stdin.write(json.dumps(request).encode() + b"\n")
            await process.stdin.drain()
            outcome: dict | None = None
            while line := await process.stdout.readline():
                event = json.loads(line)
                if event["event"] == "progress":
                    ticket.fraction, ticket.progress = event["fraction"], event
                elif event["event"] == "end" and outcome is not None:
                    ticket.end(outcome)
                    return event["stays"]
                else:
                    outcome = event
        except (ConnectionError, ValueError) as error:
            log.error("Worker %d: %r", process.pid, error)
        return False

    async def _kill(self, process: Process) -> None:
        if process.returncode is None:
            started = time.monotonic()
            with contextlib.suppress(ProcessLookupError):
                if hasattr(os, "killpg"):
                    os.killpg(process.pid, 9)
                else:
                    process.kill()
            await process.wait()
            log.info("Worker %d killed in %.2f s", process.pid, time.monotonic() - started)
        self._processes.discard(process)
