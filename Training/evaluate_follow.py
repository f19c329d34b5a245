"""Measure known changes between simulated visits, and keep the smallest real change.

    python -m Training.evaluate_follow --scans FOLDER [--weights weights] [--docs Docs]
        [--count 8] [--anew] [--minutes M] [--threads N]

Takes test scans, never trained on. Can be stopped and goes on. Figures are in
Docs/validation/follow.json, in a section of Docs/VALIDATION.md, and under ``follow`` in the
manifest of the weights, from which `hypothalamus-seg follow` reads what it calls real.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from HypothalamusSegLib.longitudinal.repeatability import MANIFEST_KEY
from HypothalamusSegLib.networks import weight_files
from HypothalamusSegLib.options import Options
from HypothalamusSegLib.pipeline import Segmenter

from .dataset import LabelledScan, find_scans
from .follow_evaluation import measure_followed_changes
from .follow_report import FOLLOW, TOTAL, rows_of, smallest_changes_percent
from .splits import TEST

STABLE_VIEW_DICE = 0.90


def scans_to_follow(folder: Path, weights: Path, count: int) -> list[LabelledScan]:
    """Test scans with a stable label, scanners in turn."""
    manifest = json.loads((weights / weight_files.MANIFEST_NAME).read_text(encoding="utf-8"))
    parts = manifest["split"]["scans"]
    scans = [
        scan
        for scan in find_scans(folder)
        if parts.get(scan.subject) == TEST
        and (scan.soft_subunits or scan.hard_subunits)
        and (scan.label_stability or 1.0) >= STABLE_VIEW_DICE
    ]
    scanners = sorted({scan.scanner for scan in scans})
    by_scanner = [[scan for scan in scans if scan.scanner == name] for name in scanners]
    in_turn = [
        row[index]
        for index in range(max(map(len, by_scanner), default=0))
        for row in by_scanner
        if index < len(row)
    ]
    return in_turn[:count]


def write_limits(weights: Path, figures: dict[str, dict]) -> None:
    """Keep the smallest real changes in the manifest; absent where there are too few pairs."""
    path = weights / weight_files.MANIFEST_NAME
    manifest = json.loads(path.read_text(encoding="utf-8"))
    rows = rows_of(figures)
    manifest[MANIFEST_KEY] = {
        "same_voxels_percent": smallest_changes_percent(rows, False),
        "other_voxels_percent": smallest_changes_percent(rows, True),
        "pairs": len(rows),
        "scans": len(figures),
    }
    text = json.dumps(manifest, indent=1, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m Training.evaluate_follow", description=__doc__)
    parser.add_argument("--scans", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=weight_files.default_weights_folder())
    parser.add_argument("--docs", type=Path, default=Path("Docs"))
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument(
        "--anew", action="store_true", help="forget earlier figures, which are of other weights"
    )
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--threads", type=int)
    options = parser.parse_args(arguments)
    engine = Options(structures=("hypothalamus",), device="cpu", threads=options.threads)
    segmenter = Segmenter(engine, options.weights)
    if options.anew:
        (options.docs / "validation" / FOLLOW.file_name).unlink(missing_ok=True)
    figures = FOLLOW.read(options.docs)

    def keep(scan: str, case: str, row: dict) -> None:
        figures.setdefault(scan, {})[case] = row
        FOLLOW.keep(options.docs, figures)
        shown = {way: round(100 * row[way][TOTAL], 2) for way in ("true", "single", "follow")}
        print(scan, case, shown, flush=True)

    scans = scans_to_follow(options.scans, options.weights, options.count)
    measure_followed_changes(segmenter, scans, figures, keep, seconds=60 * options.minutes)
    if figures:
        # Drawn anew even if all pairs were measured before: the words may have changed.
        FOLLOW.keep(options.docs, figures)
    write_limits(options.weights, figures)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
