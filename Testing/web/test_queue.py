"""Queue, workers, sessions and surfaces of the web page, without a server."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import namedtuple

import numpy as np
import pytest
from HypothalamusSegLib.geometry.voxel_image import Grid
from HypothalamusSegLib.progress import STAGE_WEIGHTS

from Testing.support.command_runs import REPOSITORY, environment
from Web import texts
from Web.disk_budget import SPARE_BYTES, DiskBudget, DiskFullError, ShareSpentError
from Web.engine_pool import EnginePool
from Web.entries import EntryState
from Web.fair_queue import FairQueue, QueueFullError, Ticket
from Web.server_folder import remove_leftovers
from Web.sessions import SessionStore, TooManySessionsError
from Web.surface import surface_of
from Web.viewer_scene import Layer, surfaces_of

STUB = (sys.executable, str(REPOSITORY / "Testing" / "support" / "web_stub_worker.py"), "segment")


@pytest.fixture(autouse=True)
def importable(monkeypatch, tmp_path):
    paths = os.pathsep.join((str(REPOSITORY), environment()["PYTHONPATH"]))
    monkeypatch.setenv("PYTHONPATH", paths)
    monkeypatch.setenv("HYPOTHALAMUSSEG_STUB_SECONDS", "0.02")


def test_owners_take_turns():
    async def run():
        queue = FairQueue(10)
        first = [Ticket({}, "a") for _ in range(3)]
        later = [Ticket({}, "b") for _ in range(2)]
        for ticket in (*first, *later):
            await queue.put(ticket)
        assert queue.in_order() == [first[0], later[0], first[1], later[1], first[2]]
        assert queue.place_of(later[0]) == 2
        assert await queue.take() is first[0]
        queue.drop(later[0])
        assert queue.place_of(later[0]) is None
        assert queue.place_of(later[1]) == 2

    asyncio.run(run())


def test_slow_tasks_of_one_owner_leave_a_worker_for_others():
    async def run():
        queue = FairQueue(10, most_running_of_owner=1)
        slow = [Ticket({}, "a") for _ in range(3)]
        for ticket in slow:
            await queue.put(ticket)
        assert await queue.take() is slow[0]
        second = asyncio.create_task(queue.take())
        await asyncio.sleep(0.01)
        assert not second.done()
        other = Ticket({}, "b")
        await queue.put(other)
        assert await second is other
        slow[0].fail("cancelled")
        assert await queue.take() is slow[1]

    asyncio.run(run())


def test_a_full_queue_refuses():
    async def run():
        queue = FairQueue(1)
        await queue.put(Ticket({}, "a"))
        with pytest.raises(QueueFullError):
            await queue.put(Ticket({}, "b"))

    asyncio.run(run())


def test_an_idle_worker_is_room_too():
    async def run():
        queue = FairQueue(1)
        taker = asyncio.create_task(queue.take())
        await asyncio.sleep(0)
        first, second = Ticket({}, "a"), Ticket({}, "a")
        await queue.put(first)
        await queue.put(second)
        assert await taker is first
        with pytest.raises(QueueFullError):
            await queue.put(Ticket({}, "a"))

    asyncio.run(run())


def task(tmp_path, name: str) -> dict:
    scan = tmp_path / f"{name}.nii"
    scan.touch()
    return {"request": "segment", "input": str(scan), "output": str(tmp_path / name)}


def pool(command=STUB, size=1, seconds=30.0) -> EnginePool:
    return EnginePool(command, size, 10, seconds)


def run_with(engines: EnginePool, work):
    async def run():
        await engines.start()
        try:
            return await work()
        finally:
            await engines.stop()

    return asyncio.run(run())


def test_a_task_tells_its_steps_and_its_result(tmp_path):
    engines = pool()

    async def work():
        ticket = await engines.submit(task(tmp_path, "brain"), "a")
        await ticket.ended.wait()
        again = await engines.submit(task(tmp_path, "again"), "a")
        await again.ended.wait()
        assert len(engines.process_ids) == 1
        return ticket, again

    for ticket in run_with(engines, work):
        assert ticket.outcome["event"] == "result"
        assert ticket.progress["stage"] == "write"
    assert not engines.process_ids


def test_a_crash_ends_one_task_and_a_new_worker_takes_the_next(tmp_path):
    engines = pool()

    async def work():
        crash = await engines.submit(task(tmp_path, "crash"), "a")
        after = await engines.submit(task(tmp_path, "after"), "a")
        await crash.ended.wait()
        await after.ended.wait()
        return crash, after

    crash, after = run_with(engines, work)
    assert crash.outcome["code"] == "worker_lost"
    assert after.outcome["event"] == "result"


def test_cancelling_ends_a_running_and_a_waiting_task_at_once(tmp_path):
    engines = pool()

    async def work():
        slow = await engines.submit(task(tmp_path, "slow"), "a")
        waiting = await engines.submit(task(tmp_path, "waiting"), "a")
        while slow.progress.get("step") != "hypothalamus":
            await asyncio.sleep(0.01)
        (process,) = engines.process_ids
        engines.cancel(waiting)
        engines.cancel(slow)
        # The pretended engine would go on for a minute.
        await asyncio.wait_for(slow.ended.wait(), 20)
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
        return slow, waiting

    for ticket in run_with(engines, work):
        assert ticket.outcome["code"] == "cancelled"


def test_a_task_without_end_is_given_up(tmp_path):
    engines = pool(seconds=0.5)

    async def work():
        ticket = await engines.submit(task(tmp_path, "slow"), "a")
        await ticket.ended.wait()
        return ticket

    assert run_with(engines, work).outcome["code"] == "too_slow"


def test_a_worker_that_cannot_start_is_not_waited_for(tmp_path):
    engines = pool(command=(sys.executable, "-c", "raise SystemExit(3)"))

    async def work():
        ticket = await engines.submit(task(tmp_path, "brain"), "a")
        await asyncio.wait_for(ticket.ended.wait(), 20)
        return ticket

    assert run_with(engines, work).outcome["code"] == "worker_not_started"


def test_a_pool_whose_program_was_away_works_again_when_it_is_back(tmp_path, monkeypatch):
    monkeypatch.setattr("Web.engine_pool.RESTART_PAUSE_S", 0.0)
    engines = pool(command=("/nowhere/at/all",))

    async def work():
        first = await engines.submit(task(tmp_path, "brain"), "a")
        await asyncio.wait_for(first.ended.wait(), 20)
        engines.command = STUB
        second = await engines.submit(task(tmp_path, "again"), "a")
        await asyncio.wait_for(second.ended.wait(), 20)
        return first, second

    first, second = run_with(engines, work)
    assert first.outcome["code"] == "worker_not_started"
    assert second.outcome["event"] == "result"


def test_stopping_leaves_no_task_open(tmp_path):
    engines = pool()

    async def run():
        await engines.start()
        tickets = [await engines.submit(task(tmp_path, f"slow{n}"), "a") for n in range(3)]
        while not tickets[0].progress:
            await asyncio.sleep(0.01)
        await engines.stop()
        return tickets

    for ticket in asyncio.run(run()):
        assert ticket.outcome["code"] == "cancelled"


def test_an_owner_has_a_share_of_the_queue_whatever_the_sessions():
    async def run():
        queue = FairQueue(4, owners_share=0.5)
        for _ in range(2):
            await queue.put(Ticket({}, "address 203.0.113.7"))
        with pytest.raises(QueueFullError):
            await queue.put(Ticket({}, "address 203.0.113.7"))
        await queue.put(Ticket({}, "address 203.0.113.8"))

    asyncio.run(run())


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
        "import sys, time; from pathlib import Path; from Web.server_folder import locked;"
        "kept = locked(Path(sys.argv[1])); print('locked', flush=True); time.sleep(60)"
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


@pytest.mark.parametrize("centre", [(10.0, 11.0, 12.0), (10.3, 10.7, 11.1)])
def test_the_surface_of_a_ball_is_closed_and_has_its_volume(centre):
    radius = 7.5
    indices = np.indices((22, 23, 24)).transpose(1, 2, 3, 0)
    inside = radius - np.linalg.norm(indices - centre, axis=-1)
    vertices, triangles = surface_of(inside, 0.0)
    distance = np.linalg.norm(vertices - centre, axis=1)
    assert np.abs(distance - radius).max() < 0.2
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    volume = np.einsum("ij,ij->", a, np.cross(b, c)) / 6
    # Positive: seen from outside, triangles run counter-clockwise.
    assert volume == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.03)
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    there = {tuple(edge) for edge in edges}
    assert len(there) == len(edges)
    assert all((end, start) in there for start, end in there)


def test_the_surface_of_nothing_is_empty():
    surface = surface_of(np.zeros((5, 5, 5)), 0.5)
    assert len(surface.vertices) == len(surface.triangles) == 0


@pytest.mark.parametrize(("name", "step"), [("close/left", 1), ("head/icv", 3)])
def test_a_surface_lies_in_space_where_its_structure_is(name, step):
    """At the edge of a large grid, too, of which only a part is looked at."""
    grid = Grid.axis_aligned(np.array([10.0, -20.0, 30.0]), (90, 96, 99), 0.5 * step)
    centre = np.array([17.0, 50.0, 70.0])
    indices = np.indices(grid.shape).transpose(1, 2, 3, 0)
    ball = np.uint8(255) * (np.linalg.norm(indices - centre, axis=-1) < 14)
    vertices, triangles = surfaces_of([Layer(name, ball)], grid, grid)
    assert vertices.name == f"surface/{name.split('/')[1]}/vertices"
    radii = np.linalg.norm(vertices.array - grid.points_at(centre), axis=1) / grid.spacing_mm[0]
    assert radii.mean() == pytest.approx(14, abs=0.7)
    assert radii.std() < 0.5 * step
    assert triangles.array.max() < len(vertices.array)
    assert surfaces_of([Layer(name, np.zeros_like(ball))], grid, grid) == []


def test_the_page_has_words_for_every_stage():
    reported = {*STAGE_WEIGHTS, "networks", "viewer"}
    assert all(texts.stage_words(stage, None, None) for stage in reported)
    assert texts.stage_words("fine", 3, 5) == "hypothalamus: network 3 of 5 done"
