"""End a run from outside: by a signal, or when the program that started it is gone.

Examples
--------
>>> with_cancel_signals()  # doctest: +SKIP
>>> try:  # doctest: +SKIP
...     segment_files(inputs, output, options, "bar")
... except CancelledError:
...     sys.exit(130)
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..errors import CancelledError

CANCELLED = 130  # exit code
PATIENCE_S = 0.7


def with_cancel_signals() -> None:
    """Turn SIGTERM and Ctrl+C into `CancelledError`, so that temporary files are removed."""
    if threading.current_thread() is not threading.main_thread():
        return

    def cancel(number: int, frame: object) -> None:
        raise CancelledError(f"stopped by signal {number}")

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, cancel)


@contextmanager
def start_child_first() -> Iterator[None]:
    """Act on Ctrl+C and SIGTERM only when the child process that starts here is known.

    An exception in the middle of a start leaves a child that no one will stop. The child is born
    with Ctrl+C blocked: a terminal sends it to every process, and the parent decides. SIGTERM must
    reach the child, so it is not blocked but remembered.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or not hasattr(signal, "pthread_sigmask"):  # Windows sends no signals.
        yield
        return
    arrived: list[int] = []
    handler = signal.signal(signal.SIGTERM, lambda number, frame: arrived.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if arrived:
            signal.raise_signal(signal.SIGTERM)


@contextmanager
def cancel_between_steps() -> Iterator[Callable[[], None]]:
    """Act on Ctrl+C and SIGTERM only where the work is in order.

    Yields
    ------
    callable
        To be called between two steps; raises `CancelledError` if a signal has arrived.
    """
    arrived: list[int] = []

    def check() -> None:
        if arrived:
            raise CancelledError(f"stopped by signal {arrived[0]}")

    if threading.current_thread() is not threading.main_thread():
        yield check
        return
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {n: signal.signal(n, lambda number, frame: arrived.append(number)) for n in numbers}
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def cancel_main_thread(
    patience_s: float = PATIENCE_S, before_exit: Callable[[], None] = lambda: None
) -> None:
    """Raise `CancelledError` in the main thread; end the process if it does not end in time.

    Called by another thread, after `with_cancel_signals`. Does not return.

    Parameters
    ----------
    patience_s : float
    before_exit : callable
        Called before this thread ends the process.
    """
    _thread.interrupt_main(signal.SIGTERM)
    time.sleep(patience_s)
    # During a long torch operation, the main thread does not notice the interrupt.
    before_exit()
    os._exit(CANCELLED)


def cancel_when_stdin_ends() -> None:
    """Cancel this run when the program that started it closes the pipe or dies.

    If there is a launcher (such as PythonSlicer in 3D Slicer), signals reach only the launcher.
    The end of standard input reaches this process on every operating system.
    """

    def wait_for_end() -> None:
        # Not through sys.stdin: holding its lock here would break the interpreter's shutdown.
        while os.read(pipe, 1024):
            pass
        cancel_main_thread()

    # A copy, see `worker.channel.Channel`: on Windows, libraries would wait for this read to end.
    pipe = os.dup(sys.stdin.fileno())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())
    os.close(nothing)
    threading.Thread(target=wait_for_end, daemon=True).start()
