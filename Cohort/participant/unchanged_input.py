"""A cheap sign that an input has not changed, so that thousands need not be read to know it."""

from __future__ import annotations

from pathlib import Path

# Files that hold the voxels of a detached header.
DETACHED_HEADERS = (".nhdr", ".mhd")


def signature_of(path: Path) -> str:
    """Size and time of change of a file, or of all files of a folder; "" if it is not there.

    A detached header's folder is taken whole, since its voxels lie in another file of it.
    """
    folder = path.is_dir() or path.suffix.lower() in DETACHED_HEADERS
    files = sorted((path if path.is_dir() else path.parent).rglob("*")) if folder else [path]
    count, size, latest_ns = 0, 0, 0
    try:
        for file in files:
            status = file.stat()
            if not file.is_dir():
                count, size = count + 1, size + status.st_size
                latest_ns = max(latest_ns, status.st_mtime_ns)
    except OSError:
        return ""
    return f"{count}:{size}:{latest_ns}"
