"""Escape text for HTML in Gradio's templates."""

from __future__ import annotations

import html


def escape(text: object) -> str:
    """Escape HTML, and the characters that Gradio's templates interpret."""
    plain = html.escape(str(text))
    for sign in "{}$`\\":
        plain = plain.replace(sign, f"&#{ord(sign)};")
    return plain
