"""Accelerators that fail, memory that runs out, a torch that does not fit numpy."""

from __future__ import annotations

import json
import subprocess
import sys
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

from Testing.support.command_runs import command_line, environment

# A device of torch that takes networks and fails at the first result, as an accelerator can.
FAILING_DEVICE = "meta"
PETABYTE = 1 << 50
# Enough for the sample with one network and one thread, not for the large scan.
LIMIT_MB = 1700


@pytest.fixture(scope="module")
def failed_and_repeated(sample_path):
    segmenter = Segmenter(Options(("icv",), device=FAILING_DEVICE, folds=(0,)))
    assert segmenter.device == FAILING_DEVICE
    scan = read_scan(sample_path)
    return segmenter, [segmenter.segment(scan) for _ in range(2)]


def test_a_failing_accelerator_is_replaced_by_the_cpu_with_the_same_answer(
    failed_and_repeated, sample_path
):
    segmenter, results = failed_and_repeated
    assert segmenter.device == "cpu"
    plain = Segmenter(Options(("icv",), device="cpu", folds=(0,))).segment(read_scan(sample_path))
    for result in results:
        assert result.volumes == plain.volumes
        assert result.provenance["device"] == "cpu"
        assert result.provenance["device_failure"]["device"] == FAILING_DEVICE
        assert "meta tensor" in result.provenance["device_failure"]["error"]
    assert plain.provenance["device_failure"] is None


def test_the_command_says_that_the_accelerator_failed_and_ends_well(sample_path, tmp_path, capsys):
    options = Options(("icv",), device=FAILING_DEVICE, folds=(0,))
    assert segment_files([sample_path], tmp_path, options, "json", with_overview=False) == 0
    said = capsys.readouterr()
    assert "The device meta failed; the scan was computed on the CPU instead" in said.err
    events = [json.loads(line) for line in said.out.splitlines()]
    fractions = [event["fraction"] for event in events if event["event"] == "progress"]
    assert fractions == sorted(fractions)
    assert events[-1]["result"]["provenance"]["device_failure"]["out_of_memory"] is False


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
    """480³ voxels of half a millimetre, nearly all of them a hole in the file."""
    path = tmp_path_factory.mktemp("large") / "large.nii"
    small = sitk.Image([4, 4, 4], sitk.sitkInt16)
    small.SetSpacing([0.5] * 3)
    sitk.WriteImage(small, str(path))
    header = bytearray(path.read_bytes()[:352])
    header[42:48] = np.array([480] * 3, "<i2").tobytes()
    with path.open("wb") as stream:
        stream.write(header)
        stream.truncate(352 + 2 * 480**3)
    voxels = np.memmap(path, "<i2", "r+", 352, (480, 480, 480))
    voxels[200:280, 200:280, 200:280] = np.arange(80)
    voxels.flush()
    return path


def test_a_scan_too_large_for_the_memory_is_named_and_the_others_go_on(
    large_scan, sample_path, tmp_path
):
    resource = pytest.importorskip("resource")
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux keeps to this limit")
    limit = LIMIT_MB << 20
    done = subprocess.run(
        command_line(
            *("segment", large_scan, sample_path, "--output", tmp_path, "--progress", "json"),
            *("--structures", "icv", "--folds", "0", "--threads", "1", "--no-overview"),
        ),
        capture_output=True,
        encoding="utf-8",
        # Every thread reserves addresses of its own, of which only the limit is short here.
        env={**environment(), "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
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
sys.exit(main(sys.argv[1:]))
"""


def test_a_torch_that_does_not_fit_numpy_is_named_with_what_to_install(sample_path, tmp_path):
    arguments = ("segment", sample_path, "--output", tmp_path, "--progress", "json")
    for words in (arguments, ("info",)):
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT_BRIDGE, *map(str, words)],
            capture_output=True,
            encoding="utf-8",
            env=environment(),
        )
        assert "Install an older NumPy: pip install 'numpy<2'." in done.stdout
        assert "Traceback" not in done.stderr
        if "info" not in words:
            assert done.returncode == 1
            assert json.loads(done.stdout.splitlines()[-1])["code"] == "torch_unusable"


def test_short_arithmetic_moves_no_volume_by_more_than_three_hundredths_of_a_percent(
    sample_path, monkeypatch
):
    if arithmetic_of("cpu") != "bfloat16":
        pytest.skip("this processor has no instructions for bfloat16")
    scan = read_scan(sample_path)
    segmenter = Segmenter(Options(device="cpu", folds=(0,)))
    short = segmenter.segment(scan)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    long = segmenter.segment(scan)
    assert short.provenance["arithmetic"] == "bfloat16"
    assert long.provenance["arithmetic"] == "float32"
    for one, other in zip(short.volumes, long.volumes, strict=True):
        assert one.volume_mm3 == pytest.approx(other.volume_mm3, rel=3e-4)
    assert np.mean(short.hypothalamus.array == long.hypothalamus.array) > 0.9999


def test_accelerators_keep_their_own_arithmetic():
    assert arithmetic_of("cuda") == "float32"
