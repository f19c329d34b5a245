"""Linux Landlock: restrict a process to some files, without network, permanently.

No program and no library is needed, only three system calls (Linux 5.13 and newer). See
https://docs.kernel.org/userspace-api/landlock.html for the numbers and structures.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
ASK_VERSION, PATH_BENEATH, NO_NEW_PRIVILEGES = 1, 1, 38
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = (1 << bit for bit in range(4))
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REGULAR = (1 << bit for bit in (4, 5, 7, 8))
# Since later versions: moving between folders, truncating files.
REFER, TRUNCATE = 1 << 13, 1 << 14
READ = EXECUTE | READ_FILE | READ_DIR
WRITE = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REGULAR | REFER | TRUNCATE
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
TCP = 0b11
UNIX_SOCKETS_AND_SIGNALS = 0b11
NETWORK_SINCE, SCOPES_SINCE = 4, 6


class LandlockMissingError(OSError):
    """The system has no Landlock, or the process has threads already."""


def restrict(readable: Iterable[Path], writable: Iterable[Path]) -> int:
    """Restrict this process and its children to some files, without network.

    Parameters
    ----------
    readable, writable : iterable of Path
        Files, and folders with their content; missing ones are skipped.

    Returns
    -------
    int
        Landlock's version; from 4 on, TCP is blocked, too.

    Raises
    ------
    LandlockMissingError
        Nothing is restricted.
    """
    version = _version()
    rights = WRITE | _makers()
    if version < 3:
        rights &= ~TRUNCATE
    if version < 2:
        rights &= ~REFER
    words = [rights, TCP, UNIX_SOCKETS_AND_SIGNALS]
    count = 1 + (version >= NETWORK_SINCE) + (version >= SCOPES_SINCE)
    attributes = (ctypes.c_uint64 * count)(*words[:count])
    ruleset = _call(CREATE_RULESET, ctypes.byref(attributes), ctypes.sizeof(attributes), 0)
    try:
        for path in readable:
            _allow(ruleset, path, READ & rights)
        for path in writable:
            _allow(ruleset, path, WRITE & rights)
        if _libc().prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0):
            raise LandlockMissingError(ctypes.get_errno(), "no_new_privs cannot be set")
        _call(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return version


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("rights", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        allowed = rights if path.is_dir() else rights & ON_FILES
        rule = _PathRule(allowed, opened)
        _call(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(opened)


def _makers() -> int:
    """Rights to create devices, sockets, pipes and links, which no worker gets."""
    return sum(1 << bit for bit in (6, 9, 10, 11, 12))


def _version() -> int:
    # Threads that are already running would not be restricted.
    if sys.platform != "linux" or len(os.listdir("/proc/self/task")) > 1:
        raise LandlockMissingError("not Linux, or threads were already running")
    return _call(CREATE_RULESET, None, 0, ASK_VERSION)


def _call(number: int, *arguments: object) -> int:
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = _libc().syscall(ctypes.c_long(number), *words)
    if result < 0:
        code = ctypes.get_errno()
        raise LandlockMissingError(code, os.strerror(code))
    return result


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
