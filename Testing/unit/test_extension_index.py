"""The rules of 3D Slicer's Extensions Index, one test each; each of them blocks a submission."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from Testing.support.cmake_lists import read_commands, read_variables
from Testing.support.command_runs import REPOSITORY

MEGABYTE = 1_000_000
CLONE_LIMIT = 100 * MEGABYTE
WEIGHTS_LIMIT = 20 * MEGABYTE
FILE_LIMIT = 1 * MEGABYTE
DESCRIPTION = REPOSITORY / "HypothalamusSeg.json"
LISTS = REPOSITORY / "CMakeLists.txt"
MODULE = REPOSITORY / "HypothalamusSeg"
REQUIRED_KEYS = {"$schema", "category", "scm_url"}
# What version 1.0.1 of the schema knows beside them.
OPTIONAL_KEYS = {
    *("scm_revision", "scm_type", "build_dependencies", "build_subdirectory", "enabled", "tier"),
}
IMAGE_ENDINGS = (".png", ".jpg", ".jpeg")
LICENCE_NAMES = ("LICENSE", "LICENSE.txt", "License.txt", "COPYING")
# Extensions of the index that this one may depend on.
INDEXED = {"PyTorch"}
# What the module may import at file scope beside the standard library: what Slicer has loaded.
SLICER_PACKAGES = {"ctk", "numpy", "qt", "slicer", "vtk"}
OWN_PACKAGES = {"HypothalamusSegLib", "HypothalamusSegSlicer"}
# Slicer's modules that other modules import by name.
SLICER_MODULES = {"SampleData"}


def git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=REPOSITORY, capture_output=True, encoding="utf-8"
    )
    if done.returncode:
        pytest.skip("this is not a git checkout")
    return done.stdout


def tracked_files() -> list[Path]:
    """The files that a clone of the next commit would hold."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return [path for name in listed.split("\0") if name and (path := REPOSITORY / name).is_file()]


def size_of_git_objects() -> int:
    """Bytes of what a clone would fetch: all objects that the current commit reaches."""
    sizes = git("rev-list", "--disk-usage", "--objects", "HEAD")
    return int(sizes)


def description() -> dict:
    return json.loads(DESCRIPTION.read_text(encoding="utf-8"))


def metadata(name: str) -> str:
    return read_variables(LISTS)[f"EXTENSION_{name}"]


def repository_url() -> str:
    return description()["scm_url"].removesuffix(".git")


def file_behind(url: str) -> Path:
    """The file of this repository that a raw URL of its host points to."""
    owner_and_name = urlsplit(repository_url()).path
    branch = description()["scm_revision"]
    prefix = f"https://raw.githubusercontent.com{owner_and_name}/{branch}/"
    assert url.startswith(prefix)
    return REPOSITORY / url.removeprefix(prefix)


def module_sources() -> list[Path]:
    """The scripted module and everything of it that touches Slicer."""
    sources = [MODULE / "HypothalamusSeg.py", *(MODULE / "HypothalamusSegSlicer").rglob("*.py")]
    return [path for path in sources if path.exists()]


def imports_at_file_scope(source: Path) -> set[str]:
    """Top-level packages that importing a file imports; `if TYPE_CHECKING` is not among them."""
    found = set()
    waiting = list(ast.parse(source.read_text(encoding="utf-8")).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return found


def test_a_clone_is_small_enough():
    work_tree = sum(path.stat().st_size for path in tracked_files())
    assert size_of_git_objects() + work_tree <= CLONE_LIMIT


def test_the_weights_are_small_enough():
    assert sum(path.stat().st_size for path in (REPOSITORY / "weights").iterdir()) <= WEIGHTS_LIMIT


def test_no_other_file_is_large():
    weights = REPOSITORY / "weights"
    large = [
        path.relative_to(REPOSITORY).as_posix()
        for path in tracked_files()
        if path.stat().st_size > FILE_LIMIT and path.parent != weights
    ]
    assert large == []


def test_there_is_no_git_lfs():
    assert not (REPOSITORY / ".lfsconfig").exists()
    pointer = b"version https://git-lfs"
    for path in tracked_files():
        if path.name == ".gitattributes":
            assert "filter=lfs" not in path.read_text(encoding="utf-8")
        with path.open("rb") as stream:
            assert stream.read(len(pointer)) != pointer, path


def test_the_description_is_json_with_lf_only_and_the_keys_of_its_schema():
    content = DESCRIPTION.read_bytes()
    assert b"\r" not in content
    assert content.endswith(b"\n")
    keys = set(description())
    assert keys >= REQUIRED_KEYS
    assert keys <= REQUIRED_KEYS | OPTIONAL_KEYS
    assert description()["$schema"].endswith("slicer-extension-catalog-entry-schema-v1.0.1.json#")
    assert 1 <= description()["tier"] <= 5


def test_the_repository_can_be_cloned_and_is_named_for_slicer():
    url = urlsplit(description()["scm_url"])
    assert url.scheme == "https"
    assert Path(url.path).stem.startswith("Slicer")
    assert repository_url() == metadata("HOMEPAGE")


def test_the_extensions_name_does_not_start_with_slicer():
    assert not DESCRIPTION.stem.lower().startswith("slicer")


def test_cmakes_project_has_the_descriptions_name():
    (project,) = (command for command in read_commands(LISTS) if command.name == "project")
    assert project.arguments[0] == DESCRIPTION.stem


@pytest.mark.parametrize("name", ["CONTRIBUTORS", "DESCRIPTION", "HOMEPAGE"])
def test_the_metadata_that_the_catalogue_shows_is_there(name):
    assert metadata(name).strip()
    assert ";" not in metadata(name)


def test_the_icon_is_an_image_of_this_repository():
    assert metadata("ICONURL").endswith(IMAGE_ENDINGS)
    assert file_behind(metadata("ICONURL")).is_file()


def test_the_icon_has_the_catalogues_size():
    header = file_behind(metadata("ICONURL")).read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")) == (
        128,
        128,
    )


def test_the_screenshots_are_images_of_this_repository():
    urls = metadata("SCREENSHOTURLS").split()
    assert urls
    for url in urls:
        assert url.endswith(IMAGE_ENDINGS)
        assert file_behind(url).is_file(), url


def test_a_licence_lies_at_the_root_and_is_the_packages():
    assert any((REPOSITORY / name).is_file() for name in LICENCE_NAMES)
    for name in ("LICENSE_FILE", "README_FILE"):
        assert Path(metadata(name)).parent == REPOSITORY
        assert Path(metadata(name)).is_file()


def test_dependencies_are_in_the_index_and_the_same_for_both():
    dependencies = description()["build_dependencies"]
    assert dependencies == metadata("DEPENDS").split()
    assert set(dependencies) <= INDEXED


@pytest.mark.parametrize("source", module_sources(), ids=lambda path: path.name)
def test_nothing_heavy_or_not_bundled_is_imported_at_file_scope(source):
    allowed = sys.stdlib_module_names | SLICER_PACKAGES | SLICER_MODULES | OWN_PACKAGES
    assert imports_at_file_scope(source) - allowed == set()


def test_importing_the_module_imports_nothing_heavy_through_the_engine():
    """What the module imports of the engine at file scope must not bring torch and the like."""
    heavy = ("torch", "SimpleITK", "matplotlib", "nibabel", "scipy", "nilearn")
    wanted = {
        ast.unparse(node)
        for source in module_sources()
        for node in ast.parse(source.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        and ast.unparse(node).split()[1].split(".")[0] == "HypothalamusSegLib"
    }
    code = "\n".join([*wanted, "import sys", f"print(*(n for n in {heavy} if n in sys.modules))"])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", cwd=MODULE
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


# Small, without binaries, after a question, and only where Slicer does not bundle it (before 5.12).
BY_PIP = {"highdicom_setup.py": ["slicer.util.pip_install([REQUIREMENT])"]}
# The first of the two steps of the PyTorch extension. By the second, this program finds the build
# of torch for the graphics card.
BY_PIP_STEP = {"torch_setup.py": ["PythonStep('pip', ('install', LIGHT_THE_TORCH))"]}


@pytest.mark.parametrize("source", module_sources(), ids=lambda path: path.name)
def test_torch_is_not_installed_by_pip(source):
    text = source.read_text(encoding="utf-8")
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    by_pip = [ast.unparse(call) for call in calls if "pip_" in ast.unparse(call.func)]
    assert by_pip == BY_PIP.get(source.name, [])
    steps = [
        ast.unparse(call)
        for call in calls
        if any(isinstance(a, ast.Constant) and a.value == "pip" for a in ast.walk(call))
    ]
    assert steps == BY_PIP_STEP.get(source.name, [])
