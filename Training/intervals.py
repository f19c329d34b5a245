"""Compute prediction intervals for volumes and store them with the weights.

    python -m Training.intervals [--results Docs/validation/results.json] [--weights weights]

Split conformal prediction (Vovk et al. 2005; Lei et al. 2018) on the logarithm of volume: the score
of a scan is |log(found / label)| by the fold that was not trained on it. Of n scores, the one of
rank ⌈(n + 1) · 0.9⌉ is the half-width. If an unseen scan is exchangeable with these n, the interval
found · exp(± half-width) holds the label's volume with a probability of at least 0.9, whatever the
distribution of the errors. Too few scans for that rank (below 9): no interval.

What it does not promise:

- The label is the data set's. Where a teacher network made the labels, the interval says nothing of
  the distance to a rater.
- Another scanner or protocol is not exchangeable with these scans. An error that all of its scans
  share moves them out together: in the simulation of Testing/training/test_training_intervals.py a
  shift by 1.5 standard deviations leaves 56 % in an interval made for 90 %.
- Ninety percent are a mean over scans. Unusual heads are held less often, usual ones more.
- In cross-validation a fold works alone; what is shipped is the mean of all, whose errors are as a
  rule smaller. So the interval is wider than it needs to be.
- ICV scores come from generated images of label heads unless enough scans have a mask. Images of
  one head are not independent: a head counts once, with its worst image.

Where the folds disagree more than in nine of ten test scans, the engine widens the interval in
proportion (HypothalamusSegLib/measures/intervals.py). Widening alone never lowers the coverage. The
coverage that is reported is counted on the test split with this widening.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from HypothalamusSegLib.measures.intervals import COVERAGE, ICV, MANIFEST_KEY, VolumeInterval
from HypothalamusSegLib.networks.weight_files import MANIFEST_NAME
from HypothalamusSegLib.results.atomic_files import atomic_files
from HypothalamusSegLib.units import MM3_PER_ML

RESULTS, WEIGHTS = Path("Docs/validation/results.json"), Path("weights")
TOTAL = "hypothalamus_total"
FEWEST_SCANS = 9  # for a quantile of 0.9
SPREAD_SHARE = 0.9


class OtherWeightsError(Exception):
    """The results come from other weights than those that the intervals are for."""


@dataclass(frozen=True)
class Measured:
    """One structure of one image.

    Attributes
    ----------
    subject : str
        Of one subject, only one error counts.
    found_mm3, label_mm3 : float
    fold_sd_mm3 : float or None
    """

    subject: str
    found_mm3: float
    label_mm3: float
    fold_sd_mm3: float | None = None

    @property
    def error(self) -> float:
        """|log(found / label)|; infinite where nothing was found."""
        return abs(math.log(self.found_mm3 / self.label_mm3)) if self.found_mm3 > 0 else math.inf


def conformal_quantile(scores: Sequence[float], coverage: float = COVERAGE) -> float | None:
    """The value that a new exchangeable score stays below with at least this probability.

    The score of rank ⌈(n + 1) · coverage⌉; None if there are fewer, or if it is infinite.
    """
    # A hundredth of a thousandth less: 0.9 · 10 must not become 9.000000000000002.
    rank = math.ceil((len(scores) + 1) * coverage - 1e-5)
    if rank > len(scores):
        return None
    found = sorted(scores)[rank - 1]
    return found if math.isfinite(found) else None


def intervals_of(results: dict) -> dict:
    """Compute the intervals for the manifest.

    Parameters
    ----------
    results : dict
        As Training.evaluate writes them.

    Returns
    -------
    dict
        ``coverage``, and by structure: ``log_ratio`` (None: too few scans), ``usual_fold_spread``,
        ``n``, and ``test_covered`` of ``test_n`` test scans.
    """
    calibration = measured_structures(results, "validation")
    test = measured_structures(results, "test")
    structures = {}
    for structure, images in calibration.items():
        log_ratio = conformal_quantile(worst_of_each_subject(images))
        seen = test.get(structure, [])
        spread = _usual_spread(seen)
        entry = {
            "log_ratio": None if log_ratio is None else round(log_ratio, 5),
            "usual_fold_spread": None if spread is None else round(spread, 5),
            "n": len({image.subject for image in images}),
            "test_covered": None,
            "test_n": len(seen),
        }
        if log_ratio is not None and seen:
            interval = VolumeInterval(entry["log_ratio"], entry["usual_fold_spread"])
            entry["test_covered"] = sum(_holds(interval, image) for image in seen)
        structures[structure] = entry
    return {"coverage": COVERAGE, "structures": structures}


def measured_structures(results: dict, part: str) -> dict[str, list[Measured]]:
    """Volumes found and labeled of one part, "validation" or "test", by structure.

    Structures without a volume in a label (a subunit that the teacher did not see) are left out.
    """
    found: dict[str, list[Measured]] = defaultdict(list)
    for row in results[f"{part}_hypothalamus"]:
        # Rows of version 0.1.0 hold the total alone.
        total = {"found_mm3": row["volume_mm3"], "label_mm3": row["label_volume_mm3"]}
        for structure, volumes in (row.get("structures") or {TOTAL: total}).items():
            if volumes["label_mm3"] > 0:
                found[structure].append(Measured(row["subject"], **volumes))
    for row in _icv_rows(results, part):
        spread = row.get("fold_sd_ml")
        volumes = (row["volume_ml"], row["label_ml"], spread)
        in_mm3 = (value and MM3_PER_ML * value for value in volumes)
        found[ICV].append(Measured(row["head"], *in_mm3))
    return dict(found)


def _icv_rows(results: dict, part: str) -> list[dict]:
    """Scans with a mask where there are enough, else the generated images of label heads."""
    scans = results["validation_icv_scans"]
    return results[f"{part}_icv_scans" if len(scans) >= FEWEST_SCANS else f"{part}_icv"]


def worst_of_each_subject(images: Iterable[Measured]) -> list[float]:
    """The largest error of each subject."""
    worst: dict[str, float] = {}
    for image in images:
        worst[image.subject] = max(image.error, worst.get(image.subject, 0.0))
    return list(worst.values())


def _usual_spread(images: Iterable[Measured]) -> float | None:
    spreads = [
        image.fold_sd_mm3 / image.found_mm3
        for image in images
        if image.fold_sd_mm3 is not None and image.found_mm3 > 0
    ]
    return conformal_quantile(spreads, SPREAD_SHARE)


def _holds(interval: VolumeInterval, image: Measured) -> bool:
    limits = interval.around(image.found_mm3, image.fold_sd_mm3)
    return limits is not None and limits[0] <= image.label_mm3 <= limits[1]


def write_intervals(results: dict, weights: Path) -> dict:
    """Enter the intervals into the manifest of the weights that the results are of.

    Raises
    ------
    OtherWeightsError
        If a checksum differs.
    """
    path = weights / MANIFEST_NAME
    manifest = json.loads(path.read_text(encoding="utf-8"))
    if _checksums(results["manifest"]) != _checksums(manifest):
        raise OtherWeightsError(
            f"The results were measured with other weights than those in {weights}: run "
            "Training.evaluate again."
        )
    manifest[MANIFEST_KEY] = intervals_of(results)
    text = json.dumps(manifest, indent=1, allow_nan=False)
    with atomic_files(weights) as stage:
        (stage / MANIFEST_NAME).write_text(text + "\n", encoding="utf-8")
    return manifest[MANIFEST_KEY]


def _checksums(manifest: dict) -> dict[str, str]:
    return {
        fold["file"]: fold["sha256"]
        for plan in manifest["structures"].values()
        for fold in plan["folds"]
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m Training.intervals", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    options = parser.parse_args(arguments)
    results = json.loads(options.results.read_text(encoding="utf-8"))
    try:
        intervals = write_intervals(results, options.weights)
    except OtherWeightsError as error:
        print(error)
        return 1
    for structure, entry in intervals["structures"].items():
        print(f"{structure}: {_describe(entry)}")
    return 0


def _describe(entry: dict) -> str:
    if entry["log_ratio"] is None:
        return f"no interval from {entry['n']} scans"
    held = "" if entry["test_covered"] is None else f", holds {entry['test_covered']}"
    low, high = (100 * math.expm1(sign * entry["log_ratio"]) for sign in (-1, 1))
    return f"{low:+.1f} % to {high:+.1f} % from {entry['n']} scans{held} of {entry['test_n']} tests"


if __name__ == "__main__":
    raise SystemExit(main())
