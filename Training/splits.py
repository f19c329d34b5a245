"""Which subject is trained on, validated on or kept for the final test."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping

FOLDS = 5
TEST = "test"
SPLIT_SEED = 20251122


def assign_parts(
    scanner_of: Mapping[str, str], test_share: float, seed: int = SPLIT_SEED
) -> dict[str, int | str]:
    """Give every subject a part: 0–4 (validated in that fold) or "test" (never trained on).

    The assignment is random with a fixed seed and stratified by scanner, so that each part and the
    test split hold every scanner with enough subjects. It looks at nothing but names and scanners.

    Parameters
    ----------
    scanner_of : mapping of subject to scanner
    test_share : float
        Share of each scanner's subjects that is kept for the test split (rounded).
    """
    by_scanner: dict[str, list[str]] = defaultdict(list)
    for subject, scanner in sorted(scanner_of.items()):
        by_scanner[scanner].append(subject)
    parts: dict[str, int | str] = {}
    next_part = 0
    for scanner, subjects in sorted(by_scanner.items()):
        random.Random(f"{seed} {scanner}").shuffle(subjects)
        test_count = round(test_share * len(subjects)) if len(subjects) > FOLDS else 0
        for index, subject in enumerate(subjects):
            if index < test_count:
                parts[subject] = TEST
            else:
                parts[subject] = next_part % FOLDS
                next_part += 1
    return dict(sorted(parts.items()))
