"""What a worker of the web page can still do when a stranger's file has taken it over."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from HypothalamusSegLib.geometry.voxel_image import VoxelImage
from HypothalamusSegLib.reading import read_scan

from Testing.support.command_runs import REPOSITORY, environment
from Testing.support.scan_files import head_volume, write_scan
from Web.confinement import gpu_devices, has_gpu

TRIES = """
import json, socket, sys
from pathlib import Path
from Web.confinement import Limits, PeakMemory, confine
folder, secret, parent = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
peak = PeakMemory()
said = confine(Limits(memory_mb=600, file_mb=1, folder=folder))
outcomes = {}
def attempt(name, act):
    try:
        act()
        outcomes[name] = "done"
    except (OSError, MemoryError) as error:
        outcomes[name] = type(error).__name__
def connect():
    socket.create_connection(("127.0.0.1", int(sys.argv[4])), timeout=5)
attempt("own file", lambda: (folder / "a").write_text("mine"))
attempt("other file", secret.read_bytes)
attempt("other folder", lambda: list(secret.parent.iterdir()))
attempt("system file", Path("/etc/passwd").read_bytes)
attempt("written elsewhere", lambda: (secret.parent / "b").write_text("x"))
attempt("other environment", Path(f"/proc/{parent}/environ").read_bytes)
attempt("network", connect)
attempt("memory", lambda: bytearray(1 << 30))
attempt("large file", lambda: (folder / "c").write_bytes(bytes(2 << 20)))
attempt("library", lambda: __import__("SimpleITK"))
def read_weights():
    from HypothalamusSegLib.networks import weight_files
    weight_files.read_manifest(weight_files.default_weights_folder())
attempt("weights", read_weights)
print(json.dumps([said, outcomes]))
"""
PEAK = """
from HypothalamusSegLib.machine.memory import peak_memory_mb
from Web.confinement import PeakMemory
peak = PeakMemory()
large = bytearray(300 << 20)
large[::4096] = b"x" * len(large[::4096])
del large
before = peak_memory_mb()
peak.forget()
print(before, peak_memory_mb())
"""


def python(code: str, *arguments: object) -> str:
    surroundings = environment()
    surroundings["PYTHONPATH"] += os.pathsep + str(REPOSITORY)
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", env=surroundings, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def tried(tmp_path):
    """What a confined process says of its protections, and how its tries ended."""
    import socket

    if sys.platform != "linux":
        pytest.skip("the sandbox is Linux's Landlock")
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    other.mkdir()
    (other / "secret").write_text("secret", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        output = python(TRIES, own, other / "secret", os.getpid(), port)
    said, outcomes = json.loads(output)
    if any("NO sandbox" in words for words in said):
        pytest.skip(f"this system has no Landlock: {said}")
    return said, outcomes


def test_a_confined_worker_reaches_its_folder_and_its_programs_alone(tried):
    said, outcomes = tried
    denied = "PermissionError"
    assert outcomes == {
        "own file": "done",
        "other file": denied,
        "other folder": denied,
        "system file": denied,
        "written elsewhere": denied,
        "other environment": denied,
        "network": denied if "and no network" in said[-1] else outcomes["network"],
        "memory": "MemoryError",
        "large file": "OSError",
        "library": "done",
        "weights": "done",
    }


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's clear_refs")
def test_a_worker_with_a_gpu_may_write_to_its_devices_alone(tmp_path):
    for name in ("sda", "kmsg", "tty", "null", "nvme0"):
        (tmp_path / name).touch()
    assert not has_gpu(tmp_path)
    for name in ("nvidiactl", "nvidia0", "nvidia-uvm"):
        (tmp_path / name).touch()
    (tmp_path / "nvidia-caps").mkdir()
    assert has_gpu(tmp_path)
    names = {path.name for path in gpu_devices(tmp_path)}
    assert names == {"nvidiactl", "nvidia0", "nvidia-uvm", "nvidia-caps"}


def test_the_peak_of_memory_is_told_anew_for_each_scan():
    before, after = map(float, python(PEAK).split())
    assert before > 300
    assert after < before - 200


@pytest.mark.slow
def test_a_scan_that_is_not_t1_is_told_before_anybody_starts(sample_path, tmp_path):
    from Web.first_look import first_look
    from Web.upload_checks import check_upload

    look = first_look()
    codes = [flag["code"] for flag in check_upload(sample_path, 1 << 28, look=look).flags]
    assert "not_t1_like" not in codes
    scan = read_scan(sample_path).volume
    # Fluid bright and white matter dark, air as it was.
    turned = VoxelImage((scan.array.max() - scan.array) * (scan.array > 0), scan.affine)
    path = write_scan(tmp_path / "t2.nii", turned)
    codes = [flag["code"] for flag in check_upload(path, 1 << 28, look=look).flags]
    assert "not_t1_like" in codes
    # What shows no head is left to the engine, which looks for heads that lie otherwise.
    path = write_scan(tmp_path / "ball.nii.gz", head_volume())
    check_upload(path, 1 << 28, look=look)
