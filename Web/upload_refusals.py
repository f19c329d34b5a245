"""Why an upload is not taken, besides what the engine's own reading refuses."""

from __future__ import annotations

from HypothalamusSegLib.errors import HypothalamusSegError


class UploadRefusedError(HypothalamusSegError):
    """The upload is none that is taken here; the message says why and what to do."""

    code = "upload_refused"


class UploadTooLargeError(HypothalamusSegError):
    """Larger, unpacked or in its header, than what is taken here."""

    code = "upload_too_large"
