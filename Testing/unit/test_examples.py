"""The examples in the engine's docstrings give what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import HypothalamusSegLib
import pytest

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(HypothalamusSegLib.__path__, "HypothalamusSegLib.")
    if not module.ispkg and not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name):
    results = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert results.failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_an_example(name):
    text = Path(importlib.import_module(name).__file__).read_text(encoding="utf-8")
    assert ">>> " in text
