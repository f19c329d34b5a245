"""Quality flags as HTML, the worst first."""

from __future__ import annotations

from HypothalamusSegLib.flags import FLAG_TITLES, SEVERITIES, severity_of
from HypothalamusSegLib.results.report_contents import agreement

from . import texts
from .html_text import escape


def sorted_flags(result: dict) -> list[dict]:
    """A result's flags, the worst first."""
    return sorted(
        result["quality"]["flags"], key=lambda f: SEVERITIES.index(severity_of(f["code"]))
    )


def symbol(severity: str = "", flag: dict | None = None, spoken: bool = True) -> str:
    """The symbol of a severity, or of a flag, with its meaning for screen readers."""
    severity = severity_of(flag["code"]) if flag else severity
    meaning = texts.SEVERITY_NAMES.get(severity, "")
    sign = (
        f"<b class='{severity}' title='{meaning}' aria-hidden='true'>{texts.SYMBOLS[severity]}</b>"
    )
    return f"{sign}<span class='unseen'>{meaning}: </span>" if spoken and meaning else sign


def verdict(result: dict) -> str:
    """The worst flag and its message, shown above the numbers."""
    flags = sorted_flags(result)
    if not flags:
        return f"<p class='verdict good'>{symbol('good')} {texts.NO_FLAG}</p>"
    worst = flags[0]
    title = escape(FLAG_TITLES.get(worst["code"], worst["code"]))
    others = len(flags) - 1
    more = f" <a href='#flags'>{texts.more_flags(others)}</a>" if others else ""
    return (
        f"<p class='verdict {severity_of(worst['code'])}'>{symbol(flag=worst)} <b>{title}.</b> "
        f"{escape(worst['message'])}{more}</p>"
    )


def flag_list(result: dict) -> str:
    """Agreement of the networks, and the remaining flags."""
    lines = [f"<li>{escape(agreement(result['quality']))}</li>"]
    lines += [f"<li>{flag_words(flag)}</li>" for flag in sorted_flags(result)[1:]]
    return f"<ul class='flags'>{''.join(lines)}</ul>"


def flag_words(flag: dict) -> str:
    """Symbol, message and code of a flag."""
    return (
        f"{symbol(flag=flag)} {escape(flag['message'])} "
        f"<span class='quiet'>({escape(flag['code'])})</span>"
    )
