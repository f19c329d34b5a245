"""The part of the validation report on how volumes follow the anatomy."""

from __future__ import annotations

import numpy as np

from .change_evaluation import agreement_of_volumes, other_side_share, share_of_change
from .dataset import STABLE_VIEW_DICE
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
        f"Known changes were planted in {len(subjects)} test scans "
        "(`Training/planted_scans.py`) by a smooth deformation of the scan. The true change is the "
        "integral of the Jacobian over the label. **Zoom**: everything within 12 mm is zoomed, "
        "fading out to 30 mm. **Against fluid**: the hypothalamus changes, and the ventricle and "
        "cisterns fill the difference. A share of 1 means that a change of 10 % is measured as "
        "10 %. These are simulations: they show how much of a smooth change is measured, not "
        "what happens in a disease.",
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
        known = [row for row in stable if row["stability"] is not None]
        for steady, sign in ((True, "from"), (False, "below")):
            groups[f"teacher's view Dice {sign} {STABLE_VIEW_DICE:.2f}"] = [
                row for row in known if (row["stability"] >= STABLE_VIEW_DICE) == steady
            ]
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
        "## Measured volumes against label volumes",
        "",
        "Scans with a stable label, one volume each. If the slope and the ratio of standard "
        "deviations are below 1, differences between people are measured too small. The labels "
        "themselves are drawn toward the mean by the teacher. The last column shows how far off "
        "a single volume may be; it combines the errors of the measured volume and of the label. "
        "Where the teacher agrees better with itself, the label's part is smaller.",
        "",
        *table(
            ["scans", "n", "slope", "SD ratio", "r", "mean error %", "SD of single errors %"], body
        ),
    ]
    return "\n".join([*lines, ""])
