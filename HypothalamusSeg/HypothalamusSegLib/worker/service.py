"""The protocol of a worker: it serves one request after another and says what happens.

Docs/WORKER.md describes it for the programs at the other end of the pipes.

Examples
--------
>>> Finish().exit_code, Finish(is_fit=False).is_fit
(0, False)
"""

from __future__ import annotations

import math
import os
import queue
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import NamedTuple

from .. import __version__
from ..errors import CancelledError, HypothalamusSegError, OutOfMemoryError, TorchUnusableError
from ..machine.cancelling import CANCELLED, cancel_main_thread
from .channel import Channel
from .requests import CANCEL, END, Request, WrongRequestError, read_request

PROTOCOL = 1
DONE, FAILED, WRONG_REQUEST = 0, 1, 2
# A canceled request ends at its next step. If there is none in time, it is interrupted, and the
# worker ends with it. Together less than a second.
NEXT_STEP_S, INTERRUPTED_S = 0.4, 0.4


class Finish(NamedTuple):
    """How a request ended: its exit code, and whether this process is fit for another one."""

    exit_code: int = DONE
    is_fit: bool = True


Report = Callable[[dict], None]
Handler = Callable[[dict, Report], Finish]


class WorkerService:
    """Serves the requests of one channel in the main thread.

    Parameters
    ----------
    channel : Channel
    handlers : mapping of str to callable(fields, report)
        What is done for each kind of request. ``fields`` are those of the request, ``report`` takes
        events and raises `CancelledError` where the run is to end. A handler may raise
        `HypothalamusSegError`, with the reason for the user.
    idle_seconds : float or None
        End after this time without a request.
    about : dict or None
        Further fields of the first event.
    """

    def __init__(
        self,
        channel: Channel,
        handlers: Mapping[str, Handler],
        idle_seconds: float | None = None,
        about: dict | None = None,
    ) -> None:
        self._channel, self._handlers = channel, handlers
        self._idle_seconds, self._about = idle_seconds, about or {}
        # None ends the worker.
        self._waiting: queue.Queue[Request | None] = queue.Queue()
        self._lock = threading.Lock()
        self._running: Request | None = None
        self._cancelled: set[Request] = set()
        self._open: dict[str, Request] = {}
        self._closed_because = END
        self._is_closing = self._is_interrupted = False

    def run(self) -> int:
        """Serve until the end.

        Returns
        -------
        int
            For the exit code of the process: 0; 1 after a failure that makes it unfit for another
            request; 130 if canceled.
        """
        first = {"event": "ready", "protocol": PROTOCOL, "version": __version__}
        try:
            self._channel.say({**first, "process_id": os.getpid(), **self._about})
            threading.Thread(target=self._listen, daemon=True).start()
            code = self._serve()
        except CancelledError:
            self._closed_because, code = "cancelled", CANCELLED
        self._channel.say({"event": "closed", "reason": self._closed_because})
        return code

    # In the main thread

    def _serve(self) -> int:
        while True:
            try:
                request = self._waiting.get(timeout=self._idle_seconds)
            except queue.Empty:
                self._closed_because = "idle"
                return DONE
            with self._lock:
                if request is None or self._is_closing:
                    return DONE
                self._running = request
            if not self._finish(request):
                self._closed_because = "failure"
                return FAILED

    def _finish(self, request: Request) -> bool:
        """Serve a request to its last event; whether this process can serve another."""
        error: Exception | None = None
        try:
            finish = self._handle(request)
        except Exception as failure:
            error, finish = failure, _finish_of(failure)
        with self._lock:
            self._running = None
            self._open.pop(request.identifier, None)
            was_asked = request in self._cancelled and not self._is_interrupted
            self._cancelled.discard(request)
        if error:
            self._say(request, {"event": "error", **_describe_error(error)})
        is_stopped = isinstance(error, CancelledError) and not was_asked
        self._say_end(request, finish.exit_code, finish.is_fit and not is_stopped)
        if is_stopped:
            raise error
        return finish.is_fit

    def _handle(self, request: Request) -> Finish:
        def report(event: dict) -> None:
            if request in self._cancelled:
                raise CancelledError("Canceled.")
            self._say(request, event)

        if request in self._cancelled:
            raise CancelledError("Canceled.")
        handler = self._handlers.get(request.kind)
        if handler is None:
            known = ", ".join([*self._handlers, CANCEL, END])
            raise WrongRequestError(f'Unknown request "{request.kind}". Known are: {known}.')
        return handler(request.fields, report)

    def _say_end(self, request: Request, exit_code: int, stays: bool) -> None:
        self._say(request, {"event": "end", "exit_code": exit_code, "stays": stays})

    def _say(self, request: Request, event: dict) -> None:
        self._channel.say({**event, "id": request.identifier})

    # In its own thread

    def _listen(self) -> None:
        try:
            for line in self._channel.lines():
                try:
                    self._take(read_request(line))
                except WrongRequestError as error:
                    self._channel.say({"event": "error", "id": None, **_describe_error(error)})
        finally:
            self._close()

    def _take(self, request: Request) -> None:
        if request.kind == END:
            self._waiting.put(None)
        elif request.kind == CANCEL:
            self._cancel(request.identifier)
        else:
            with self._lock:
                if request.identifier in self._open:
                    raise WrongRequestError(f'"{request.identifier}" is still open.')
                self._open[request.identifier] = request
            self._waiting.put(request)

    def _cancel(self, identifier: str) -> None:
        with self._lock:
            request = self._open.get(identifier)
            if request is None:
                return  # it has just ended
            self._cancelled.add(request)
            is_running = request is self._running
        if is_running:
            timer = threading.Timer(NEXT_STEP_S, self._interrupt, [request])
            timer.daemon = True
            timer.start()

    def _interrupt(self, request: Request) -> None:
        with self._lock:
            if self._running is not request:
                return
            self._is_interrupted = True
        cancel_main_thread(INTERRUPTED_S, self._say_cancelled)

    def _say_cancelled(self) -> None:
        """In the place of the main thread, which computes and cannot be interrupted."""
        request = self._running
        if request:
            self._say(request, {"event": "error", **_describe_error(CancelledError("Canceled."))})
            self._say_end(request, CANCELLED, False)
        self._channel.say({"event": "closed", "reason": "cancelled"})

    def _close(self) -> None:
        """Nobody is at the other end any more: end at once, without the running request."""
        with self._lock:
            self._is_closing = self._is_interrupted = True
            is_running = self._running is not None
        if is_running:
            cancel_main_thread(before_exit=self._say_cancelled)
        self._closed_because = "input_closed"
        self._waiting.put(None)


def _finish_of(error: Exception) -> Finish:
    if isinstance(error, CancelledError):
        return Finish(CANCELLED)
    if isinstance(error, WrongRequestError):
        return Finish(WRONG_REQUEST)
    # Half of torch may be loaded, or all memory taken: a new process can do better.
    is_unfit = isinstance(error, TorchUnusableError | OutOfMemoryError)
    return Finish(FAILED, isinstance(error, HypothalamusSegError) and not is_unfit)


def _describe_error(error: Exception) -> dict:
    if isinstance(error, HypothalamusSegError):
        fields = {name: _plain(value) for name, value in error.fields.items()}
        return {"code": error.code, "message": str(error), "fields": fields}
    traceback.print_exception(error)
    return {"code": "unexpected", "message": f"{type(error).__name__}: {error}", "fields": {}}


def _plain(value: object) -> object:
    """A value as JSON has it; paths, and numbers that are none, as text."""
    is_number = isinstance(value, int | float) and math.isfinite(value)
    return value if is_number or value is None else str(value)
