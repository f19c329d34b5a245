"""The real cohort of ../shared/data through both levels; one network a structure, for time."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from Cohort.index.results_table import read_results
from Testing.support.command_runs import CommandRun, run_command

SUBJECTS = 58


@pytest.fixture(scope="module")
def data_set(shared_data, tmp_path_factory) -> Path:
    """The scans with a diagnosis, as a BIDS data set of links."""
    root = tmp_path_factory.mktemp("real") / "data"
    root.mkdir()
    for subject in (shared_data / "hypothalamus").glob("sub-nsk*"):
        (root / subject.name).symlink_to(subject)
    (root / "participants.tsv").symlink_to(shared_data / "hypothalamus" / "participants.tsv")
    return root


@pytest.fixture(scope="module")
def participant_run(data_set) -> CommandRun:
    output = data_set.parent / "out"
    return run_command(
        output, "cohort", data_set, output, "participant", "--folds", 0, "--no-overview",
        seconds=1200,
    )  # fmt: skip


@pytest.mark.slow
def test_every_scan_of_the_real_cohort_is_segmented(participant_run):
    assert participant_run.code == 0, participant_run.stderr
    table = read_results(participant_run.output)
    assert len(table) == SUBJECTS
    assert table["hypothalamus_total_mm3"].between(450, 1100).all()
    # The publisher removed the skulls: every scan must say so.
    assert table["flags"].str.contains("skull_stripped").all()


@pytest.mark.slow
def test_the_groups_of_the_real_cohort_are_compared_in_four_ways(participant_run, data_set):
    output = participant_run.output
    run = run_command(
        output, "cohort", data_set, output, "group", "--contrast", "group:depr-control",
        "--covariates", "age,sex", "--ignore-flags", "skull_stripped",
    )  # fmt: skip
    assert run.code == 0, run.stderr
    statistics = pd.read_csv(output / "group_statistics.tsv", sep="\t")
    total = statistics[statistics["structure"] == "hypothalamus_total"].set_index("adjustment")
    assert set(total.index) >= {"ancova", "residuals", "power_proportion", "proportion"}
    assert (total["n_a"] == 41).all()
    assert (total["n_b"] == 17).all()
    assert total["p"].between(0, 1).all()
    report = (output / "group_report.html").read_text(encoding="utf-8")
    assert "ICV cannot be trusted in 58 of 58 scans" in report
