"""When an adaptation has helped: better outlines, and volumes and changes that are no worse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from Training.adaptation.figures import CaseFigures, summarise
from Training.adaptation.judgement import SubjectScores, has_helped, judge, upper_limit
from Training.adaptation.page import check_sentence
from Training.adaptation.probes import Probe
from Training.adaptation.scores import CaseScore

COUNT = 10
GENERATOR = np.random.default_rng(7)
# What a label scatters by, and what networks before and after differ by, as Docs/ADAPT.md measured.
LABEL_SD, NETWORK_SD = 0.15, 0.03
LABEL_NOISE = GENERATOR.normal(0, LABEL_SD, COUNT)
NETWORK_NOISE = GENERATOR.normal(0, NETWORK_SD, COUNT)
LABEL_NOISE -= LABEL_NOISE.mean()
NETWORK_NOISE -= NETWORK_NOISE.mean()


def subjects(
    gain: float = 0.02,
    before: float = 0.2,
    after: float = 0.0,
    scatter: float = 1.0,
    share: tuple[float, float] = (0.75, 0.8),
    turn: tuple[float, float] = (0.003, 0.004),
) -> list[SubjectScores]:
    """Subjects whose mean volume error goes from ``before`` to ``after``, and so on."""
    return [
        SubjectScores(
            0.86 + 0.01 * (n % 3),
            0.86 + gain + 0.01 * (n % 3) + 0.002 * (n % 2),
            before + LABEL_NOISE[n],
            after + scatter * LABEL_NOISE[n] + NETWORK_NOISE[n],
            *(each + 0.02 * (n % 2) for each in share),
            *(each + 0.001 * (n % 2) for each in turn),
        )
        for n in range(COUNT)
    ]


def failed(found: list[SubjectScores]) -> set[str]:
    return {check.code for check in judge(found) if not check.is_passed}


def test_better_outlines_and_volumes_have_helped():
    assert failed(subjects()) == set()
    assert has_helped(judge(subjects()))


def test_better_outlines_have_helped_where_the_volume_was_right_before():
    assert failed(subjects(before=0.02, after=0.0)) == set()


@pytest.mark.parametrize(
    ("worse", "codes"),
    [
        ({"before": 0.0, "after": 0.25}, {"volume_error", "volume_bias"}),
        ({"before": 0.0, "after": -0.25}, {"volume_error", "volume_bias"}),
        # On average the volume is right, single ones are not: no study could use them.
        ({"before": 0.2, "after": 0.0, "scatter": 2.0}, {"volume_scatter"}),
        ({"share": (0.8, 0.5)}, {"planted_share"}),
        # More than there is to measure is as wrong as less.
        ({"share": (0.95, 1.4)}, {"planted_share"}),
        ({"turn": (0.003, 0.03)}, {"turned_head"}),
    ],
)
def test_outlines_that_are_better_do_not_make_up_for_measurements_that_are_worse(worse, codes):
    found = subjects(**worse)
    assert judge(found)[0].is_passed  # Dice alone would have been content
    assert codes <= failed(found)
    assert not has_helped(judge(found))
    if codes == {"volume_scatter"}:
        assert "volume_bias" not in failed(found)


def test_better_volumes_do_not_make_up_for_outlines_that_are_not_better():
    assert failed(subjects(gain=0.0)) == {"dice"}
    assert failed(subjects(gain=-0.02)) == {"dice"}


def test_an_error_that_may_have_grown_is_no_proof_that_it_has_not():
    """Five subjects that differ much: on average nothing is worse, but nobody knows."""
    found = [replace(each, error_before=0.0) for each in subjects()[:5]]
    rises = (0.3, -0.3, 0.01, 0.0, -0.01)
    unsure = [
        replace(each, error_before=0.3 - min(0.0, rise), error_after=0.3 + max(0.0, rise))
        for each, rise in zip(found, rises, strict=True)
    ]
    checks = {check.code: check for check in judge(unsure)}
    assert checks["volume_error"].loss < 5.0
    assert not checks["volume_error"].is_passed
    assert "may have increased" in check_sentence(checks["volume_error"])


def test_the_limit_holds_in_95_of_100_samples():
    generator = np.random.default_rng(1)
    samples = generator.normal(0.0, 1.0, (4000, 6))
    share = np.mean([upper_limit(sample) > 0 for sample in samples])
    assert share == pytest.approx(0.95, abs=0.01)


def cases_of(gains: list[float], subjects_of: list[str]) -> list[CaseFigures]:
    return [
        CaseFigures(
            f"{subject}_ses-{number}",
            0,
            CaseScore(0.8, 900.0, 800.0),
            CaseScore(0.8 + gain, 810.0, 800.0),
            subject=subject,
        )
        for number, (gain, subject) in enumerate(zip(gains, subjects_of, strict=True))
    ]


def test_twenty_visits_of_one_subject_are_not_twenty_subjects():
    """Their gain alone is sure; over subjects it is not."""
    gains = [0.03 + 0.001 * (n % 2) for n in range(20)] + [-0.01, 0.02, -0.02, 0.01]
    names = ["sub-a"] * 20 + ["sub-b", "sub-c", "sub-d", "sub-e"]
    assert not summarise(cases_of(gains, names)).checks[0].is_passed
    alone = summarise(cases_of(gains, [f"sub-{n}" for n in range(24)]))
    assert alone.checks[0].is_passed
    assert summarise(cases_of(gains, names)).as_json()["subjects"] == 5


def test_what_was_not_measured_is_not_asked_for():
    codes = [check.code for check in summarise(cases_of([0.02] * 5, list("abcde"))).checks]
    assert codes == ["dice", "volume_error", "volume_bias", "volume_scatter"]
    probed = [
        replace(case, probe_before=Probe(0.8, 0.003), probe_after=Probe(0.8, 0.003))
        for case in cases_of([0.02] * 5, list("abcde"))
    ]
    found = summarise(probed)
    assert [check.code for check in found.checks][-2:] == ["planted_share", "turned_head"]
    assert found.has_helped
    assert found.after.turn_percent == pytest.approx(0.3)


def test_one_subject_proves_nothing_and_can_still_be_written_down():
    found = summarise(cases_of([0.05, 0.06], ["a", "a"]))
    assert not found.has_helped
    assert found.as_json()["checks"]["dice"]["loss_below"] is None
