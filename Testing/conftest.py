"""Scans and results that several tests share; each costs seconds, so each is made once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"


@dataclass(frozen=True)
class CommandRun:
    """A finished process of the command line."""

    code: int
    stdout: str
    stderr: str
    output: Path

    @property
    def events(self) -> list[dict]:
        return [json.loads(line) for line in self.stdout.splitlines()]


def command_line(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "HypothalamusSegLib", *map(str, arguments)]


def environment() -> dict[str, str]:
    paths = {"PYTHONPATH": str(REPOSITORY / "HypothalamusSeg"), "PYTHONIOENCODING": "utf-8"}
    return {**os.environ, **paths}


def run_command(output: Path, *arguments: object, seconds: float = 300) -> CommandRun:
    done = subprocess.run(
        command_line(*arguments),
        capture_output=True,
        encoding="utf-8",
        env=environment(),
        timeout=seconds,
    )
    return CommandRun(done.returncode, done.stdout, done.stderr, output)


@pytest.fixture(scope="session")
def sample_image() -> sitk.Image:
    """The demo's brain with whole-number intensities, which every format can hold exactly."""
    from HypothalamusSegLib.sample import sample_scan

    image = sitk.ReadImage(str(sample_scan()), sitk.sitkFloat32)
    largest = float(sitk.GetArrayViewFromImage(image).max())
    return sitk.Cast(image * (1000.0 / largest), sitk.sitkInt16)


@pytest.fixture(scope="session")
def sample_path(sample_image, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "brain.nii.gz"
    sitk.WriteImage(sample_image, str(path))
    return path


@pytest.fixture(scope="session")
def sample_run(sample_path, tmp_path_factory) -> CommandRun:
    """One run of the command on the sample, with everything switched on."""
    output = tmp_path_factory.mktemp("run") / "output"
    arguments = ("segment", sample_path, "--output", output, "--subunits", "--progress", "json")
    return run_command(output, *arguments)


@pytest.fixture(scope="session")
def sample_json(sample_run) -> dict:
    return json.loads((sample_run.output / "brain_volumes.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def segmenter():
    """Both ensembles with their real weights."""
    from HypothalamusSegLib.pipeline import Options, Segmenter

    return Segmenter(Options(device="cpu"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    if not SHARED_DATA.exists():
        pytest.skip("the labelled scans of ../shared/data are not here")
    return SHARED_DATA


def read_labels(path: Path) -> tuple[np.ndarray, float]:
    """A label map's array (k, j, i) and its voxel's volume in mm³."""
    image = sitk.ReadImage(str(path))
    return sitk.GetArrayFromImage(image), float(np.prod(image.GetSpacing()))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """A test that fails beside a running web server shows what the server wrote last."""
    report = yield
    web_server = sys.modules.get("web_server")
    if report.failed and web_server:
        report.sections += [("web server", words) for words in web_server.last_words()]
    return report
