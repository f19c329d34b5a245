"""Reference numbers that link an error message to the server log."""

from __future__ import annotations

import secrets


def new_reference() -> str:
    """Create eight characters that are easy to read out."""
    return secrets.token_hex(4)
