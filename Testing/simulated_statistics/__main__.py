"""Print the tables of Docs/COHORT.md.

python -m Testing.simulated_statistics [--only WORDS] [--cohorts N] [--processes N]

Ends with 1 if a rate lies outside its bounds by more than its own 95 % limits.
"""

from __future__ import annotations

import argparse
import math
import sys

from Cohort.participant.worker_plan import available_cores

from . import change_power, cross_sectional, longitudinal
from .scenario import Rate, Scenario

SCENARIOS = (*cross_sectional.SCENARIOS, *longitudinal.SCENARIOS, *change_power.SCENARIOS)
HEADER = ("scenario", "cohort", "before", "now", "should be")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m Testing.simulated_statistics", description=__doc__
    )
    parser.add_argument("--only", default="", help="scenarios with these words in their name")
    parser.add_argument("--cohorts", type=int, help="cohorts a scenario; default: its own number")
    parser.add_argument(
        "--processes", type=int, default=available_cores(), help="default: one a processor"
    )
    parser.add_argument("--list", action="store_true", help="print the scenarios' names")
    parsed = parser.parse_args()
    chosen = [scenario for scenario in SCENARIOS if parsed.only in scenario.name]
    if parsed.list:
        print("\n".join(scenario.name for scenario in chosen))
        return 0
    print(f"| {' | '.join(HEADER)} |\n{'|---' * len(HEADER)}|")
    kept = [_print(s, parsed.cohorts or s.cohorts, parsed.processes) for s in chosen]
    if parsed.only in cross_sectional.ADJUSTMENTS_NAME:
        print()
        cross_sectional.print_adjustments(parsed.cohorts or cross_sectional.ADJUSTMENTS_COHORTS)
    return 0 if all(kept) else 1


def _print(scenario: Scenario, cohorts: int, processes: int) -> bool:
    kept = True
    for rate in scenario.run(cohorts, processes):
        kept &= rate.is_kept
        low, high = rate.bounds_percent
        cells = [scenario.name, f"{rate.what} (n = {rate.cohorts})", _percent(rate.before_percent)]
        cells += [_told(rate), f"{low:.0f}–{high:.0f} %"]
        print(f"| {' | '.join(cells)} |", flush=True)
    return kept


def _told(rate: Rate) -> str:
    return _percent(rate.percent) + ("" if rate.is_kept else " (!)")


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.1f} %"


if __name__ == "__main__":
    sys.exit(main())
