"""Names of scans as BIDS allows them. Standard library only.

Examples
--------
>>> bids_label("Müller-7"), bids_label("患"), bids_label("--")
('Muller7', 'u60a3', '')
>>> scan_name("7", "2")
'sub-7_ses-2'
"""

from __future__ import annotations

from unicodedata import normalize


def scan_name(subject: str, session: str = "") -> str:
    """Name of a scan outside BIDS, from labels."""
    return f"sub-{subject}" + (f"_ses-{session}" if session else "")


def bids_label(words: str) -> str:
    """Letters and digits that BIDS allows in a label; empty if there are none."""
    return "".join(map(_in_ascii, normalize("NFC", words)))


def _in_ascii(character: str) -> str:
    """A letter or digit as BIDS allows it: ü is u, and what has no such form is its code point."""
    if not character.isalnum():
        return ""
    plain = "".join(c for c in normalize("NFKD", character) if c.isascii() and c.isalnum())
    return plain or f"u{ord(character):04x}"
