"""The folder in which a server keeps all its files, and cleanup after killed servers."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

from HypothalamusSegLib.machine.processes import may_be_alive

PREFIX = "hypothalamus-seg-web-"
LOCK_NAME = ".lock"


def own_folder() -> tuple[Path, IO[bytes]]:
    """Create the private folder of this server, and a lock that marks it as running."""
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    return folder, open_locked(folder / LOCK_NAME)


def remove_leftovers() -> None:
    """Remove the folders of servers that were killed.

    A running server holds a lock on its folder. Its process may be invisible here, for example in
    another container that shares the temporary folder.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            is_own = not hasattr(os, "getuid") or folder.lstat().st_uid == os.getuid()
            process = int(folder.name.removeprefix(PREFIX).split("-")[0])
            if is_own and not folder.is_symlink() and not may_be_alive(process):
                with open_locked(folder / LOCK_NAME):
                    shutil.rmtree(folder, ignore_errors=True)
        except (ValueError, OSError):  # held by another server, or not a server's
            continue


def open_locked(path: Path) -> IO[bytes]:
    """Open a file and lock it for this process; BlockingIOError if another one holds it."""
    stream = path.open("ab")
    try:
        import fcntl

        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:  # Windows has no such locks
        pass
    except OSError:
        stream.close()
        raise
    return stream
