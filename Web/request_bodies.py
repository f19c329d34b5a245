"""Read whole request bodies, with limits on length, time and nesting."""

from __future__ import annotations

import asyncio
import json
import math
import time

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from . import texts
from .refusals import RefusedError

# Deeper than anything the page sends. Recursive parsers fail at about 900 levels.
DEEPEST_JSON = 32


async def whole_body(receive: Receive, most_bytes: int, patience_s: float) -> bytes | None:
    """Read the body of a request; None if it is longer than ``most_bytes``.

    Raises
    ------
    RefusedError
        The request was cut off, or took longer than ``patience_s``.
    """
    body = bytearray()
    end = time.monotonic() + patience_s
    while True:
        try:
            message = await asyncio.wait_for(receive(), max(0.0, end - time.monotonic()))
        except asyncio.TimeoutError as error:
            raise RefusedError(408, texts.TOO_SLOW, connection="close") from error
        if message["type"] == "http.disconnect":
            raise RefusedError(400, texts.BAD_REQUEST)
        body += message.get("body", b"")
        if len(body) > most_bytes:
            return None
        if not message.get("more_body"):
            return bytes(body)


def bounded_json(body: bytes) -> object:
    """Parse JSON; refuses invalid text, deep nesting and numbers that are not finite."""
    try:
        content = json.loads(body, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, texts.BAD_REQUEST) from error
    level = [content]
    for _ in range(DEEPEST_JSON):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return content
    raise RefusedError(400, texts.BAD_REQUEST)


def _finite(text: str) -> float:
    """Refuse NaN and infinity: answers that repeat them are not valid JSON."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _inside(value: object) -> list:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def replay(body: bytes, receive: Receive) -> Receive:
    """Create a receive function that replays a body and then continues."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def announced_bytes(headers: Headers) -> int:
    """Announced length of a request; 0 if unknown."""
    try:
        return max(0, int(headers.get("content-length", "0") or 0))
    except ValueError as error:
        raise RefusedError(400, texts.BAD_REQUEST) from error


def names_a_file(value: object) -> bool:
    """Whether a request contains anything that Gradio would treat as a file."""
    if isinstance(value, dict):
        return "path" in value or "url" in value or any(map(names_a_file, value.values()))
    return isinstance(value, list) and any(map(names_a_file, value))
