"""Adjustments for ICV that agree or disagree, and what the report says of it."""

from __future__ import annotations

import re

import numpy as np

from Cohort.group.adjustment_agreement import agreement_of
from Cohort.group.comparisons import compare_groups
from Cohort.group.contrast import Contrast
from Cohort.number_format import format_signed
from Cohort.structures import TOTAL, measured_structures
from Testing.support.cohort_tables import simulated


def agreement(volume_of):
    """The sentence for two groups whose heads differ in size, and that difference in mL."""
    generator = np.random.default_rng(0)
    is_a = np.arange(80) < 40
    icv = generator.normal(np.where(is_a, 1.55e6, 1.45e6), 1e5)
    results, table = simulated(n_a=40, n_b=40)
    frame = results.merge(table, on="participant_id").assign(icv_mm3=icv)
    frame[TOTAL.column] = volume_of(icv, is_a) + generator.normal(0, 25, 80)
    compared = compare_groups(
        frame, Contrast("group", "als", "control"), (), measured_structures(frame)
    )
    return agreement_of(compared, TOTAL), (icv[is_a].mean() - icv[~is_a].mean()) / 1000


def test_the_report_says_when_adjustments_disagree():
    # The volume does not depend on head size, so that dividing by it makes a difference.
    verdict, icv_difference_ml = agreement(lambda icv, is_a: np.full_like(icv, 850.0))
    assert not verdict.agree
    assert re.search(r"disagree: p < 0.05 with .*proportion \(−", verdict.sentence)
    assert "not with ICV as covariate (ANCOVA)" in verdict.sentence
    assert f"mean ICV differs by {format_signed(icv_difference_ml)} mL" in verdict.sentence


def test_p_on_different_sides_is_a_disagreement_though_all_signs_are_alike():
    verdict, _ = agreement(lambda icv, is_a: 850.0 - 10 * is_a)
    assert not verdict.agree
    assert "p < 0.05 with proportion" in verdict.sentence
    assert "the difference is negative with" not in verdict.sentence


def test_the_report_says_when_adjustments_agree():
    verdict, _ = agreement(lambda icv, is_a: 850 * icv / 1.45e6 - 120 * is_a)
    assert verdict.agree
    assert "below 0.05 in all" in verdict.sentence


def test_signs_of_nothing_are_no_disagreement():
    # Two groups that do not differ; proportion and covariate fall on different sides of 0.
    generator = np.random.default_rng(21)
    results, table = simulated(n_a=12, n_b=12)
    frame = results.merge(table, on="participant_id")
    frame["icv_mm3"] = generator.normal(1.45e6, 1e5, 24)
    signs = set()
    for _ in range(40):
        frame[TOTAL.column] = generator.normal(850, 60, 24)
        found = compare_groups(frame, Contrast("group", "als", "control"), (), (TOTAL,))
        fits = [c.fit for (_, m), c in found.comparisons.items() if m != "none"]
        if min(fit.p for fit in fits) > 0.05:
            signs.add(len({fit.estimate > 0 for fit in fits}))
            assert agreement_of(found, TOTAL).agree
    assert signs == {1, 2}
