"""Accelerators that fail, memory that runs out, a torch that does not fit numpy."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from HypothalamusSegLib.batch import segment_files
from HypothalamusSegLib.errors import OutOfMemoryError, WeightsError
from HypothalamusSegLib.machine.devices import DeviceFailure, arithmetic_of, choose_device
from HypothalamusSegLib.machine.memory import is_out_of_memory, name_lack_of_memory
from HypothalamusSegLib.options import Options
from HypothalamusSegLib.pipeline import Segmenter
from HypothalamusSegLib.reading import read_scan

from Testing.support.command_runs import environment

# A device of torch that takes networks and fails at the first result, as an accelerator can.
FAILING_DEVICE = "meta"
PETABYTE = 1 << 50
# Beyond what torch takes: twice what the sample needs with one network and one thread. The large
# scan can be read within it, but not smoothed.
LIMIT_MB = 400


@pytest.fixture(scope="module")
def plain(sample_path):
    """What a processor finds at once."""
    return Segmenter(Options(device="cpu", folds=(0,))).segment(read_scan(sample_path))


@pytest.fixture(scope="module")
def failed_and_repeated(sample_path, tmp_path_factory):
    """The command on two scans with a device that fails: its code, standard output and error."""
    folder = tmp_path_factory.mktemp("failing")
    twin = folder / "twin.nii.gz"
    twin.symlink_to(sample_path)
    options = Options(("icv",), device=FAILING_DEVICE, folds=(0,))
    said = io.StringIO(), io.StringIO()
    with redirect_stdout(said[0]), redirect_stderr(said[1]):
        scans = [sample_path, twin]
        code = segment_files(scans, folder, options, "json", with_overview=False)
    return code, *(stream.getvalue() for stream in said)


def test_a_failing_accelerator_is_replaced_by_the_cpu_with_the_same_answer(
    failed_and_repeated, plain
):
    events = [json.loads(line) for line in failed_and_repeated[1].splitlines()]
    results = [event["result"] for event in events if event["event"] == "result"]
    assert len(results) == 2
    (icv,) = (volume for volume in plain.volumes if volume.structure == "icv")
    for result in results:
        assert result["icv_mm3"] == round(icv.volume_mm3, 3)
        provenance = result["provenance"]
        assert provenance["device"] == "cpu"
        assert provenance["device_failure"]["device"] == FAILING_DEVICE
        assert provenance["device_failure"]["out_of_memory"] is False
        assert "meta tensor" in provenance["device_failure"]["error"]
    assert plain.provenance["device_failure"] is None


def test_the_command_says_that_the_accelerator_failed_and_ends_well(failed_and_repeated):
    code, stdout, stderr = failed_and_repeated
    assert code == 0
    assert "The device meta failed; the scan was computed on the CPU instead" in stderr
    fractions = [
        event["fraction"]
        for line in stdout.splitlines()
        if "fraction" in (event := json.loads(line))
    ]
    assert fractions == sorted(fractions)


@pytest.mark.parametrize("device", ["mps", "cuda"])
def test_an_accelerator_that_is_not_there_is_replaced_by_the_cpu(device):
    if getattr(torch, device).is_available():
        pytest.skip(f"this machine has {device}")
    segmenter = Segmenter(Options(("icv",), device=device, folds=(0,)))
    assert segmenter.device == "cpu"
    assert segmenter.device_failure.device == device


def test_what_fails_on_the_cpu_is_not_tried_again(sample_path, monkeypatch):
    segmenter = Segmenter(Options(("icv",), device="cpu", folds=(0,)))
    tries = []

    def broken(volume, clock):
        tries.append(volume)
        raise RuntimeError("a fault of the program")

    monkeypatch.setattr(segmenter, "run_stages", broken)
    with pytest.raises(RuntimeError, match="a fault of the program"):
        segmenter.segment(read_scan(sample_path))
    assert len(tries) == 1


@pytest.mark.parametrize(("has_cuda", "expected"), [(True, "cuda"), (False, "cpu")])
def test_auto_never_means_mps(monkeypatch, has_cuda, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto") == expected


@pytest.mark.parametrize(
    "allocate",
    [
        lambda: np.empty(PETABYTE, np.uint8),
        lambda: torch.empty(PETABYTE, dtype=torch.uint8),
        lambda: sitk.Image([100_000] * 3, sitk.sitkFloat64),
    ],
    ids=["numpy", "torch", "ITK"],
)
def test_a_lack_of_memory_is_recognised_whoever_tells_of_it(allocate):
    with (
        pytest.raises(OutOfMemoryError, match=r"head\.nii"),
        name_lack_of_memory(Path("head.nii")),
    ):
        allocate()


def test_an_accelerators_lack_of_memory_is_recognised():
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    assert DeviceFailure.of("cuda", error).out_of_memory
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 5 GB)"))


def test_other_failures_are_not_taken_for_a_lack_of_memory():
    with pytest.raises(RuntimeError, match="size mismatch"), name_lack_of_memory(Path("a.nii")):
        raise RuntimeError("size mismatch")
    assert not is_out_of_memory(WeightsError("the memory of a file"))


@pytest.fixture(scope="module")
def large_scan(tmp_path_factory) -> Path:
    """350³ voxels of 0.7 mm, nearly all of them a hole in the file.

    It lies askew, so that the engine smooths all of it, and copies that.
    """
    path = tmp_path_factory.mktemp("large") / "large.nii"
    small = sitk.Image([4, 4, 4], sitk.sitkInt16)
    small.SetSpacing([0.7] * 3)
    small.SetDirection([0.96, -0.28, 0, 0.28, 0.96, 0, 0, 0, 1])
    sitk.WriteImage(small, str(path))
    header = bytearray(path.read_bytes()[:352])
    header[42:48] = np.array([350] * 3, "<i2").tobytes()
    with path.open("wb") as stream:
        stream.write(header)
        stream.truncate(352 + 2 * 350**3)
    voxels = np.memmap(path, "<i2", "r+", 352, (350, 350, 350))
    voxels[145:205, 145:205, 145:205] = np.arange(60)
    voxels.flush()
    return path


# What torch itself takes differs from one machine to the next, so that it is not limited.
LIMITED = f"""
import resource, sys
from HypothalamusSegLib import batch
from HypothalamusSegLib.command_line import main
from HypothalamusSegLib.machine.devices import import_torch
import_torch()
with open("/proc/self/statm") as sizes:
    limit = int(sizes.read().split()[0]) * resource.getpagesize() + ({LIMIT_MB} << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
sys.exit(main(sys.argv[1:]))
"""


def test_a_scan_too_large_for_the_memory_is_named_and_the_others_go_on(
    large_scan, sample_path, tmp_path
):
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux keeps to this limit")
    words = ("segment", large_scan, sample_path, "--output", tmp_path, "--progress", "json")
    more = ("--structures", "icv", "--folds", "0", "--threads", "1", "--no-overview")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *map(str, (*words, *more))],
        capture_output=True,
        encoding="utf-8",
        # Every thread reserves addresses of its own, of which only the limit is short here.
        env={**environment(), "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    ends = [event for event in events if event["event"] != "progress"]
    assert [end["event"] for end in ends] == ["error", "result"], done.stderr
    assert ends[0]["code"] == "out_of_memory"
    assert "large.nii" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 1
    # It failed in the stage that this test is about, and not on reading.
    assert "Not enough memory to segment" in done.stderr


# What torch finds where it was made for numpy 1 and meets numpy 2: no table of numpy's functions.
WITHOUT_BRIDGE = """
import sys
import numpy._core._multiarray_umath as numpy_core
del numpy_core._ARRAY_API
from HypothalamusSegLib.command_line import main
code = main(sys.argv[1:])
main(["info"])
sys.exit(code)
"""


def test_a_torch_that_does_not_fit_numpy_is_named_with_what_to_install(sample_path, tmp_path):
    words = ("segment", sample_path, "--output", tmp_path, "--progress", "json")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_BRIDGE, *map(str, words)],
        capture_output=True,
        encoding="utf-8",
        env=environment(),
    )
    events = [line for line in done.stdout.splitlines() if line.startswith("{")]
    info = done.stdout.removeprefix("".join(f"{line}\n" for line in events))
    assert json.loads(events[-1])["code"] == "torch_unusable"
    for said in (events[-1], info):
        assert "Install an older NumPy: pip install 'numpy<2'." in said
    assert "Traceback" not in done.stderr
    assert done.returncode == 1


def test_short_arithmetic_moves_no_volume_by_more_than_three_hundredths_of_a_percent(
    sample_path, plain, monkeypatch
):
    if arithmetic_of("cpu") != "bfloat16":
        pytest.skip("this processor has no instructions for bfloat16")
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    long = Segmenter(Options(device="cpu", folds=(0,))).segment(read_scan(sample_path))
    assert plain.provenance["arithmetic"] == "bfloat16"
    assert long.provenance["arithmetic"] == "float32"
    for one, other in zip(plain.volumes, long.volumes, strict=True):
        assert one.volume_mm3 == pytest.approx(other.volume_mm3, rel=3e-4)
    assert np.mean(plain.hypothalamus.array == long.hypothalamus.array) > 0.9999


def test_accelerators_keep_their_own_arithmetic():
    assert arithmetic_of("cuda") == "float32"
