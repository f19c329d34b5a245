"""The index is built anew from the results, and says what it could not read."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from Cohort.command_line import main
from Cohort.errors import IndexFileError
from Cohort.index.cohort_index import INDEX_NAME, CohortIndex
from Cohort.index.results_table import read_results
from Cohort.participant.reindex import rebuild_index
from Testing.support.cohort_stub import run_stub, write_cohort
from Testing.support.cohort_stub_worker import FAIL

WORDS = {"1": "fine", "22": "fine", "3": FAIL}


@pytest.fixture
def finished(tmp_path) -> tuple[tuple, Path, Path]:
    data, output = tmp_path / "data", tmp_path / "out"
    scans = write_cohort(data, WORDS)
    run_stub(scans, data, output)
    return scans, data, output


def test_a_damaged_index_is_rebuilt_and_nothing_is_segmented_again(finished, capsys):
    scans, data, output = finished
    before = read_results(output)
    (output / INDEX_NAME).write_bytes(b"no database" * 100)
    with pytest.raises(IndexFileError, match=r"BIDS_DIR OUT reindex"):
        run_stub(scans, data, output)
    with pytest.raises(IndexFileError, match=r"BIDS_DIR OUT reindex"):
        read_results(output)
    assert main(["reindex", str(data), str(output)]) == 0
    assert "2 finished and 0 failed" in capsys.readouterr().out
    pd.testing.assert_frame_equal(read_results(output), before)
    summary = run_stub(scans, data, output)
    assert summary.unchanged == ["sub-1", "sub-22"]
    assert list(summary.failed) == ["sub-3"]


def test_an_index_of_an_earlier_version_is_read_where_it_cannot_be_changed(finished):
    output = finished[2]
    before, path = read_results(output), output / INDEX_NAME
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE scans DROP COLUMN protocol")
        connection.execute("PRAGMA user_version = 2")
        connection.commit()
    kept = path.read_bytes()
    path.chmod(0o444)
    pd.testing.assert_frame_equal(read_results(output), before, check_dtype=False)
    assert path.read_bytes() == kept
    path.chmod(0o644)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE scans DROP COLUMN flags")
    with pytest.raises(IndexFileError, match=r"no column flags.*BIDS_DIR OUT reindex"):
        read_results(output)


def test_an_image_that_was_replaced_since_is_segmented_again(finished):
    scans, data, output = finished
    (output / INDEX_NAME).unlink()
    rebuild_index(output, data)
    scans[0].path.write_text("fine but another", encoding="utf-8")
    assert run_stub(scans, data, output).done == ["sub-1"]


def test_a_locked_index_is_rebuilt_with_its_failures(finished, monkeypatch):
    scans, data, output = finished
    monkeypatch.setattr("Cohort.index.cohort_index.BUSY_TIMEOUT_S", 0.05)
    lock = sqlite3.connect(output / INDEX_NAME, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    with pytest.raises(IndexFileError, match=r"in use by another program.*reindex"):
        run_stub(scans, data, output)
    rebuilt = rebuild_index(output, data)
    lock.close()
    assert (rebuilt.finished, rebuilt.failed) == (2, 1)
    with sqlite3.connect(output / INDEX_NAME) as connection:
        reason = connection.execute("SELECT reason FROM scans WHERE name = 'sub-3'").fetchone()[0]
    assert "is damaged" in reason


def test_a_damaged_description_is_named(finished):
    _, data, output = finished
    path = output / "sub-22/anat/sub-22_volumes.json"
    path.write_text('{"name"', encoding="utf-8")
    rebuilt = rebuild_index(output, data)
    assert (rebuilt.finished, rebuilt.unreadable) == (1, (path,))


def test_an_index_that_a_living_run_works_on_is_not_replaced(finished):
    _, data, output = finished
    index = CohortIndex(output)
    index.claim("sub-1", "1", "", "x", "y")
    with pytest.raises(IndexFileError, match=r"Another run is segmenting sub-1"):
        rebuild_index(output, data)
    index.close()
    with pytest.raises(IndexFileError, match="no finished scan"):
        rebuild_index(data, data)
