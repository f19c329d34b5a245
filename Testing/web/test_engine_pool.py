"""The pool of workers: steps and results, crashes, cancelled and endless tasks, its end."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest
from HypothalamusSegLib.progress import STAGE_WEIGHTS

from Testing.support.command_runs import REPOSITORY, environment
from Web import texts
from Web.engine_pool import EnginePool

STUB = (sys.executable, str(REPOSITORY / "Testing" / "support" / "web_stub_worker.py"), "segment")


@pytest.fixture(autouse=True)
def importable(monkeypatch, tmp_path):
    paths = os.pathsep.join((str(REPOSITORY), environment()["PYTHONPATH"]))
    monkeypatch.setenv("PYTHONPATH", paths)
    monkeypatch.setenv("HYPOTHALAMUSSEG_STUB_SECONDS", "0.02")


def task(tmp_path, name: str) -> dict:
    scan = tmp_path / f"{name}.nii"
    scan.touch()
    files = {"input": str(scan), "output": str(tmp_path / name)}
    return {"request": "segment", **files, "options": {}}


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


def test_the_page_has_words_for_every_stage():
    reported = {*STAGE_WEIGHTS, "networks", "viewer"}
    assert all(texts.stage_words(stage, None, None) for stage in reported)
    assert texts.stage_words("fine", 3, 5) == "hypothalamus: network 3 of 5 done"
