"""Unique identifiers that are always the same for the same thing.

Examples
--------
>>> named_uid("a device")
'2.25.133371232935793632196166395626366983536'
"""

from __future__ import annotations

import uuid


def named_uid(*words: str) -> str:
    """Derive an identifier below 2.25 (UUIDs, PS3.5 B.2) from words."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, '/'.join(words)).int}"
