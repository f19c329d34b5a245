"""What the extension's package holds, and that it works without the source tree around it."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from HypothalamusSegLib.machine.sample import sample_scan

from Testing.support.cmake_lists import read_commands
from Testing.support.command_runs import REPOSITORY, SHARED_DATA

MODULE = REPOSITORY / "HypothalamusSeg"
# Where the package puts scripted modules; Slicer's own name goes into it, but matters to nobody.
INSTALLED = "qt-scripted-modules"
MODULE_KEYWORDS = ("NAME", "SCRIPTS", "RESOURCES", "WITH_GENERIC_TESTS")
INSTALL_KEYWORDS = ("FILES", "DESTINATION", "COMPONENT")


def packaged_files() -> dict[str, Path]:
    """Every file of the package: its place in it, and where it comes from."""
    before = {
        "HypothalamusSeg_SOURCE_DIR": str(REPOSITORY),
        "Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR": INSTALLED,
    }
    files = {}
    for command in read_commands(MODULE / "CMakeLists.txt", before):
        if command.name == "slicermacrobuildscriptedmodule":
            for keyword in ("SCRIPTS", "RESOURCES"):
                for name in command.values(keyword, MODULE_KEYWORDS):
                    files[f"{INSTALLED}/{name}"] = MODULE / name
        elif command.name == "install":
            (folder,) = command.values("DESTINATION", INSTALL_KEYWORDS)
            for name in command.values("FILES", INSTALL_KEYWORDS):
                files[f"{folder}/{Path(name).name}"] = Path(name)
    return files


def files_of_the_module() -> set[str]:
    return {
        path.relative_to(MODULE).as_posix()
        for path in MODULE.rglob("*")
        if path.is_file()
        and path.name != "CMakeLists.txt"
        and not any(
            part.startswith(".") or part == "__pycache__" or part.endswith(".egg-info")
            for part in path.relative_to(MODULE).parts
        )
    }


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    """The install tree of the extension, put together by its CMake lists."""
    root = tmp_path_factory.mktemp("package")
    for place, source in packaged_files().items():
        target = root / place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return root / INSTALLED


def run_packaged(package: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess:
    """Run Python with the package on its path and nothing of the repository."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        encoding="utf-8",
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(package), "PYTHONIOENCODING": "utf-8"},
        timeout=600,
    )


def test_every_file_of_the_module_is_packaged():
    prefix = f"{INSTALLED}/"
    listed = {place.removeprefix(prefix) for place in packaged_files()}
    assert sorted(files_of_the_module() - listed) == []


def test_every_packaged_file_exists():
    assert [str(source) for source in packaged_files().values() if not source.is_file()] == []


def test_no_file_is_listed_twice():
    (module,) = (
        command
        for command in read_commands(MODULE / "CMakeLists.txt")
        if command.name == "slicermacrobuildscriptedmodule"
    )
    for keyword in ("SCRIPTS", "RESOURCES"):
        names = module.values(keyword, MODULE_KEYWORDS)
        assert len(names) == len(set(names))
        assert names, keyword


def test_the_weights_of_the_manifest_are_packaged_with_their_card(package):
    manifest = json.loads((REPOSITORY / "weights" / "manifest.json").read_text(encoding="utf-8"))
    folds = [fold["file"] for plan in manifest["structures"].values() for fold in plan["folds"]]
    packaged = {path.name for path in (package / "HypothalamusSegLib" / "weights").iterdir()}
    assert packaged == {"manifest.json", "MODEL_CARD.md", *folds}


def test_the_build_tree_gets_the_same_weights_as_the_package():
    commands = read_commands(MODULE / "CMakeLists.txt")
    (copying,) = (command for command in commands if command.name == "add_custom_target")
    (installing,) = (command for command in commands if command.name == "install")
    *copied, folder = copying.values("copy_if_different", ("COMMENT",))
    assert copied == installing.values("FILES", INSTALL_KEYWORDS)
    assert folder.endswith("${Slicer_QTSCRIPTEDMODULES_LIB_DIR}/HypothalamusSegLib/weights")


def test_the_packaged_engine_is_its_own_and_finds_and_verifies_its_weights(package, tmp_path):
    where = "import HypothalamusSegLib; print(HypothalamusSegLib.__file__)"
    done = run_packaged(package, "-c", where, folder=tmp_path)
    assert Path(done.stdout.strip()).is_relative_to(package), done.stderr
    done = run_packaged(package, "-m", "HypothalamusSegLib", "info", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("verified") == 15


@pytest.mark.slow
def test_the_package_segments_a_scan(package, tmp_path):
    # Heads with their skull, so that the ICV is one.
    scans = sorted((SHARED_DATA / "hypothalamus").glob("sub-ucla*/anat/*_T1w.nii.gz"))
    scan = scans[0] if scans else sample_scan()
    output = tmp_path / "output"
    done = run_packaged(
        package,
        *("-m", "HypothalamusSegLib", "segment", str(scan), "--output", str(output)),
        *("--structures", "hypothalamus,icv", "--folds", "0", "--threads", "1"),
        *("--device", "cpu", "--progress", "none"),
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    (table,) = output.glob("*_volumes.csv")
    with table.open(newline="", encoding="utf-8") as stream:
        volumes = {row["structure"]: float(row["volume_mm3"]) for row in csv.DictReader(stream)}
    assert 200 < volumes["hypothalamus_left"] < 1000
    assert 200 < volumes["hypothalamus_right"] < 1000
    assert 8e5 < volumes["icv"] < 2.2e6
