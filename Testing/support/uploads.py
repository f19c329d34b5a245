"""What visitors send: zip archives, and the words with which the check refuses a file."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from Web.upload_checks import UploadRefusedError, check_upload

MOST_BYTES = 64 << 20


def refusal(
    path: Path, error: type[Exception] = UploadRefusedError, most_bytes: int = MOST_BYTES
) -> str:
    """The message with which a file is refused."""
    with pytest.raises(error) as raised:
        check_upload(path, most_bytes)
    return str(raised.value)


def archive(path: Path, entries: dict[str, bytes], **kinds: int) -> Path:
    """A zip whose entries have chosen names and, by ``kinds``, Unix modes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = kinds.get(name, 0o100600) << 16
            opened.writestr(info, data)
    return path
