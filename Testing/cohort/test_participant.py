"""The participant level: resuming, failures, killed processes, two runs at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from HypothalamusSegLib.options import Options

from Cohort.index.cohort_index import CohortIndex
from Cohort.index.results_table import read_results
from Cohort.participant.dataset_files import STAGE_FOLDER
from Cohort.participant.executors import LocalWorkers
from Cohort.participant.progress_line import LOG_NAME
from Cohort.participant.task import fingerprint
from Cohort.participant.unchanged_input import signature_of
from Testing.support import cohort_stub_worker
from Testing.support.cohort_stub import run_stub, write_cohort
from Testing.support.cohort_stub_worker import FAIL, KILL, SLOW
from Testing.support.command_runs import REPOSITORY, environment

FINE = "fine"


def files_below(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_a_scan_that_fails_is_named_with_its_reason_and_stops_no_other(data, output):
    scans = write_cohort(data, {"1": FINE, "2": FAIL, "3": FINE})
    summary = run_stub(scans, data, output)
    assert sorted(summary.done) == ["sub-1", "sub-3"]
    assert "is damaged" in summary.failed["sub-2"]
    log = (output / LOG_NAME).read_text(encoding="utf-8").splitlines()
    assert len(log) == 3
    assert sum("corrupt_file" in line for line in log) == 1


def test_a_second_run_does_nothing_but_try_the_failed_ones_again(data, output):
    scans = write_cohort(data, {"1": FINE, "2": FAIL})
    run_stub(scans, data, output)
    result = output / "sub-1/anat/sub-1_volumes.json"
    written = result.stat().st_mtime_ns
    scans[1].path.write_text(f"{FINE} now", encoding="utf-8")
    summary = run_stub(scans, data, output)
    assert summary.unchanged == ["sub-1"]
    assert summary.done == ["sub-2"]
    assert result.stat().st_mtime_ns == written


def test_an_input_that_was_only_touched_is_not_segmented_again(data, output):
    scans = write_cohort(data, {"1": FINE})
    run_stub(scans, data, output)
    os.utime(scans[0].path, (1, 1))
    assert run_stub(scans, data, output).unchanged == ["sub-1"]
    # And from now on it is known by its new time, without being read.
    row = next(iter(CohortIndex(output).finished(fingerprint(Options())).values()))
    assert row["signature"] == signature_of(scans[0].path)


@pytest.mark.parametrize("change", ["input", "options", "files"])
def test_what_has_changed_is_segmented_again(data, output, change):
    scans = write_cohort(data, {"1": FINE, "2": FINE})
    run_stub(scans, data, output)
    options = Options()
    if change == "input":
        scans[0].path.write_text(f"{FINE} another scan", encoding="utf-8")
    elif change == "options":
        options = Options(folds=(0, 1))
    else:
        (output / "sub-1/anat/sub-1_volumes.json").unlink()
    summary = run_stub(scans, data, output, options=options)
    expected = ["sub-1", "sub-2"] if change == "options" else ["sub-1"]
    assert sorted(summary.done) == expected


def test_a_changed_input_with_the_old_size_and_time_is_found_by_its_checksum(data, output):
    scans = write_cohort(data, {"1": FINE})
    run_stub(scans, data, output)
    before = scans[0].path.stat()
    scans[0].path.write_text(scans[0].path.read_text(encoding="utf-8").replace("1", "9"))
    os.utime(scans[0].path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert run_stub(scans, data, output).unchanged == ["sub-1"]
    assert run_stub(scans, data, output, verify_checksums=True).done == ["sub-1"]


def test_threads_and_device_do_not_make_a_finished_cohort_begin_anew(data, output):
    scans = write_cohort(data, {"1": FINE})
    run_stub(scans, data, output, options=Options(threads=1, device="cpu"))
    again = run_stub(scans, data, output, options=Options(threads=4, device="cuda"))
    assert again.unchanged == ["sub-1"]


def test_a_scan_that_kills_its_worker_fails_alone(data, output):
    # With two workers, three are under way when one dies; the last has not begun.
    words = {"1": FINE, "2": KILL, "3": FINE, "4": FINE, "5": FINE}
    summary = run_stub(write_cohort(data, words), data, output, LocalWorkers(2))
    assert set(summary.failed) == {"sub-2"}
    assert "memory" in summary.failed["sub-2"]
    assert len(summary.done) == 4


def start(data: Path, output: Path, workers: int = 2) -> subprocess.Popen:
    command = [
        sys.executable,
        "-m",
        "Testing.support.cohort_stub_run",
        str(data),
        str(output),
        str(workers),
    ]
    variables = environment() | {"PYTHONPATH": f"{REPOSITORY}/HypothalamusSeg:{REPOSITORY}"}
    return subprocess.Popen(command, env=variables, cwd=REPOSITORY, stdout=subprocess.PIPE)


def wait_for_results(output: Path, count: int, process: subprocess.Popen) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        if len(list(output.glob("sub-*/anat/*_volumes.json"))) >= count:
            return
        time.sleep(0.02)
    raise AssertionError(f"no {count} results; exit code {process.poll()}")


def processes_of(data: Path) -> list[int]:
    """Processes that a test has started, and what those have started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "environ").read_bytes()
            running = (folder / "stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[
                0
            ] != "Z"
        except OSError:
            continue
        if f"COHORT_TEST={data}".encode() in words and running:
            found.append(int(folder.name))
    return found


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_killed_at_any_moment_it_loses_only_what_was_under_way(data, output, how, monkeypatch):
    monkeypatch.setenv("COHORT_TEST", str(data))
    scans = write_cohort(data, {f"{n:02d}": SLOW for n in range(8)})
    process = start(data, output)
    wait_for_results(output, 2, process)
    process.send_signal(how)
    process.wait(timeout=20)
    until = time.monotonic() + 20
    while processes_of(data) and time.monotonic() < until:
        time.sleep(0.05)
    assert not processes_of(data)
    monkeypatch.delenv("COHORT_TEST")
    finished = sorted(output.glob("sub-*/anat/*_volumes.json"))
    assert 2 <= len(finished) < len(scans)
    for path in finished:
        assert json.loads(path.read_text(encoding="utf-8"))["name"] == path.name.removesuffix(
            "_volumes.json"
        )
    monkeypatch.setattr(cohort_stub_worker, "SLOW_S", 0.0)
    summary = run_stub(scans, data, output)
    # Two were under way; their files may have been in place before the index knew of them.
    assert len(summary.unchanged) >= len(finished) - 2
    assert len(summary.done) + len(summary.unchanged) == len(scans)
    assert not (output / STAGE_FOLDER).exists() or not files_below(output / STAGE_FOLDER)


def test_two_runs_at_once_share_the_work_and_do_none_twice(data, output):
    scans = write_cohort(data, {f"{n:02d}": SLOW for n in range(10)})
    output.mkdir()
    runs = [start(data, output, 1) for _ in range(2)]
    summaries = [json.loads(run.communicate(timeout=90)[0]) for run in runs]
    done = [name for summary in summaries for name in summary["done"]]
    assert sorted(done) == sorted(scan.name for scan in scans)
    assert len(read_results(output)) == len(scans)
