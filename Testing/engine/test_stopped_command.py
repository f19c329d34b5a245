"""A run that is stopped, or finds the disk full, leaves nothing half-written."""

from __future__ import annotations

import json
import signal
import subprocess

import pytest

from Testing.support.command_runs import command_line, environment


def test_canceling_while_files_are_written_leaves_none(sample_path, tmp_path):
    output = tmp_path / "output"
    arguments = ("segment", sample_path, "--output", output, "--progress", "json")
    with subprocess.Popen(
        command_line(*arguments, "--structures", "icv", "--folds", "0"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        for line in process.stdout:
            if json.loads(line).get("stage") == "write":
                break
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        assert process.returncode == 130
        assert b"Traceback" not in process.stderr.read()
    assert not output.exists() or not list(output.iterdir())


def test_the_end_of_standard_input_cancels(sample_path, tmp_path):
    arguments = ("segment", sample_path, "--output", tmp_path / "output", "--progress", "json")
    with subprocess.Popen(
        command_line(*arguments, "--folds", "0", "--stop-with-stdin"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
    ) as process:
        for line in process.stdout:
            if json.loads(line)["stage"] == "coarse":
                break
        process.stdin.close()
        process.wait(timeout=30)
        assert process.returncode == 130
    assert not list(tmp_path.rglob("*.nii.gz"))


def test_neither_an_open_standard_input_nor_a_terminal_without_unicode_harm(sample_path, tmp_path):
    ascii_only = {**environment(), "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    arguments = ("segment", sample_path, "--output", tmp_path, "--no-overview", "--stop-with-stdin")
    with subprocess.Popen(
        command_line(*arguments, "--structures", "hypothalamus", "--folds", "0"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ascii_only,
    ) as process:
        assert process.wait(timeout=120) == 0, process.stderr.read()
        assert b"Fatal" not in process.stderr.read()
        assert b"hypothalamus_total" in process.stdout.read()
    table = (tmp_path / "brain_volumes.csv").read_text(encoding="utf-8")
    assert "hypothalamus_total" in table


def test_a_full_disk_is_said_and_keeps_what_was_there(sample_path, tmp_path):
    """On a disk of 96 kB, mounted in a user namespace of the test's own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=96k tmpfs '{disk}'"
    if subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True).returncode:
        pytest.skip("this system lets no test mount a small disk")
    arguments = ("segment", sample_path, "--output", disk, "--progress", "json")
    icv = ("--structures", "icv", "--folds", "0")
    command = " ".join(f"'{word}'" for word in command_line(*arguments, *icv))
    earlier = disk / "brain_volumes.csv"
    script = f"{mount}; echo earlier > '{earlier}'; {command}; echo $? $(ls -A '{disk}')"
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script],
        capture_output=True,
        encoding="utf-8",
        env=environment(),
    )
    *events, last = done.stdout.splitlines()
    assert json.loads(events[-1])["code"] == "no_space_left"
    assert last == f"1 {earlier.name}"
