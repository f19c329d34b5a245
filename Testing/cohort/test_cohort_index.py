"""The index of a cohort: claims of runs, damage, older versions, the table of results."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time

import pytest
from HypothalamusSegLib.options import Options

from Cohort.errors import IndexFileError, MixedResultsError
from Cohort.index.cohort_index import INDEX_NAME, MINE, TAKEN, CohortIndex
from Cohort.index.results_table import read_results
from Testing.support.cohort_stub import run_stub, write_cohort
from Testing.support.cohort_stub_worker import FAIL

FINE = "fine"


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
