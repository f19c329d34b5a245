"""The command `worker` with real weights: the numbers and files of `segment`, scan after scan."""

from __future__ import annotations

import json

import pytest

from Testing.support.worker_process import ENGINE, WorkerProcess

CHANGING = ("seconds", "peak_memory_mb", "steps")  # of the provenance, from run to run
QUICK = {"structures": ["icv"], "folds": [0], "threads": 1}


def ask(worker: WorkerProcess, identifier: str, **fields: object) -> list[dict]:
    worker.send(request="segment", id=identifier, **fields)
    return worker.until_end(identifier)


@pytest.fixture(scope="module")
def worker(sample_path, tmp_path_factory) -> WorkerProcess:
    """One that has had wrong requests, a file that is missing and a run with other options."""
    output = str(tmp_path_factory.mktemp("other"))
    sample = {"input": str(sample_path), "output": output}
    with WorkerProcess(ENGINE, "--idle-seconds", "600") as started:
        for wrong in (
            {"input": str(sample_path)},
            {**sample, "colour": "red"},
            {**sample, "report": "yes"},
            {**sample, "options": {"grid": "2mm"}},
        ):
            error, end = ask(started, "wrong", **wrong)
            assert (error["code"], end["exit_code"]) == ("wrong_request", 2)
        *_, error, end = ask(started, "missing", input=f"{output}/no.nii", output=output)
        assert (error["code"], end["exit_code"]) == ("not_an_image", 1)
        assert ask(started, "quick", **sample, options=QUICK)[-1]["exit_code"] == 0
        yield started


@pytest.mark.parametrize("time", ["first", "again"])
def test_a_scan_gets_the_files_and_numbers_of_segment(
    time, worker, quick_run, sample_path, tmp_path
):
    options = {"subunits": True, "folds": [0], "threads": 1}
    fields = {"input": str(sample_path), "output": str(tmp_path), "options": options}
    *progress, result, end = ask(worker, time, **fields)
    assert end["exit_code"] == 0
    stages = list(dict.fromkeys(event["stage"] for event in progress))
    assert stages[-4:] == ["coarse", "fine", "measure", "write"]
    names = {path.name for path in quick_run.output.iterdir()}
    assert {path.name for path in tmp_path.iterdir()} == names
    assert sorted(result["files"]) == sorted(str(tmp_path / name) for name in names)
    for name in names - {"brain_volumes.json"}:
        assert (tmp_path / name).read_bytes() == (quick_run.output / name).read_bytes(), name
    described = json.loads((tmp_path / "brain_volumes.json").read_text(encoding="utf-8"))
    assert described == result["result"]
    wanted = quick_run.events[-1]["result"]
    for key in CHANGING:
        del described["provenance"][key]
    assert described["provenance"] == {
        key: value for key, value in wanted["provenance"].items() if key not in CHANGING
    }
    assert {**described, "provenance": None} == {**wanted, "provenance": None}


def test_a_canceled_scan_leaves_nothing_and_the_next_is_segmented(worker, sample_path, tmp_path):
    """After its networks were loaded: a slow machine may take too long for that, and end."""
    fields = {"input": str(sample_path), "options": QUICK}
    worker.send(request="segment", id="1", output=str(tmp_path / "1"), **fields)
    worker.send(request="cancel", id="1")
    *_, error, end = worker.until_end("1")
    assert (error["code"], end["exit_code"]) == ("cancelled", 130)
    assert not (tmp_path / "1").exists()
    assert ask(worker, "2", output=str(tmp_path / "2"), **fields)[-1]["exit_code"] == 0


def test_the_end_of_the_input_leaves_an_earlier_result_as_it_was(worker, sample_path, tmp_path):
    """While the files are being written, and with nothing left beside them; ends the worker."""
    earlier = {tmp_path / f"brain_{name}": name for name in ("volumes.csv", "icv_mask.nii.gz")}
    for path, text in earlier.items():
        path.write_text(text, encoding="utf-8")
    fields = {"input": str(sample_path), "output": str(tmp_path), "report": True}
    worker.send(request="segment", id="last", **fields, options=QUICK)
    worker.until(lambda event: event.get("stage") == "write")
    worker.close_input()
    assert worker.wait() == 130
    assert {path: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == earlier
