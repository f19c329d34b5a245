"""The part of the validation report on the intracranial volume."""

from __future__ import annotations

import numpy as np

from .report_tables import spread, table

ICV_SETS = (
    ("test heads (rendered), mean of the folds", "test_icv"),
    ("heads (rendered), cross-validation, each fold alone", "validation_icv"),
    ("test scans with a mask, mean of the folds", "test_icv_scans"),
    ("scans with a mask, cross-validation, each fold alone", "validation_icv_scans"),
)


def icv_section(results: dict) -> str:
    """Scores on label heads and on masks of scans, by set and image by image."""
    lines = ["## Intracranial volume", ""]
    body = []
    for name, key in ICV_SETS:
        rows = results[key]
        if not rows:
            continue
        signed = np.array([row["volume_percent"] for row in rows])
        dice = np.array([row["dice"] for row in rows])
        heads = {row["head"] for row in rows}
        body.append(
            [
                name,
                f"{len(heads)} ({len(rows)} images)",
                f"{dice.mean():.4f}",
                f"{dice.min():.4f}",
                f"{signed.mean():+.2f}",
                f"{abs(signed).mean():.2f} ± {spread(abs(signed))}",
            ]
        )
    lines += table(["set", "heads", "Dice", "worst", "signed volume %", "absolute volume %"], body)
    images = [row for _, key in ICV_SETS for row in results[key]]
    if images:
        folds = "Test images: all folds. Other images: only the fold that has not seen that head."
        lines += ["", "### Image by image", "", folds, ""]
        body = [
            [
                row["image"],
                str(row.get("fold", "all")),
                f"{row['dice']:.4f}",
                f"{row['label_ml']:.0f}",
                f"{row['volume_ml']:.0f}",
                f"{row['volume_percent']:+.2f}",
            ]
            for row in images
        ]
        lines += table(["image", "folds", "Dice", "true mL", "measured mL", "volume %"], body)
    return "\n".join([*lines, ""])
