"""Requests to follow a person that the worker refuses before anything is loaded."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from HypothalamusSegLib.longitudinal.run import Given
from HypothalamusSegLib.worker.following import check_fields
from HypothalamusSegLib.worker.requests import WrongRequestError

GOOD = {"inputs": ["a.nii", "b.nii"], "output": "out", "name": "pat7"}


def test_a_request_becomes_scans_with_dates():
    given, _ = check_fields({**GOOD, "dates": ["2021-05-03", None]})
    assert given == [Given(Path("a.nii"), date(2021, 5, 3)), Given(Path("b.nii"), None)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"inputs": ["a.nii"]},
        {"inputs": "a.nii"},
        {"inputs": ["a.nii", 3]},
        {"name": "../elsewhere"},
        {"dates": ["2021-05-03"]},
        {"dates": ["yesterday", None]},
        {"dates": [20210503, None]},
        {"speed": 3},
    ],
)
def test_a_wrong_request_is_refused(wrong):
    with pytest.raises(WrongRequestError):
        check_fields({**GOOD, **wrong})


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_field_is_named(name):
    with pytest.raises(WrongRequestError, match=name):
        check_fields({key: value for key, value in GOOD.items() if key != name})
