"""The examples in the engine's docstrings give what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

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
