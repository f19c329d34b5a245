"""Scans and results that several tests share; each costs seconds, so each is made once."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import SimpleITK as sitk

from Testing.support import distribution
from Testing.support.command_runs import SHARED_DATA, CommandRun, call_command, run_command
from Testing.support.made_once import made_once
from Testing.support.sample_head import read_sample

# Of garbage collection; Python's own thresholds are 700, 10 and 10.
RARELY = (20_000, 20, 20)


@pytest.fixture(scope="session")
def sample_image() -> sitk.Image:
    return read_sample()


@pytest.fixture(scope="session")
def sample_path(tmp_path_factory, request) -> Path:
    def write(folder: Path) -> None:
        image = request.getfixturevalue("sample_image")
        sitk.WriteImage(image, str(folder / "brain.nii.gz"))

    return made_once("sample", tmp_path_factory, write) / "brain.nii.gz"


@pytest.fixture(scope="session")
def sample_run(sample_path, tmp_path_factory) -> CommandRun:
    """One run of the command on the sample, with everything switched on; only to be read."""
    return _run_once("sample_run", run_command, tmp_path_factory, sample_path)


@pytest.fixture(scope="session")
def quick_run(sample_path, tmp_path_factory) -> CommandRun:
    """The same with one network of each ensemble and one thread: for what is compared with it."""
    quick = ("--folds", "0", "--threads", "1")
    return _run_once("quick_run", call_command, tmp_path_factory, sample_path, *quick)


def _run_once(
    name: str,
    command: Callable[..., CommandRun],
    tmp_path_factory: pytest.TempPathFactory,
    sample_path: Path,
    *options: str,
) -> CommandRun:
    def run(folder: Path) -> None:
        output = folder / "output"
        arguments = ("segment", sample_path, "--output", output, "--subunits", "--progress", "json")
        done = command(output, *arguments, *options)
        said = {"code": done.code, "stdout": done.stdout, "stderr": done.stderr}
        (folder / "said.json").write_text(json.dumps(said), encoding="utf-8")

    folder = made_once(name, tmp_path_factory, run)
    said = json.loads((folder / "said.json").read_text(encoding="utf-8"))
    return CommandRun(output=folder / "output", **said)


@pytest.fixture(scope="session")
def sample_json(sample_run) -> dict:
    return json.loads((sample_run.output / "brain_volumes.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def quick_json(quick_run) -> dict:
    return json.loads((quick_run.output / "brain_volumes.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def segmenter():
    """One real network of each ensemble: what holds for it does so for their mean."""
    from HypothalamusSegLib.options import Options
    from HypothalamusSegLib.pipeline import Segmenter

    return Segmenter(Options(device="cpu", folds=(0,)))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    if not SHARED_DATA.exists():
        pytest.skip("the labelled scans of ../shared/data are not here")
    return SHARED_DATA


def pytest_configure():
    """Collect tests without garbage collection, which takes a third of that time."""
    gc.disable()


def pytest_collection_finish():
    """From here on, collect garbage seldom, and leave alone what the collection of tests made."""
    gc.freeze()
    gc.set_threshold(*RARELY)
    gc.enable()


def pytest_collection_modifyitems(config, items):
    distribution.mark_slow(items)
    if hasattr(config, "workerinput"):  # one of pytest-xdist's processes
        distribution.sort(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return distribution.scheduler(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """A test that fails beside a running web server shows what the server wrote last."""
    report = yield
    web_server = sys.modules.get("Testing.support.web_server")
    if report.failed and web_server:
        report.sections += [("web server", words) for words in web_server.last_words()]
    return report
