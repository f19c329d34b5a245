"""The repository's own modules, and what their files import."""

from __future__ import annotations

import ast
from pathlib import Path

from Testing.support.command_runs import REPOSITORY

PACKAGES = {
    "HypothalamusSegLib": REPOSITORY / "HypothalamusSeg",
    "HypothalamusSegSlicer": REPOSITORY / "HypothalamusSeg",
    "Cohort": REPOSITORY,
    "Web": REPOSITORY,
    "Training": REPOSITORY,
}


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules() -> dict[str, Path]:
    return {
        module_name(path, root): path
        for package, root in PACKAGES.items()
        for path in (root / package).rglob("*.py")
    }


def imported_names(path: Path, name: str) -> set[str]:
    """Dotted names of all that a file imports, in functions too."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found
