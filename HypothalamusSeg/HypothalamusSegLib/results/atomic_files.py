"""Write files so that each is complete under its final name, or is not there at all.

Files are first written to a hidden folder beside their destination and then moved into place, each
by one atomic rename.

Examples
--------
>>> import tempfile
>>> output = Path(tempfile.mkdtemp())
>>> with atomic_files(output) as stage:
...     _ = (stage / "volumes.csv").write_text("structure")
...     # Not in its place yet.
...     [path.name for path in output.glob("*.csv")]
[]
>>> [path.name for path in output.iterdir()]
['volumes.csv']
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import NoSpaceLeftError, PermissionDeniedError

STAGE_PREFIX = ".hypothalamus-seg-"


@contextmanager
def atomic_files(folder: Path, stage: Path | None = None) -> Iterator[Path]:
    """Create a hidden folder; on success its files move to the same places below ``folder``.

    Otherwise all of them are removed. JSON files move last, because they describe the others.

    Parameters
    ----------
    folder : Path
        Created if it does not exist.
    stage : Path or None
        The hidden folder, on the same disk as ``folder``; emptied first. None: a new one in
        ``folder``.

    Yields
    ------
    Path
        The hidden folder.

    Raises
    ------
    PermissionDeniedError
        If the folder cannot be created or written to.
    NoSpaceLeftError
        If the disk is full.
    """
    # Named before it is created, so that it is removed whenever the run is canceled.
    stage = stage or folder / f"{STAGE_PREFIX}{secrets.token_hex(8)}"
    try:
        shutil.rmtree(stage, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        stage.parent.mkdir(parents=True, exist_ok=True)
        stage.mkdir(mode=0o700)
        yield stage
        files = files_below(stage)
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
        for file in sorted(files, key=lambda file: file.suffix == ".json"):
            os.replace(stage / file, folder / file)
    except OSError as error:
        raise as_write_error(error, folder) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def files_below(folder: Path) -> list[Path]:
    """List all files in a folder and its subfolders, relative to it and sorted."""
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def as_write_error(error: OSError, folder: Path) -> NoSpaceLeftError | PermissionDeniedError:
    """Convert an OSError while writing to one of our errors."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpaceLeftError(
            f"No space left to write to {folder}. Free some space and run again."
        )
    reason = error.strerror or str(error)
    return PermissionDeniedError(f"Cannot write to {folder}: {reason}. Choose another folder.")
