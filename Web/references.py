"""Numbers by which a user's plain message is found again in the server's log."""

from __future__ import annotations

import secrets


def new_reference() -> str:
    """Eight signs that are easy to read out."""
    return secrets.token_hex(4)
