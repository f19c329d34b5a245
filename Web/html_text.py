"""Text for HTML inside of Gradio's templates."""

from __future__ import annotations

import html


def escaped(text: object) -> str:
    """Escape also the braces and dollars that mean something to Gradio's templates."""
    plain = html.escape(str(text))
    for sign in "{}$`\\":
        plain = plain.replace(sign, f"&#{ord(sign)};")
    return plain
