"""Errors tell their kind by a code, and their message in every process."""

from __future__ import annotations

import pickle
from pathlib import Path

from HypothalamusSegLib import errors


def test_every_error_has_a_code_of_its_own():
    kinds = errors.HypothalamusSegError.__subclasses__()
    found = [kind.code for kind in kinds]
    assert len(set(found)) == len(found)
    assert "error" not in found


def test_a_message_survives_braces_in_names_and_the_way_to_another_process():
    path = Path("folder {0}") / "head{path}.nii"
    error = pickle.loads(pickle.dumps(errors.CorruptFileError("{path} is damaged.", path=path)))
    assert str(error) == f"{path} is damaged."
    assert error.describe(lambda path: path.name) == "head{path}.nii is damaged."
    assert str(errors.CorruptFileError("a {brace}")) == "a {brace}"
