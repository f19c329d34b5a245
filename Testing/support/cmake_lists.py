"""As much of CMake as the extension's own CMakeLists.txt use: commands, lists and variables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

COMMENT = re.compile(r'("[^"]*")|#[^\n]*')
COMMAND = re.compile(r'(\w+)\s*\(((?:"[^"]*"|[^()"])*)\)')
ARGUMENT = re.compile(r'"([^"]*)"|([^\s"]+)')
REFERENCE = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Command:
    """One call with its arguments, variables expanded."""

    name: str
    arguments: tuple[str, ...]


def read_commands(path: Path) -> list[Command]:
    """The commands of a file in order; what ``set`` sets is expanded in what follows.

    A variable that is not known is left as it is.
    """
    text = COMMENT.sub(lambda match: match[1] or "", path.read_text(encoding="utf-8"))
    known = {"CMAKE_CURRENT_SOURCE_DIR": str(path.parent)}
    commands = []
    for name, inside in COMMAND.findall(text):
        arguments = tuple(_expanded(inside, known))
        if name.lower() == "set":
            known[arguments[0]] = ";".join(arguments[1:])
        commands.append(Command(name.lower(), arguments))
    return commands


def read_variables(path: Path) -> dict[str, str]:
    """What ``set`` sets in a file."""
    commands = read_commands(path)
    return {c.arguments[0]: ";".join(c.arguments[1:]) for c in commands if c.name == "set"}


def _expanded(inside: str, known: Mapping[str, str]) -> Iterable[str]:
    for match in ARGUMENT.finditer(inside):
        quoted, bare = match.groups()
        text = REFERENCE.sub(
            lambda reference: known.get(reference[1], reference[0]), quoted or bare or ""
        )
        if bare is None:
            yield text
        else:
            yield from filter(None, text.split(";"))
