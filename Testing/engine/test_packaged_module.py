"""What the extension's package holds, and that it works without the source tree around it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import cmake
import pytest
from HypothalamusSegLib.machine.sample import sample_scan

from Testing.support.command_runs import REPOSITORY, SHARED_DATA
from Testing.support.own_modules import imported_names, modules
from Testing.support.worker_process import WorkerProcess

MODULE = REPOSITORY / "HypothalamusSeg"
# Where the package puts scripted modules; Slicer's own name goes into it, but matters to nobody.
INSTALLED = "qt-scripted-modules"
TRAINING = "HypothalamusSegTraining"
NOT_IN_SLICER = ("matplotlib", "nibabel", "monai", "torchio", "pandas", "Training")
# What Slicer brings: its macro installs each file at its place below the folder of the modules.
PROJECT = """
cmake_minimum_required(VERSION 3.20)
project(Extension NONE)
set(HypothalamusSeg_SOURCE_DIR [[{repository}]])
set(Slicer_QTSCRIPTEDMODULES_LIB_DIR {installed})
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR {installed})
function(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MODULE "WITH_GENERIC_TESTS" "NAME" "SCRIPTS;RESOURCES" ${{ARGN}})
  foreach(file IN LISTS MODULE_SCRIPTS MODULE_RESOURCES)
    get_filename_component(folder ${{file}} DIRECTORY)
    install(FILES ${{file}} DESTINATION {installed}/${{folder}})
  endforeach()
endfunction()
add_subdirectory([[{module}]] module)
"""


def run_cmake(*arguments: object) -> None:
    program = Path(cmake.CMAKE_BIN_DIR) / "cmake"
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def build(tmp_path_factory) -> Path:
    """The build tree of the module, as its CMakeLists.txt makes it."""
    root = tmp_path_factory.mktemp("build")
    text = PROJECT.format(repository=REPOSITORY, module=MODULE, installed=INSTALLED)
    (root / "CMakeLists.txt").write_text(text, encoding="utf-8")
    run_cmake("-S", root, "-B", root / "tree")
    run_cmake("--build", root / "tree")
    return root / "tree"


@pytest.fixture(scope="module")
def package(build, tmp_path_factory) -> Path:
    """The install tree of the extension, put together by CMake."""
    root = tmp_path_factory.mktemp("package")
    run_cmake("--install", build, "--prefix", root)
    return root / INSTALLED


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


def test_exactly_the_files_of_the_module_and_the_weights_are_packaged(package):
    packaged = {path.relative_to(package).as_posix() for path in package.rglob("*.*")}
    weights = {name for name in packaged if name.startswith("HypothalamusSegLib/weights/")}
    training = {name for name in packaged if name.startswith(f"{TRAINING}/")}
    assert packaged - weights - training == files_of_the_module()
    assert len(weights) == 17


def needed_to_adapt() -> set[str]:
    """The files of Training that the service imports, wherever they do it."""
    known, found = modules(), set()
    waiting = ["Training.adaptation.service"]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        targets = imported_names(known[name], name)
        named = {t if t in known else t.rpartition(".")[0] for t in targets} & set(known)
        waiting += [module for module in named if module.startswith("Training")]
    files = {known[name].relative_to(REPOSITORY / "Training").as_posix() for name in found}
    return {*files, "__init__.py", "adaptation/__init__.py", "adaptation/templates/adaptation.html"}


def test_exactly_what_adapting_needs_of_training_is_packaged(build, package):
    for tree in (build / INSTALLED, package):
        root = tree / TRAINING
        assert {
            path.relative_to(root).as_posix() for path in root.rglob("*.*")
        } == needed_to_adapt()


def test_the_package_adapts_without_what_slicer_does_not_bundle(package, tmp_path):
    """From the package alone it looks at its request and refuses it, in the worker's words."""
    case = {"name": "sub-1", "scan": str(tmp_path / "a.nii"), "label": str(tmp_path / "b.nii")}
    asked = {
        "request": "adapt",
        "cases": [case],
        "output": str(tmp_path),
        "name": "Ours",
    }
    blocked = "; ".join(f"sys.modules[{name!r}] = None" for name in NOT_IN_SLICER)
    program = (
        f"import runpy, sys; sys.path.insert(0, {str(package)!r}); {blocked};"
        f"runpy.run_module('{TRAINING}.adaptation.service', run_name='__main__', alter_sys=True)"
    )
    with WorkerProcess((sys.executable, "-c", program)) as worker:
        worker.send(**asked, id="1")
        *events, end = worker.until_end("1")
    assert end["exit_code"] == 1
    assert events[-1]["code"] == "training_cases"
    assert "at least 5 subjects are needed" in events[-1]["message"]


def test_the_weights_of_the_manifest_are_packaged_with_their_card(package):
    manifest = json.loads((REPOSITORY / "weights" / "manifest.json").read_text(encoding="utf-8"))
    folds = [fold["file"] for plan in manifest["structures"].values() for fold in plan["folds"]]
    packaged = {path.name for path in (package / "HypothalamusSegLib" / "weights").iterdir()}
    assert packaged == {"manifest.json", "MODEL_CARD.md", *folds}


def test_the_build_tree_gets_the_same_weights_as_the_package(build, package):
    weights = "HypothalamusSegLib/weights"
    built, installed = (
        {path.name: path.read_bytes() for path in (tree / weights).iterdir()}
        for tree in (build / INSTALLED, package)
    )
    assert built == installed


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
