"""Codes under which raters see scans in a blinded review.

Examples
--------
>>> code_of({"scan": "sub-01", "input_sha256": "ab"})
'scan-fbafd2d386d9'
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

CODE_PREFIX, CODE_DIGITS = "scan-", 12


def code_of(scan: Mapping[str, object]) -> str:
    """The code of a scan, from its name and the checksum of its image.

    Parameters
    ----------
    scan : mapping
        ``scan`` and perhaps ``input_sha256``.
    """
    text = f"{scan.get('input_sha256') or ''}\n{scan['scan']}"
    return CODE_PREFIX + hashlib.sha256(text.encode()).hexdigest()[:CODE_DIGITS]
