"""What a cohort costs: overhead a subject as it grows, and real throughput against workers.

    python -m Testing.bench.cohort [--subjects 100,1000,10000] [--scans 8]

The first table has a stubbed engine (Testing/support/cohort_stub.py) behind the real index,
executor and files; the second runs the real engine on copies of one whole head. Nothing is
asserted.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from HypothalamusSegLib.machine.processes import processor_name
from HypothalamusSegLib.options import Options
from HypothalamusSegLib.progress import reporter

from Cohort.index.cohort_index import INDEX_NAME
from Cohort.index.results_table import read_results
from Cohort.participant.executors import LocalWorkers
from Cohort.participant.progress_line import LOG_NAME, CohortProgress
from Cohort.participant.run import CohortPlan, run_participant_level
from Cohort.participant.scan_list import CohortScan, find_scans
from Cohort.participant.worker_plan import available_cores
from Testing.bench.engine import prepare_input
from Testing.support.cohort_stub import run_stub, write_cohort

SUBJECTS = (100, 1_000, 10_000)


def measure_overhead(count: int, folder: Path) -> str:
    """Find, run, run again and read the results of some subjects with a stubbed engine."""
    data, output = folder / f"data{count}", folder / f"out{count}"
    scans = write_cohort(data, {f"{n:05d}": "fine" for n in range(count)})
    seconds = {}
    started = time.monotonic()
    find_scans(data)
    seconds["find"] = time.monotonic() - started
    for name in ("run", "again"):
        started = time.monotonic()
        run_stub(scans, data, output, LocalWorkers(2))
        seconds[name] = time.monotonic() - started
    started = time.monotonic()
    read_results(output)
    seconds["table"] = time.monotonic() - started
    size_kb = (output / INDEX_NAME).stat().st_size / 1024 / count
    shutil.rmtree(data)
    shutil.rmtree(output)
    each = "".join(f"{1000 * value / count:12.2f}" for value in seconds.values())
    return f"{count:10d}{each}{size_kb:12.2f}"


def measure_throughput(workers: int, threads: int, scan: Path, count: int, folder: Path) -> str:
    """Segment copies of one scan with the real engine."""
    output = folder / f"real{workers}x{threads}"
    output.mkdir()
    copies = []
    for number in range(count):
        path = folder / f"{number:03d}_{scan.name}"
        if not path.exists():
            path.symlink_to(scan)
        copies.append(CohortScan(f"sub-{number:03d}", f"{number:03d}", "", path))
    options = Options(device="cpu", threads=threads)
    plan = CohortPlan(tuple(copies), folder, output, options, LocalWorkers(workers))
    started = time.monotonic()
    run_participant_level(
        plan, lambda total: CohortProgress(reporter("none"), output / LOG_NAME, total)
    )
    seconds = time.monotonic() - started
    return f"{workers:8d}{threads:9d}{seconds:10.1f}{3600 * count / seconds:14.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m Testing.bench.cohort", description=__doc__)
    parser.add_argument("--subjects", default=",".join(map(str, SUBJECTS)))
    parser.add_argument("--scans", type=int, default=8)
    options = parser.parse_args()
    cores = available_cores()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{processor_name()}, {cores} processors\n")
        print("Stubbed engine, 2 workers: milliseconds a subject, and kB of index a subject")
        titles = ("subjects", "find scans", "first run", "run again", "read table", "index kB")
        print(f"{titles[0]:>10}" + "".join(f"{title:>12}" for title in titles[1:]))
        for count in map(int, options.subjects.split(",")):
            print(measure_overhead(count, folder), flush=True)
        scan = prepare_input(None, folder)
        print(f"\nReal engine, {options.scans} heads, start of the workers included")
        print(f"{'workers':>8}{'threads':>9}{'seconds':>10}{'heads an hour':>14}")
        for workers, threads in sorted({(1, 1), (1, cores), (cores, 1)}):
            print(measure_throughput(workers, threads, scan, options.scans, folder), flush=True)


if __name__ == "__main__":
    main()
