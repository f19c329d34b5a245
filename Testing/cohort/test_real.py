"""Real scans of ../shared/data through both levels; one network a structure, for time.

Three scans of each group; all of them with HYPOTHALAMUSSEG_WHOLE_COHORT=1, as in `make validate`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest
import torch

from Cohort.index.results_table import read_results
from Cohort.participant import executors, worker
from Testing.support.cohort_stub import InOneThread
from Testing.support.command_runs import CommandRun, call_command, run_command

# The fewest that a model with ICV takes; the whole cohort's has age and sex, too.
WHOLE_COHORT = bool(os.environ.get("HYPOTHALAMUSSEG_WHOLE_COHORT"))
SCANS_OF_A_GROUP = None if WHOLE_COHORT else 3
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def people(shared_data) -> pd.DataFrame:
    """Those with a diagnosis: participant_id, group."""
    table = pd.read_csv(shared_data / "hypothalamus" / "participants.tsv", sep="\t", dtype=str)
    groups = table[table["group"].isin(["depr", "control"])].groupby("group")
    return groups.head(SCANS_OF_A_GROUP) if SCANS_OF_A_GROUP else groups.head(len(table))


@pytest.fixture(scope="module")
def data_set(shared_data, people, tmp_path_factory) -> Path:
    """Their scans as a BIDS data set of links."""
    root = tmp_path_factory.mktemp("real") / "data"
    root.mkdir()
    for name in (*people["participant_id"], "participants.tsv"):
        (root / name).symlink_to(shared_data / "hypothalamus" / name)
    return root


@pytest.fixture(scope="module")
def participant_run(data_set) -> CommandRun:
    output = data_set.parent / "out"
    command = ("cohort", data_set, output, "participant", "--folds", 0, "--no-overview")
    if WHOLE_COHORT:
        return run_command(output, *command, seconds=1200)
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        # Six scans do not need processes of their own, which import torch first.
        patch.setattr(executors, "LocalWorkers", lambda workers: InOneThread())
        patch.setattr(worker, "_segmenters", {})
        run = call_command(output, *command, "--threads", 1)
    torch.set_num_threads(threads)
    return run


def test_every_scan_of_the_real_cohort_is_segmented(participant_run, people):
    assert participant_run.code == 0, participant_run.stderr
    table = read_results(participant_run.output)
    assert sorted(table["participant_id"]) == sorted(people["participant_id"])
    assert table["hypothalamus_total_mm3"].between(450, 1100).all()
    # The publisher removed the skulls: every scan must say so.
    assert table["flags"].str.contains("skull_stripped").all()


def test_the_groups_of_the_real_cohort_are_compared_in_four_ways(participant_run, data_set, people):
    output = participant_run.output
    covariates = ("--covariates", "age,sex") if WHOLE_COHORT else ()
    run = call_command(
        output, "cohort", data_set, output, "group", "--contrast", "group:depr-control",
        "--ignore-flags", "skull_stripped", *covariates,
    )  # fmt: skip
    assert run.code == 0, run.stderr
    statistics = pd.read_csv(output / "group_statistics.tsv", sep="\t")
    total = statistics[statistics["structure"] == "hypothalamus_total"].set_index("adjustment")
    assert set(total.index) >= {"ancova", "residuals", "power_proportion", "proportion"}
    assert (total["n_a"] == (people["group"] == "depr").sum()).all()
    assert (total["n_b"] == (people["group"] == "control").sum()).all()
    assert total["p"].between(0, 1).all()
    sample = pd.read_csv(output / "group_volumes.tsv", sep="\t")
    assert set(sample["group"]) == {"depr", "control"}
    report = (output / "group_report.html").read_text(encoding="utf-8")
    assert f"ICV cannot be trusted in {len(people)} of {len(people)} scans" in report
