"""Visitors' sessions: when they expire, what places and disk they take, what a dead server left."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import namedtuple

import pytest

from Testing.support.command_runs import REPOSITORY
from Web.disk_budget import SPARE_BYTES, DiskBudget, DiskFullError, ShareSpentError
from Web.entries import EntryState
from Web.server_folder import remove_leftovers
from Web.sessions import SessionStore, TooManySessionsError


@pytest.fixture
def store(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return SessionStore(0.02, 0.005, 2, 1 << 20)


def test_a_session_without_a_click_expires(store):
    async def run():
        sweep = asyncio.create_task(store.sweep())
        session = store.open(None)
        entry = session.new_entry("a.nii")
        entry.state = EntryState.READY
        session.adopt(entry)
        folder = session.folder
        assert folder.stat().st_mode & 0o777 == 0o700
        for _ in range(10):  # clicks
            await asyncio.sleep(0.2)
            assert store.find(session.token, None) is session
        await asyncio.sleep(2)
        sweep.cancel()
        assert store.find(session.token, None) is None
        assert not folder.exists()

    asyncio.run(run())


def test_only_visitors_without_files_make_room(store):
    empty = store.open(None)
    kept = store.open(None)
    kept.adopt(kept.new_entry("a.nii"))
    third = store.open(None)
    assert store.find(empty.token, None) is None
    assert not empty.folder.exists()
    third.adopt(third.new_entry("b.nii"))
    with pytest.raises(TooManySessionsError):
        store.open(None)


def test_what_was_refused_keeps_no_place(store):
    for _ in range(2):
        session = store.open(None)
        entry = session.new_entry("a.nii")
        entry.state = EntryState.REFUSED
        session.adopt(entry)
    assert store.open(None)


def test_one_address_takes_a_share_of_the_places(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store = SessionStore(1, 1, 8, 1 << 20)
    for _ in range(2):
        session = store.open(None, "203.0.113.7")
        session.adopt(session.new_entry("a.nii"))
        assert session.owner == "address 203.0.113.7"
    with pytest.raises(TooManySessionsError):
        store.open(None, "203.0.113.7")
    assert store.open(None, "203.0.113.8")
    # This machine's own address may be a proxy's that does not tell whom it speaks for.
    local = [store.open(None, "127.0.0.1") for _ in range(4)]
    assert len({session.owner for session in local}) == 4
    assert store.open("ada", "203.0.113.7").owner == "user ada"


def test_the_disk_is_shared_out_before_it_is_written(monkeypatch, tmp_path):
    free = 10_000
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage(0, 0, SPARE_BYTES + free))
    disk = DiskBudget(tmp_path, share_bytes=2000)
    assert disk.total_bytes == 9000
    disk.hold("a", 1500)
    with pytest.raises(ShareSpentError) as spent:
        disk.hold("a", 600)
    assert spent.value.left_bytes == disk.left("a") == 500
    for owner in "bcde":
        disk.hold(owner, 1800)
    # 200 visitors with a share each would take more than there is.
    with pytest.raises(DiskFullError):
        disk.hold("f", 400)
    assert disk.left("f") == 300
    disk.release("b", 1800)
    disk.hold("f", 2000)
    disk.hold("results", 3, beyond_share=True)
    for owner in "gh":
        disk.join(owner, "address 203.0.113.7")
    for owner in "cde":
        disk.release(owner, 1800)
    disk.hold("g", 2000)
    disk.hold("h", 2000)
    disk.join("i", "address 203.0.113.7")
    with pytest.raises(ShareSpentError) as spent:
        disk.hold("i", 600)
    assert spent.value.left_bytes == 500
    free = 100  # other programs have written meanwhile
    with pytest.raises(DiskFullError):
        disk.hold("a", 200)


def test_a_removed_scan_gives_its_place_back(store):
    session = store.open(None)
    entry = session.new_entry("a.nii")
    session.adopt(entry)
    store.disk.hold(session.token, 1000)
    entry.held_bytes = 1000
    store.remove(session, entry)
    assert store.disk.held_by(session.token) == 0


def test_a_token_is_worth_nothing_to_another_user(store):
    session = store.open("ada")
    assert store.find(session.token, "bob") is None
    assert store.find(session.token, None) is None
    assert store.find(session.token, "ada") is session


def test_what_a_killed_server_left_is_removed(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    # Larger than any process number of Linux.
    dead = tmp_path / "hypothalamus-seg-web-99999999-x"
    alive = tmp_path / f"hypothalamus-seg-web-{os.getpid()}-x"
    foreign = tmp_path / "hypothalamus-seg-web-notes"
    for folder in (dead, alive, foreign):
        folder.mkdir()
    remove_leftovers()
    assert not dead.exists()
    assert alive.exists()
    assert foreign.exists()


def test_the_folder_of_a_server_that_lives_elsewhere_stays(monkeypatch, tmp_path):
    """In another container its process has a number that means nothing here."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    script = (
        "import sys, time; from pathlib import Path; from Web.server_folder import open_locked;"
        "kept = open_locked(Path(sys.argv[1])); print('locked', flush=True); time.sleep(60)"
    )
    sibling = tmp_path / "hypothalamus-seg-web-99999999-x"
    sibling.mkdir()
    command = [sys.executable, "-c", script, str(sibling / ".lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY) as process:
        assert process.stdout.readline() == b"locked\n"
        remove_leftovers()
        assert sibling.exists()
        process.kill()
    remove_leftovers()
    assert not sibling.exists()
