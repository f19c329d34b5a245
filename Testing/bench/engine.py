"""Seconds and memory of a run on this machine, stage by stage.

    python -m Testing.bench.engine [INPUT] [--threads 2] [--repeats 3] [--weights FOLDER]

The real command line is started as a new process with several names of one head; its progress
events tell when each stage began. A cold start is a new process; the files may lie in the system's
cache. What the networks' arithmetic takes of it is measured in this process, by hooks around each
forward call. Nothing is asserted: this is a measurement, not a test. Seconds of the processor, of
all threads together, depend less on what else the machine does than those on the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
import SimpleITK as sitk
from HypothalamusSegLib.geometry.resampling import resample_cubic
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage, image_from_volume
from HypothalamusSegLib.machine.processes import processor_name
from HypothalamusSegLib.machine.sample import sample_scan
from HypothalamusSegLib.networks import weight_files
from HypothalamusSegLib.options import Options
from HypothalamusSegLib.pipeline import Segmenter
from HypothalamusSegLib.reading import read_scan
from HypothalamusSegLib.results.files import write_all
from HypothalamusSegLib.results.record import ResultRecord

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = Path(weight_files.__file__).resolve().parents[1]
WHOLE_HEAD = "data/hypothalamus/sub-ucla01/anat/sub-ucla01_T1w.nii.gz"
WHOLE_HEAD_SHAPE, WHOLE_HEAD_SPACING_MM = (192, 256, 256), 1.0
HEADS_PER_RUN = 4
# Stages as progress events name them, and what they are.
STAGES = {
    "start": "start of Python, numpy, SimpleITK",
    "read": "read the scan",
    "networks": "import torch, load the networks",
    "coarse": "coarse stage",
    "fine": "fine stage",
    "measure": "measure",
    "write": "write the files and the picture",
}
HeadTimes = dict[str, float]


@dataclass
class BatchRun:
    """What one process needed, by stage.

    Attributes
    ----------
    clock_s, processor_s : list of dict
        Seconds of each stage, one dictionary a head.
    peak_mb : dict
        Peak memory so far at the end of each stage of the first head.
    batch_peak_mb : list of float
        Peak memory so far at the end of each head.
    """

    clock_s: list[HeadTimes] = field(default_factory=list)
    processor_s: list[HeadTimes] = field(default_factory=list)
    peak_mb: HeadTimes = field(default_factory=dict)
    batch_peak_mb: list[float] = field(default_factory=list)


def prepare_input(given: Path | None, folder: Path) -> Path:
    """The given scan; else a whole head of the training data at 1 mm; else the demo's sample."""
    source = REPOSITORY.parent / "shared" / WHOLE_HEAD
    if given is not None:
        return given.resolve()
    if not source.exists():
        return sample_scan()
    volume = read_scan(source).volume
    grid = Grid.axis_aligned(volume.grid.centre_mm, WHOLE_HEAD_SHAPE, WHOLE_HEAD_SPACING_MM)
    array = resample_cubic(volume, grid).clip(0).round().astype(np.int16)
    path = folder / "whole_head_1mm.nii.gz"
    sitk.WriteImage(image_from_volume(VoxelImage(array, grid.affine)), str(path))
    return path


def package_with(weights: Path | None, folder: Path) -> Path:
    """A folder to import the package from: the one in use, or a copy that holds other weights."""
    if weights is None:
        return PACKAGE.parent
    copy = folder / "package"
    shutil.copytree(PACKAGE, copy / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(weights, copy / PACKAGE.name / "weights")
    return copy


def run_command_line(inputs: list[Path], output: Path, package: Path, threads: int) -> BatchRun:
    """Run the command on several heads and watch it from outside."""
    command = [sys.executable, "-m", PACKAGE.name, "segment", *map(str, inputs)]
    command += ["--output", str(output), "--threads", str(threads), "--device", "cpu"]
    environment = {**os.environ, "PYTHONPATH": str(package)}
    run = BatchRun([{}], [{}])
    stage, since, used = "start", time.monotonic(), 0.0
    with subprocess.Popen(
        [*command, "--progress", "json"], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        for line in process.stdout:
            event, now = json.loads(line), time.monotonic()
            if event["event"] == "error":
                raise SystemExit(f"bench: {event['message']}")
            finished = event["event"] == "result"
            reached = "read" if finished else event["stage"]
            if reached == stage and not finished:
                continue
            used_now = processor_seconds(process.pid)
            run.clock_s[-1][stage] = now - since
            run.processor_s[-1][stage] = used_now - used
            if len(run.clock_s) == 1:
                run.peak_mb[stage] = peak_memory_mb(process.pid, event)
            if finished:
                run.batch_peak_mb.append(peak_memory_mb(process.pid, event))
                run.clock_s.append({})
                run.processor_s.append({})
            stage, since, used = reached, now, used_now
    if process.returncode:
        raise SystemExit(f"bench: the command line ended with {process.returncode}")
    del run.clock_s[-1], run.processor_s[-1]
    return run


def processor_seconds(process: int) -> float:
    """What all threads of a running process used so far; NaN where the system does not tell."""
    try:
        fields = (
            Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        )
    except OSError:  # not Linux
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_memory_mb(process: int, event: dict) -> float:
    """Largest resident size of a running process so far; NaN where the system does not tell."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:  # not Linux: at the end the engine says it itself
        return event.get("result", {}).get("provenance", {}).get("peak_memory_mb") or float("nan")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def seconds_to_import_torch(package: Path) -> float:
    code = "import time; t = time.monotonic(); import torch; print(time.monotonic() - t)"
    environment = {**os.environ, "PYTHONPATH": str(package)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    return float(done.stdout)


def network_seconds(path: Path, output: Path, weights: Path | None, threads: int) -> dict:
    """Arithmetic of the networks within this process, for the first head and for a further one.

    Returns
    -------
    dict
        ``first`` and ``further``: (seconds within forward calls, seconds of the whole head,
        number of forward calls).
    """
    segmenter = Segmenter(Options(device="cpu", threads=threads), weights)
    spent: list[float] = []
    for networks in segmenter.networks.values():
        for network in networks:
            network.register_forward_pre_hook(lambda *_: spent.append(-time.monotonic()))
            network.register_forward_hook(lambda *_: spent.append(time.monotonic()))
    found = {}
    for name in ("first", "further"):
        spent.clear()
        began = time.monotonic()
        write_all(ResultRecord.of(segmenter.segment(read_scan(path))), output)
        found[name] = (sum(spent), time.monotonic() - began, len(spent) // 2)
    return found


def print_machine(path: Path, arguments: argparse.Namespace) -> None:
    import torch

    scan = read_scan(path).volume
    size = " × ".join(map(str, scan.array.shape))
    spacing = " × ".join(f"{mm:.2f}" for mm in scan.spacing_mm)
    print(f"Machine: {processor_name()}, {platform.platform()}")
    print(f"Python {platform.python_version()}, torch {torch.__version__}")
    if hasattr(os, "getloadavg"):
        print(f"Load before the start: {os.getloadavg()[0]:.1f} (other programs slow this down)")
    print(f"Input: {path.name}, {size} voxels of {spacing} mm")
    print(f"Threads: {arguments.threads}; n = {arguments.repeats} runs, medians\n")


def print_table(runs: list[BatchRun]) -> tuple[float, float]:
    """Medians over runs by stage; returns the seconds of a cold start and of a further head."""
    cold, further = ([run.clock_s[0] for run in runs], [h for r in runs for h in r.clock_s[1:]])
    cold_cpu = [run.processor_s[0] for run in runs]
    further_cpu = [head for run in runs for head in run.processor_s[1:]]
    print(f"{'':<36}{'cold start':>24}{'peak so far':>13}{'further head':>24}")
    print(f"{'stage':<36}{'s':>12}{'processor s':>12}{'MB':>13}{'s':>12}{'processor s':>12}")
    for stage, name in STAGES.items():
        cells = [f"{median(head[stage] for head in heads):.2f}" for heads in (cold, cold_cpu)]
        cells.append(f"{median(run.peak_mb[stage] for run in runs):.0f}")
        for heads in (further, further_cpu):
            known = all(stage in head for head in heads)
            cells.append(f"{median(head[stage] for head in heads):.2f}" if known else "–")
        print(f"{name:<36}" + "".join(map(str.rjust, cells, (12, 12, 13, 12, 12))))
    sums = [f"{total(heads):.2f}" for heads in (cold, cold_cpu, further, further_cpu)]
    sums.insert(2, "")
    print(f"{'whole':<36}" + "".join(map(str.rjust, sums, (12, 12, 13, 12, 12))))
    peaks = ", ".join(
        f"{median(peak):.0f}" for peak in zip(*(r.batch_peak_mb for r in runs), strict=True)
    )
    print(f"peak memory after each head of the batch, MB: {peaks}\n")
    return total(cold), total(further)


def total(heads: list[HeadTimes]) -> float:
    return median(sum(head.values()) for head in heads)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m Testing.bench.engine", description=__doc__)
    parser.add_argument("input", nargs="?", type=Path, metavar="INPUT", help="a T1w head scan")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--weights", type=Path, help="other weights than the package's")
    parser.add_argument("--output", type=Path, default=Path("bench-output"))
    options = parser.parse_args(arguments)
    folder = options.output
    shutil.rmtree(folder / "package", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    path = prepare_input(options.input, folder)
    package = package_with(options.weights, folder)
    print_machine(path, options)

    suffix = "".join(path.suffixes[-2:]) if path.name.endswith(".gz") else path.suffix
    inputs = []
    for number in range(1, HEADS_PER_RUN + 1):
        inputs.append(folder / f"head{number}{suffix}")
        shutil.copyfile(path, inputs[-1])
    runs = [
        run_command_line(inputs, folder, package.resolve(), options.threads)
        for _ in range(options.repeats)
    ]
    cold, further = print_table(runs)
    imports = [seconds_to_import_torch(package.resolve()) for _ in range(options.repeats)]
    print(f"import torch alone: {median(imports):.2f} s")
    networks = network_seconds(path, folder, options.weights, options.threads)
    for name, whole in (("first", cold), ("further", further)):
        inside, head, calls = networks[name]
        print(
            f"networks, {name} head: {inside:.2f} s in {calls} forward calls = "
            f"{100 * inside / head:.0f} % of that head in this process ({head:.2f} s), "
            f"{100 * inside / whole:.0f} % of the command line's time"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
