"""The participant level: resuming, failures, killed processes, two runs at once, a cluster."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from HypothalamusSegLib.options import Options

from Cohort.errors import ExecutorConfigError, IndexFileError, MixedResultsError
from Cohort.index.cohort_index import INDEX_NAME, MINE, TAKEN, CohortIndex
from Cohort.index.results_table import read_results
from Cohort.participant import worker_plan
from Cohort.participant.dataset_files import STAGE_FOLDER
from Cohort.participant.executors import ClusterWorkers, LocalWorkers, load_parsl_config
from Cohort.participant.progress_line import LOG_NAME
from Cohort.participant.task import fingerprint
from Cohort.participant.unchanged_input import signature_of
from Testing.support.cohort_stub import FAIL, KILL, SLOW, run_stub, write_cohort
from Testing.support.command_runs import REPOSITORY, environment

FINE = "fine"
PARSL_CONFIG = """
import parsl
from parsl.executors import HighThroughputExecutor
from parsl.providers import LocalProvider

config = parsl.Config(
    run_dir={run_dir!r},
    executors=[
        HighThroughputExecutor(
            label="local",
            max_workers_per_node=2,
            loopback_address="127.0.0.1",
            address="127.0.0.1",
            encrypted=False,
            provider=LocalProvider(init_blocks=1, max_blocks=1, min_blocks=0),
        )
    ],
)
"""


@pytest.fixture
def data(tmp_path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def output(tmp_path) -> Path:
    return tmp_path / "out"


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
    words = {str(n): FINE for n in range(1, 7)} | {"3": KILL}
    summary = run_stub(write_cohort(data, words), data, output, LocalWorkers(2))
    assert set(summary.failed) == {"sub-3"}
    assert "memory" in summary.failed["sub-3"]
    assert len(summary.done) == 5


def start(data: Path, output: Path, workers: int = 2) -> subprocess.Popen:
    command = [
        sys.executable,
        "-m",
        "Testing.support.cohort_stub",
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
    summary = run_stub(scans, data, output, LocalWorkers(2))
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


def test_a_scan_is_claimed_by_one_living_run_only(output):
    output.mkdir()
    first, second = CohortIndex(output), CohortIndex(output)
    assert first.claim("sub-1", "1", "", "in", "f") == MINE
    assert second.claim("sub-1", "1", "", "in", "f") == TAKEN
    first.close()
    assert second.claim("sub-1", "1", "", "in", "f") == MINE


def test_a_claim_of_a_process_that_is_gone_is_free(output):
    output.mkdir()
    first, second = CohortIndex(output), CohortIndex(output)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    host = first.owner.rsplit(":", 2)[0]
    first.owner = f"{host}:{gone.pid}:0"
    first.claim("sub-1", "1", "", "in", "f")
    assert second.claim("sub-1", "1", "", "in", "f") == MINE


def test_a_claim_from_another_machine_runs_out(output, monkeypatch):
    output.mkdir()
    first, second = CohortIndex(output), CohortIndex(output)
    first.owner = "elsewhere:1:0"
    first.claim("sub-1", "1", "", "in", "f")
    assert second.claim("sub-1", "1", "", "in", "f") == TAKEN
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600)
    assert second.claim("sub-1", "1", "", "in", "f") == MINE


def test_a_damaged_index_is_named_and_left_alone(data, output):
    output.mkdir()
    (output / INDEX_NAME).write_text(
        "no database at all, but long enough to look at" * 40, encoding="utf-8"
    )
    with pytest.raises(IndexFileError, match=INDEX_NAME):
        run_stub(write_cohort(data, {"1": FINE}), data, output)
    assert (output / INDEX_NAME).read_text(encoding="utf-8").startswith("no database")


def test_an_index_of_version_0_1_0_gets_the_new_columns_and_keeps_its_results(data, output):
    scans = write_cohort(data, {"1": FINE, "2": FINE})
    run_stub(scans[:1], data, output)
    with sqlite3.connect(output / INDEX_NAME) as old:
        for column in ("volume_low_mm3", "volume_high_mm3"):
            old.execute(f"ALTER TABLE volumes DROP COLUMN {column}")
        old.execute("ALTER TABLE scans DROP COLUMN protocol")
        old.execute("PRAGMA user_version = 1")
    old.close()
    assert run_stub(scans, data, output).unchanged == ["sub-1"]
    with sqlite3.connect(output / INDEX_NAME) as index:
        rows = dict(
            index.execute("SELECT name, volume_low_mm3 FROM volumes WHERE volume_mm3 < 1e6")
        )
    index.close()
    assert rows["sub-1"] is None
    assert rows["sub-2"] == pytest.approx(0.9 * 805)


def test_results_of_different_options_are_not_mixed(data, output):
    scans = write_cohort(data, {"1": FINE, "2": FINE})
    run_stub(scans, data, output)
    run_stub(scans[:1], data, output, options=Options(folds=(0,)))
    with pytest.raises(MixedResultsError, match=r"sub-\d"):
        read_results(output)


def test_the_table_of_results_has_a_row_a_scan_and_nan_where_a_number_is_missing(data, output):
    run_stub(write_cohort(data, {"1": FINE, "22": FINE, "3": FAIL}), data, output)
    table = read_results(output)
    assert table["participant_id"].tolist() == ["sub-1", "sub-22"]
    assert table["hypothalamus_total_mm3"].tolist() == [805.0, 806.0]
    assert table["fold_dice"].tolist() == [0.95, 0.95]
    assert table["confidence"].isna().all()
    assert table["flags"].tolist() == ["", ""]


def test_a_run_over_some_scans_leaves_the_others_in_the_index(data, output):
    scans = write_cohort(data, {"1": FINE, "2": FINE})
    run_stub(scans, data, output)
    run_stub(scans[:1], data, output)
    assert len(read_results(output)) == 2


def test_the_index_stays_readable_with_sqlite_alone(data, output):
    run_stub(write_cohort(data, {"1": FINE}), data, output)
    rows = sqlite3.connect(output / INDEX_NAME).execute("SELECT name, status FROM scans").fetchall()
    assert rows == [("sub-1", "done")]


@pytest.mark.slow
def test_parsl_runs_the_same_work_in_the_processes_of_its_provider(
    data, output, tmp_path, monkeypatch
):
    pytest.importorskip("parsl", reason="parsl is not installed")
    monkeypatch.setenv("PYTHONPATH", f"{REPOSITORY}/HypothalamusSeg:{REPOSITORY}")
    monkeypatch.setenv("PATH", os.environ["PATH"])
    config = tmp_path / "parsl_config.py"
    config.write_text(PARSL_CONFIG.format(run_dir=str(tmp_path / "runinfo")))
    scans = write_cohort(data, {"1": FINE, "2": FAIL, "3": FINE, "4": SLOW})
    summary = run_stub(scans, data, output, ClusterWorkers(config))
    assert sorted(summary.done) == ["sub-1", "sub-3", "sub-4"]
    assert set(summary.failed) == {"sub-2"}
    assert run_stub(scans[:1], data, output).unchanged == ["sub-1"]


@pytest.mark.parametrize("text", ["config = 3", "raise RuntimeError('no')", None])
def test_a_parsl_configuration_that_makes_none_is_named(tmp_path, data, output, text):
    pytest.importorskip("parsl", reason="parsl is not installed")
    path = tmp_path / "bad_config.py"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ExecutorConfigError, match="bad_config"):
        run_stub(write_cohort(data, {"1": FINE}), data, output, ClusterWorkers(path))


def test_the_slurm_example_is_a_parsl_configuration():
    parsl = pytest.importorskip("parsl", reason="parsl is not installed")
    config = load_parsl_config(REPOSITORY / "Cohort/examples/parsl_slurm.py")
    assert isinstance(config, parsl.Config)
    assert config.executors[0].provider.max_blocks == 10


@pytest.mark.parametrize(
    ("cores", "memory_gb", "asked", "expected"),
    [
        (2, 16, (None, None), (2, 1)),
        (64, 8, (None, None), (6, 10)),
        (16, 64, (None, 4), (4, 4)),
        (16, 64, (2, None), (2, 8)),
        (1, 0.5, (None, None), (1, 1)),
        (8, 64, (3, 2), (3, 2)),
        (16, 64, (None, None, 4), (4, 1)),
        (2, 64, (None, None, 16), (2, 1)),
        (16, 64, (None, None, None, 3000), (2, 8)),
        (16, 2, (None, None, None, 64_000), (1, 16)),
    ],
)
def test_workers_fit_processors_and_memory(monkeypatch, cores, memory_gb, asked, expected):
    monkeypatch.setattr(worker_plan, "available_cores", lambda: cores)
    monkeypatch.setattr(worker_plan, "available_memory_bytes", lambda: int(memory_gb * 1e9))
    plan = worker_plan.plan_workers(*asked)
    assert (plan.workers, plan.threads_per_worker) == expected


def test_the_memory_of_a_container_counts_not_that_of_its_host(monkeypatch, tmp_path):
    free = worker_plan.available_memory_bytes()
    (tmp_path / "memory.max").write_text("3000000000\n", encoding="utf-8")
    (tmp_path / "memory.current").write_text("1000000000\n", encoding="utf-8")
    monkeypatch.setattr(worker_plan, "CGROUP", tmp_path)
    assert worker_plan.available_memory_bytes() == min(free, 2_000_000_000)
    (tmp_path / "memory.max").write_text("max\n", encoding="utf-8")
    assert worker_plan.available_memory_bytes() > 2_000_000_000 or free < 2_000_000_000
