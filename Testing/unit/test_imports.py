"""The plan of the house, from the code's own imports: no circles, and no floor looks up."""

from __future__ import annotations

import ast
import importlib
import sys
from graphlib import CycleError, TopologicalSorter

import pytest

from Testing.support.own_modules import PACKAGES, imported_names, modules

FACES = {"HypothalamusSegSlicer", "Cohort", "Web", "Training"}
SLICER_ONLY = {"slicer", "qt", "ctk", "vtk"}
AT_THE_HEAD = {"numpy", "SimpleITK"}
IN_FUNCTIONS = {"torch", "matplotlib", "scipy", "pydicom"}
# Optional, and bundled with Slicer from 5.12 on.
DICOM_ROOM, DICOM_PACKAGES = "HypothalamusSegLib.results.dicom.", {"highdicom"}
# Classes of networks cannot do without; they are imported only where weights are loaded.
NETWORK_FILES = {
    f"HypothalamusSegLib.networks.{name}": {"torch"}
    for name in ("profile_network", "residual_unet")
}
# Lower rooms first: a room of the engine may import from those before it.
ENGINE_ROOMS = ("machine", "geometry", "reading", "networks", "stages", "measures", "results")


def graph() -> dict[str, set[str]]:
    """Which of our modules each of our modules imports."""
    known = modules()
    edges = {}
    for name, path in known.items():
        edges[name] = set()
        for target in imported_names(path, name):
            module = target if target in known else target.rpartition(".")[0]
            # A package's own line of exports is no part of the plan.
            if module in known and module != name and known[module].name != "__init__.py":
                edges[name].add(module)
    return edges


def room_of(module: str) -> str:
    """The folder of a module; a module that lies directly in its package is a room of its own."""
    parts = module.split(".")
    return module if len(parts) == 2 else ".".join(parts[:2])


def assert_no_circle(edges: dict[str, set[str]]) -> None:
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("package", sorted(PACKAGES.keys() - {"HypothalamusSegSlicer"}))
def test_every_module_can_be_imported(package):
    names = [name for name in modules() if name.split(".")[0] == package]
    for name in names:
        if not name.endswith(("__main__", "parsl_slurm")):
            importlib.import_module(name)


def test_no_file_imports_itself_through_others():
    assert_no_circle(graph())


def test_no_room_imports_itself_through_others():
    rooms: dict[str, set[str]] = {}
    for module, targets in graph().items():
        rooms.setdefault(room_of(module), set()).update(map(room_of, targets))
    assert_no_circle({room: targets - {room} for room, targets in rooms.items()})


def test_the_rooms_of_the_engine_look_down_only():
    floors = {f"HypothalamusSegLib.{room}": floor for floor, room in enumerate(ENGINE_ROOMS)}
    upward = [
        (module, target)
        for module, targets in graph().items()
        for target in targets
        if room_of(module) in floors and floors[room_of(module)] < floors.get(room_of(target), -1)
    ]
    assert upward == []


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("HypothalamusSegLib", FACES | SLICER_ONLY),
        ("HypothalamusSegSlicer", {"Cohort", "Web", "Training"}),
        ("Cohort", SLICER_ONLY | {"HypothalamusSegSlicer", "Web", "Training"}),
        ("Web", SLICER_ONLY | {"HypothalamusSegSlicer", "Cohort", "Training"}),
    ],
)
def test_a_layer_does_not_know_those_above_it(package, forbidden):
    known = {name: path for name, path in modules().items() if name.split(".")[0] == package}
    assert known
    met = {
        (name, target)
        for name, path in known.items()
        for target in imported_names(path, name)
        if target.split(".")[0] in forbidden
    }
    assert met == set()


def third_party_imports(tree: ast.Module) -> tuple[set[str], set[str]]:
    """Packages that are imported at the head of a file, and in its functions."""
    found: tuple[set[str], set[str]] = (set(), set())
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        packages = {name.partition(".")[0] for name in names} - sys.stdlib_module_names
        found[node not in tree.body].update(packages)
    return found


def test_the_engine_imports_only_what_slicer_bundles_and_heavy_packages_in_functions():
    for name, path in modules().items():
        if name.startswith("HypothalamusSegLib"):
            head, inside = third_party_imports(ast.parse(path.read_text(encoding="utf-8")))
            assert head <= AT_THE_HEAD | NETWORK_FILES.get(name, set()), name
            optional = DICOM_PACKAGES if name.startswith(DICOM_ROOM) else set()
            assert inside <= AT_THE_HEAD | IN_FUNCTIONS | optional, name


def test_a_circle_is_found():
    with pytest.raises(pytest.fail.Exception, match=r"a -> b -> a|b -> a -> b"):
        assert_no_circle({"a": {"b"}, "b": {"a"}})
