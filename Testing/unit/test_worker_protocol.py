"""The protocol of a worker, with real processes and without networks."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
from HypothalamusSegLib.machine.processes import may_be_alive
from HypothalamusSegLib.options import Options, options_from_json

from Testing.support.command_runs import REPOSITORY
from Testing.support.worker_process import STUB, WorkerProcess


@pytest.fixture
def worker():
    with WorkerProcess(STUB) as started:
        yield started


def kinds(events: list[dict]) -> list[str]:
    return [event["event"] for event in events if event["event"] != "progress"]


def assert_serves(worker: WorkerProcess, identifier: str = "next") -> None:
    worker.send(request="do", id=identifier)
    events = worker.until_end(identifier)
    assert kinds(events) == ["result", "end"]
    assert {event["id"] for event in events} == {identifier}
    assert (events[-1]["exit_code"], events[-1]["stays"]) == (0, True)


def test_the_first_event_has_the_protocol_and_the_process(worker):
    assert worker.ready["event"] == "ready"
    assert worker.ready["protocol"] == 1
    assert worker.ready["process_id"] == worker.process.pid


@pytest.mark.parametrize(
    "line",
    [
        b"no json",
        b"\xff\xfe\x00",
        b"[]",
        b"{}",
        b'{"request": "do"}',
        b'{"request": "do", "id": 3}',
        b'{"request": "cancel"}',
        b"[" * 100_000,
    ],
)
def test_a_bad_line_is_answered_and_the_worker_goes_on(worker, line):
    worker.send_line(line)
    answer = worker.next_event()
    assert (answer["event"], answer["id"], answer["code"]) == ("error", None, "wrong_request")
    assert_serves(worker)


def test_a_request_of_an_unknown_kind_ends_as_wrong_usage(worker):
    worker.send(request="dance", id="1")
    error, end = worker.until_end("1")
    assert (error["code"], end["exit_code"]) == ("wrong_request", 2)
    assert "dance" in error["message"]
    assert_serves(worker)


def test_an_identifier_that_is_still_open_is_refused(worker):
    worker.send(request="do", id="1", what="steps")
    worker.send(request="do", id="1")
    refused = worker.until(lambda event: event["id"] is None)[-1]
    assert refused["code"] == "wrong_request"
    worker.send(request="cancel", id="1")
    assert worker.until_end("1")[-1]["exit_code"] == 130


def test_a_failure_has_its_code_and_the_next_request_is_served(worker):
    worker.send(request="do", id="1", what="no head")
    *_, error, end = worker.until_end("1")
    assert (error["code"], error["message"]) == ("head_not_found", "There is no head.")
    assert end["exit_code"] == 1
    assert_serves(worker)


@pytest.mark.parametrize(
    ("what", "code"), [("mistake", "unexpected"), ("no torch", "torch_unusable")]
)
def test_what_leaves_a_process_unfit_ends_it_after_its_error(worker, what, code):
    worker.send(request="do", id="1", what=what)
    *_, error, end, closed = worker.until(lambda event: event["event"] == "closed")
    assert (error["code"], end["exit_code"], closed["reason"]) == (code, 1, "failure")
    assert not end["stays"]
    assert worker.wait() == 1


def test_cancel_ends_the_run_at_its_next_step_and_keeps_the_worker(worker):
    worker.send(request="do", id="1", what="steps")
    worker.next_event()
    worker.send(request="cancel", id="1")
    *_, error, end = worker.until_end("1")
    assert (error["code"], end["exit_code"]) == ("cancelled", 130)
    time.sleep(1)  # longer than until a run without steps is interrupted
    assert_serves(worker)


def test_cancel_ends_a_run_that_takes_no_steps_with_its_worker(worker):
    worker.send(request="do", id="1", what="deaf")
    worker.next_event()
    worker.send(request="cancel", id="1")
    *_, error, end, closed = worker.until(lambda event: event["event"] == "closed")
    assert (error["code"], end["exit_code"], closed["reason"]) == ("cancelled", 130, "cancelled")
    assert not end["stays"]
    assert worker.wait() == 130


def test_a_waiting_request_can_be_cancelled_and_others_are_not(worker):
    for identifier in ("1", "2"):
        worker.send(request="do", id=identifier, what="steps")
    worker.send(request="do", id="3")
    worker.send(request="cancel", id="2")
    worker.send(request="cancel", id="none")
    worker.send(request="cancel", id="1")
    ends = [event for event in worker.until_end("3") if event["event"] == "end"]
    assert [(end["id"], end["exit_code"]) for end in ends] == [("1", 130), ("2", 130), ("3", 0)]


def test_end_lets_it_finish_what_was_asked_before(worker):
    for identifier in ("1", "2"):
        worker.send(request="do", id=identifier)
    worker.send(request="end")
    events = worker.until(lambda event: event["event"] == "closed")
    assert [event["id"] for event in events if event["event"] == "end"] == ["1", "2"]
    assert events[-1]["reason"] == "end"
    assert worker.wait() == 0


def test_it_ends_when_its_input_closes(worker):
    worker.close_input()
    assert worker.next_event() == {"event": "closed", "reason": "input_closed"}
    assert worker.wait() == 0


@pytest.mark.parametrize("what", ["steps", "deaf"])
def test_the_end_of_its_input_cancels_a_run(worker, what):
    worker.send(request="do", id="1", what=what)
    worker.send(request="do", id="2", what=what)
    worker.next_event()
    worker.close_input()
    assert worker.wait() == 130


@pytest.mark.parametrize("what", ["steps", "deaf", None])
def test_it_ends_when_its_parent_is_killed(what):
    """Another program starts it, gives it a scan and is killed with signal 9."""
    script = (
        "import sys, time\n"
        "from Testing.support.worker_process import STUB, WorkerProcess\n"
        "worker = WorkerProcess(STUB)\n"
        "if len(sys.argv) > 1: worker.send(request='do', id='1', what=sys.argv[1])\n"
        "if len(sys.argv) > 1: worker.next_event()\n"
        "print(worker.process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    command = [sys.executable, "-c", script, *([what] if what else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY) as parent:
        process_id = int(parent.stdout.readline())
        assert may_be_alive(process_id)
        parent.kill()
    ends_before = time.monotonic() + 30
    while may_be_alive(process_id) and time.monotonic() < ends_before:
        time.sleep(0.02)
    assert not may_be_alive(process_id)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals of this kind")
@pytest.mark.parametrize("what", ["steps", None])
def test_a_signal_ends_it(worker, what):
    if what:
        worker.send(request="do", id="1", what=what)
        worker.next_event()
    worker.process.send_signal(signal.SIGTERM)
    assert worker.until(lambda event: event["event"] == "closed")[-1]["reason"] == "cancelled"
    assert worker.wait() == 130


def test_it_ends_after_its_idle_time():
    with WorkerProcess(STUB, "0.5") as worker:
        assert_serves(worker)
        assert worker.next_event() == {"event": "closed", "reason": "idle"}
        assert worker.wait() == 0


def test_what_a_library_prints_or_reads_does_not_disturb(worker):
    worker.send(request="do", id="1", what="print")
    assert kinds(worker.until_end("1")) == ["result", "end"]
    worker.send(request="end")
    _, log = worker.process.communicate(timeout=30)
    assert log.splitlines()[:3] == [b"from a library written in C", b"and from Python", b"''"]


def test_options_go_through_json_and_back():
    options = Options(structures=("icv",), subunits=True, grid="native", threads=2, folds=(3, 1))
    assert options_from_json(options.as_json()) == options
    assert options_from_json({}) == Options()


@pytest.mark.parametrize(
    "wrong",
    [
        {"structure": ["icv"]},
        {"structures": []},
        {"structures": "icv"},
        {"structures": None},
        {"grid": "2mm"},
        {"grid": ["0.5"]},
        {"device": "tpu"},
        {"threads": 0},
        {"threads": "2"},
        {"threads": True},
        {"folds": [0, 0]},
        {"folds": [[0]]},
        {"folds": 3},
        {"subunits": "no"},
    ],
)
def test_wrong_options_are_refused(wrong):
    with pytest.raises(ValueError, match=r"."):
        options_from_json(wrong)
