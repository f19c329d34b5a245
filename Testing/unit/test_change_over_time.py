"""Changes between visits: numbers, rates and what is called real."""

from __future__ import annotations

from datetime import date

import pytest
from HypothalamusSegLib.longitudinal.change import (
    NOT_JUDGED,
    REAL,
    WITHIN,
    change_between,
    trend_percent_a_year,
)
from HypothalamusSegLib.longitudinal.common_frame import own_zooms
from HypothalamusSegLib.longitudinal.repeatability import Repeatability, voxels_are_equal

NAME = "hypothalamus_total"


@pytest.mark.parametrize(
    ("later", "verdict"), [(808.0, WITHIN), (792.0, WITHIN), (809.0, REAL), (791.0, REAL)]
)
def test_a_change_is_real_beyond_the_smallest_real_change(later, verdict):
    assert change_between(NAME, 800.0, later, None, 1.01, True).verdict == verdict


@pytest.mark.parametrize("later", [700.0, 791.9, 800.0, 808.05, 900.0])
def test_the_verdict_is_the_same_backward_in_time(later):
    forward = change_between(NAME, 800.0, later, 365, 1.0, True)
    backward = change_between(NAME, later, 800.0, -365, 1.0, True)
    assert forward.verdict == backward.verdict


def test_nothing_is_judged_without_a_limit_or_trust():
    assert change_between(NAME, 800.0, 400.0, None, None, True).verdict == NOT_JUDGED
    assert change_between(NAME, 800.0, 400.0, None, 1.0, False).verdict == NOT_JUDGED


def test_there_is_no_rate_without_dates_or_within_a_few_days():
    assert change_between(NAME, 800.0, 784.0, None, 1.0, True).percent_a_year is None
    assert change_between(NAME, 800.0, 784.0, 0, 1.0, True).percent_a_year is None
    assert change_between(NAME, 800.0, 784.0, 10, 1.0, True).percent_a_year is None
    two_years = change_between(NAME, 800.0, 784.0, 731, 1.0, True)
    assert two_years.percent_a_year == pytest.approx(-1.0, abs=0.01)


def test_an_empty_structure_has_no_change():
    assert change_between(NAME, 0.0, 784.0, 365, 1.0, True) is None


def test_a_trend_needs_three_dates_and_gives_the_rate():
    days = [date(2020, 1, 1), date(2021, 1, 1), date(2023, 1, 1)]
    years = [(day - days[0]).days / 365.25 for day in days]
    volumes = [800 * 0.98**year for year in years]
    assert trend_percent_a_year(days, volumes) == pytest.approx(-2.0)
    assert trend_percent_a_year(days[:2], volumes[:2]) is None
    assert trend_percent_a_year([days[0], None, days[2]], volumes) is None
    assert trend_percent_a_year([days[0]] * 3, volumes) is None


def test_zooms_of_the_visits_follow_their_sizes_around_the_common_one():
    zooms = own_zooms(1.05, [800.0, 720.0, 880.0])
    assert zooms[1] / zooms[0] == pytest.approx(0.9 ** (1 / 3))
    assert zooms[0] * zooms[1] * zooms[2] == pytest.approx(1.05**3)


def test_a_visit_without_a_hypothalamus_leaves_the_common_zoom():
    assert own_zooms(1.05, [800.0, 0.0]) == [1.05, 1.05]


def test_other_voxels_have_their_own_limit():
    known = Repeatability({NAME: 0.8}, {NAME: 1.5})
    assert known.smallest_change_percent(NAME, True) == 0.8
    assert known.smallest_change_percent(NAME, False) == 1.5
    assert known.smallest_change_percent("left_posterior", True) is None
    assert voxels_are_equal((1.0, 1.0, 1.33), (1.33, 1.0, 1.05))
    assert not voxels_are_equal((1.0, 1.0, 1.0), (1.0, 1.0, 1.2))
