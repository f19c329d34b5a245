"""Sections on noise, motion and the flags' limits: what they count, and whom they name."""

from __future__ import annotations

import pytest
from HypothalamusSegLib.measures import quality, scan_flags

from Training.condition_report import MEASURES, limits
from Training.report_annexes import Annex
from Training.ruin_report import RUIN


def copy(icv: float, hypothalamus: float, flags: list[str], noise: float = 0.05) -> dict:
    change = {"icv": icv, "hypothalamus_total": hypothalamus}
    return {
        "change_percent": change,
        "noise_share": noise,
        "ghost_brightness": 0.001,
        "flags": flags,
    }


def condition(**values: float) -> dict:
    return {**{measure.key: measure.limit / 2 for measure in MEASURES}, **values}


def row_of(lines: list[str], *words: str) -> str:
    return next(line for line in lines if all(word in line for word in words))


def test_each_step_says_the_median_the_worst_and_how_many_were_flagged():
    figures = {
        "a": {"unchanged": copy(0, 0, []), "noise 0.1": copy(-0.1, 2.0, [], 0.04)},
        "b": {"unchanged": copy(0, 0, []), "noise 0.1": copy(0.2, 3.0, ["noisy"], 0.06)},
        "c": {"unchanged": copy(0, 0, []), "noise 0.1": copy(-0.9, 2.5, ["noisy"], 0.09)},
    }
    lines = RUIN.section(figures)
    row = row_of(lines, "| noise 0.1 |")
    assert "| -0.10 / -0.90 | +2.50 / +3.00 | 0.060 | 0.001 | 2 of 3 |" in row
    assert lines[-1].endswith("none.")
    assert not any("| unchanged |" in line for line in lines)


@pytest.mark.parametrize(("icv", "hypothalamus"), [(-1.2, 0.0), (0.0, 6.0)])
def test_a_copy_that_moved_far_without_a_flag_is_named(icv, hypothalamus):
    moved = {"unchanged": copy(0, 0, []), "motion 2 mm": copy(icv, hypothalamus, ["fov_cut"])}
    flagged = {"unchanged": copy(0, 0, []), "motion 2 mm": copy(icv, hypothalamus, ["noisy"])}
    last = RUIN.section({"moved": moved, "flagged": flagged})[-1]
    assert last.endswith(": moved (motion 2 mm).")


def test_scans_beyond_a_limit_are_named_and_the_limit_is_the_engines():
    figures = {
        "usual": condition(noise_share=0.03),
        "noisy": condition(noise_share=scan_flags.NOISY_SHARE + 0.01),
        "child": condition(fold_sd_percent=100 * quality.LARGE_ICV_SPREAD + 0.1),
    }
    lines = limits(figures)
    assert row_of(lines, "noise").endswith(f"| {scan_flags.NOISY_SHARE:.3f} | noisy (0.085) |")
    assert "| 0.037 | 0.037 |" in row_of(lines, "noise")
    assert "| 1.30 | child (1.40) |" in row_of(lines, "`low_icv_agreement`")
    assert row_of(lines, "`contrast_enhanced`").endswith("| – |")


def test_a_section_is_written_anew_in_its_place_and_others_stay(tmp_path):
    first = Annex("## First", "first.json", lambda f: [str(sorted(f.values()))])
    second = Annex("## Second", "second.json", lambda f: [str(sorted(f.values()))])
    page = tmp_path / "VALIDATION.md"
    page.write_text("# Report\n", encoding="utf-8")
    first.keep(tmp_path, {"a": 1})
    second.keep(tmp_path, {"a": 2})
    first.keep(tmp_path, {"b": 3})
    text = page.read_text(encoding="utf-8")
    assert text == "# Report\n\n## First\n\n[1, 3]\n\n## Second\n\n[2]\n"
    assert first.within(text, first.read(tmp_path)) == text
    assert second.within("# Report\n", {}) == "# Report\n"
