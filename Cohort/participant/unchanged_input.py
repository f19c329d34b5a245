"""A cheap check that an input has not changed, without reading thousands of files."""

from __future__ import annotations

from pathlib import Path

# Files that hold the voxels of a detached header.
DETACHED_HEADERS = (".nhdr", ".mhd")


def signature_of(path: Path) -> str:
    """Size and modification time of a file, or of all files of a folder; "" if it is missing.

    For a detached header the whole folder counts, since the voxels are in another file there.
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
