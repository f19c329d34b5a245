"""The section of the validation report on ICV of real heads, from its own results file."""

from __future__ import annotations

import json
from pathlib import Path

from .report_tables import table

RESULTS = Path("validation") / "icv_real_heads.json"
PAGE = "VALIDATION.md"
TITLE = "## ICV on real heads, without a truth"
# The marks: change of ICV by cropping, and spread of the folds.
LARGEST_CHANGE_PERCENT, LARGEST_SD_PERCENT = 0.5, 1.3


def read_figures(docs: Path) -> dict[str, dict]:
    """Figures by scan, as `icv_cropping.measure` gives them; none where nothing was measured."""
    path = docs / RESULTS
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def keep_figures(docs: Path, figures: dict[str, dict]) -> None:
    """Write figures beside those of other scans, and the report's section anew."""
    known = {**read_figures(docs), **figures}
    path = docs / RESULTS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n", encoding="utf-8")
    page = docs / PAGE
    if page.is_file():
        page.write_text(with_section(page.read_text(encoding="utf-8"), known), encoding="utf-8")


def with_section(page: str, figures: dict[str, dict]) -> str:
    """A report with this section in its old place, or at the end; the rest as it was."""
    if not figures:
        return page
    before, found, after = page.partition(TITLE + "\n")
    _, next_title, rest = after.partition("\n## ")
    written = "\n".join(section(figures)) + "\n"
    if not found:
        return page.rstrip("\n") + "\n\n" + written
    return before + written + (next_title + rest if next_title else "")


def section(figures: dict[str, dict]) -> list[str]:
    """Lines in Markdown: how many heads reach the marks, and a table of all."""
    steady = sum(
        abs(f["largest_change_percent"]) <= LARGEST_CHANGE_PERCENT for f in figures.values()
    )
    agreed = sum(f["fold_sd_percent"] <= LARGEST_SD_PERCENT for f in figures.values())
    body = []
    for name, f in figures.items():
        where = max(f["change_percent"], key=lambda crop: abs(f["change_percent"][crop]))
        body.append(
            [
                name,
                f"{f['icv_ml']:.0f}",
                f"{f['fold_sd_percent']:.2f}",
                f"{f['below_foramen_magnum_ml']:.1f}",
                f"{f['noise_share']:.3f}",
                f"{f['air_brightness']:.3f}",
                f"{f['sinus_brightness']:.2f}",
                f"{f['largest_change_percent']:+.2f} ({where})",
            ]
        )
    header = ["scan", "ICV mL", "fold SD %", "below foramen magnum mL"]
    header += ["noise", "air", "sinus", "largest change by cropping %"]
    return [
        TITLE,
        "",
        "Public scans of whole heads that nobody has labeled (`python -m Training.icv_cropping "
        "SCAN … --docs Docs`; ../shared/data/README.md names them). Parts that are not "
        "intracranial are cut away: the neck up to 6 mm below the mask, the face, the front, the "
        "sides, the air above, all at once.",
        "",
        f"ICV changes by at most {LARGEST_CHANGE_PERCENT} % in {steady} of {len(figures)}; the "
        f"five networks' SD is at most {LARGEST_SD_PERCENT} % in {agreed} of {len(figures)}. "
        "Noise, air and sinus are what the flags `noisy` and `contrast_enhanced` go by.",
        "",
        *table(header, body),
    ]
