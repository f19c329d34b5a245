"""Where a cohort is worked on: parsl's processes, and as many workers as memory allows."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from HypothalamusSegLib.geometry.voxel_image import VoxelImage
from HypothalamusSegLib.options import Options
from HypothalamusSegLib.provenance import describe_run
from HypothalamusSegLib.reading import Scan

from Cohort.errors import ExecutorConfigError
from Cohort.participant import worker_plan
from Cohort.participant.executors import ClusterWorkers, load_parsl_config
from Testing.support.cohort_stub import run_stub, write_cohort
from Testing.support.cohort_stub_worker import FAIL, SLOW
from Testing.support.command_runs import REPOSITORY

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


class OnlyPlainValues(pickle.Unpickler):
    """Refuses what a module must be imported for."""

    def find_class(self, module: str, name: str) -> object:
        raise AssertionError(f"{module}.{name}")


def test_the_answer_of_a_worker_makes_no_one_import_torch():
    scan = Scan(VoxelImage(np.zeros((2, 2, 2), np.float32), np.eye(4)), "x", Path("x"), "", ())
    described = describe_run(scan, Options(), {}, "cpu", None, {})
    assert OnlyPlainValues(io.BytesIO(pickle.dumps(described))).load() == described
