"""The part of the validation report on how volumes follow the anatomy."""

from __future__ import annotations

import numpy as np

from .change_evaluation import agreement_of_volumes, other_side_share, share_of_change
from .report_tables import is_unstable, table

KINDS = (
    ("zoom", "surroundings zoomed"),
    ("atrophy", "both sides, against fluid"),
    ("left", "left side alone, against fluid"),
    ("right", "right side alone, against fluid"),
)


def planted_section(results: dict) -> str:
    """Share of planted changes; nothing where none were planted."""
    rows = results.get("planted") or []
    if not rows:
        return ""
    subjects = sorted({row["subject"] for row in rows})
    lines = [
        "## Share of a known change",
        "",
        f"Changes with a known truth, planted in {len(subjects)} test scans "
        "(`Training/planted_scans.py`): a smooth deformation of the scan, its truth the Jacobian's "
        "integral over the label. **Zoom**: all within 12 mm is zoomed, fading out to 30 mm. "
        "**Against fluid**: the hypothalamus changes, ventricle and cisterns take it up. A share "
        "of 1 means that a change of 10 % is reported as 10 %. These are simulations: they show "
        "what is read of a smooth change, not what a disease does.",
        "",
    ]
    body = []
    planted_kinds = {row["kind"] for row in rows}
    for kind, name in KINDS:
        if kind not in planted_kinds:
            continue
        own = {s: [r for r in rows if (r["subject"], r["kind"]) == (s, kind)] for s in subjects}
        per_subject = [share_of_change(found, kind) for found in own.values() if found]
        spread = f" ± {np.std(per_subject, ddof=1):.2f}" if len(per_subject) > 1 else ""
        other = f"{100 * other_side_share(rows, kind):+.1f}" if kind in ("left", "right") else "–"
        sizes = sorted({row["change"] for row in rows if row["kind"] == kind})
        body.append(
            [
                name,
                f"{100 * sizes[0]:+.0f} … {100 * sizes[-1]:+.0f}"
                if len(sizes) > 1
                else f"{100 * sizes[0]:+.0f}",
                f"{share_of_change(rows, kind):.3f}",
                f"{np.mean(per_subject):.3f}{spread}",
                f"{min(per_subject):.2f} – {max(per_subject):.2f}",
                other,
            ]
        )
    lines += table(
        ["change", "size %", "share", "mean ± SD of scans", "range", "other side, % of the change"],
        body,
    )
    return "\n".join([*lines, ""])


def volumes_section(results: dict) -> str:
    """Slope, spread and single-scan error of found against label volumes."""
    body = []
    for name, key in (
        ("test split, mean of the folds", "test_hypothalamus"),
        ("cross-validation, each fold alone", "validation_hypothalamus"),
    ):
        stable = [row for row in results[key] if not is_unstable(row)]
        groups = {"all": stable}
        for scanner in sorted({results["scanner"][row["subject"]] for row in stable}):
            of_scanner = [row for row in stable if results["scanner"][row["subject"]] == scanner]
            groups[scanner] = of_scanner
        for group, rows in groups.items():
            if len(rows) < 3:
                continue
            found = agreement_of_volumes(rows)
            body.append(
                [
                    f"{name}: {group}",
                    str(len(rows)),
                    f"{found['slope']:.2f}",
                    f"{found['sd_ratio']:.2f}",
                    f"{found['correlation']:.2f}",
                    f"{found['bias_percent']:+.1f}",
                    f"{found['error_sd_percent']:.1f}",
                ]
            )
    if not body:
        return ""
    lines = [
        "## Found volumes against the labels'",
        "",
        "Scans with a stable label, one volume each. A slope and a ratio of standard deviations "
        "below 1 mean that differences between people are reported too small. The labels have the "
        "teacher's own pull to the mean in them. The last column is how far off one volume may be.",
        "",
        *table(
            ["scans", "n", "slope", "SD ratio", "r", "mean error %", "SD of single errors %"], body
        ),
    ]
    return "\n".join([*lines, ""])
