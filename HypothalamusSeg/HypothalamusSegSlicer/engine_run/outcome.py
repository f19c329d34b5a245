"""How a run ended, in words for the user."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# What Slicer's launcher says when the engine that it started was killed; its exit code is then 1.
LAUNCHERS_LINE = re.compile(r"error: \[.*\] exit abnormally - Report the problem\.")
CANCELLED_CODE = "cancelled"


@dataclass(frozen=True)
class EngineOutcome:
    """The outcome of a run.

    Attributes
    ----------
    result : dict or None
        The engine's description of the result; None where there is none.
    files : tuple of str
        What it wrote.
    error_code, message : str or None
        Why there is no result.
    cancelled : bool
    """

    result: dict | None = None
    files: tuple[str, ...] = ()
    error_code: str | None = None
    message: str | None = None
    cancelled: bool = False


def cancelled_outcome() -> EngineOutcome:
    return EngineOutcome(cancelled=True, message="Canceled.")


def not_started_outcome(reason: str) -> EngineOutcome:
    """The engine could not be started; ``reason`` comes from the system."""
    message = f"The engine could not be started ({reason}). Reinstall the extension."
    return EngineOutcome(error_code="not_started", message=message)


def outcome_of(result: dict | None, error: dict | None) -> EngineOutcome:
    """Read the events of a request that has ended."""
    if error is not None:
        if error["code"] == CANCELLED_CODE:
            return cancelled_outcome()
        return EngineOutcome(error_code=error["code"], message=_error_message(error))
    if result is not None:
        return EngineOutcome(result["result"], tuple(result["files"]))
    return EngineOutcome(error_code="failed", message="The engine gave no result.")


def outcome_without_end(was_ready: bool, exit_code: int, log: Sequence[str]) -> EngineOutcome:
    """The outcome of a process that ended without saying why.

    Parameters
    ----------
    was_ready : bool
        Whether it had started.
    exit_code : int
        Of the process that Slicer started, which may be a launcher.
    log : sequence of str
        The last lines that it printed.
    """
    own = [line for line in log if not LAUNCHERS_LINE.fullmatch(line)]
    last = f" Its last message: {own[-1]}" if own else ""
    if was_ready:
        return EngineOutcome(
            error_code="crashed",
            message="The engine was stopped by the system before it finished. This usually means "
            f"that memory ran out: close other programs.{last}",
        )
    return EngineOutcome(
        error_code="failed",
        message=f"The engine stopped with code {exit_code} before it had started.{last}",
    )


def _error_message(error: dict) -> str:
    if error["code"] != "unexpected":
        return error["message"]
    return f"The engine failed unexpectedly. Please report it, with the log: {error['message']}"
