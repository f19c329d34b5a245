"""Reasons to refuse an upload, in addition to errors of the engine."""

from __future__ import annotations

from HypothalamusSegLib.errors import HypothalamusSegError


class UploadRefusedError(HypothalamusSegError):
    """The upload is not accepted; the message says why and what to do."""

    code = "upload_refused"


class UploadTooLargeError(HypothalamusSegError):
    """The file, its unpacked size or its declared size is over the limit."""

    code = "upload_too_large"
