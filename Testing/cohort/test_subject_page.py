"""The page of a subject: what it shows is what the files say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from Cohort.report.subject_page import write_subject_page

NUMBERS = {
    "volume_mm3": 440.4,
    "fraction_of_icv": 0.00029,
    "icv_adjusted_mm3": 441.1,
    "fold_sd_mm3": 6.45,
    "volume_low_mm3": 380.0,
    "volume_high_mm3": 500.0,
}


def description(flag: str | None = None, message: str = "A message.") -> dict:
    """As `segment` writes it, with the keys that the page reads."""
    parts = {p: {"structure": f"hypothalamus_{p}", **NUMBERS} for p in ("left", "right", "total")}
    return {
        "name": "scan",
        "reference_icv_mm3": 1.5e6,
        "hypothalamus": parts,
        "icv": {"structure": "icv", **NUMBERS, "volume_mm3": 1_498_000.0},
        "quality": {
            "fold_dice": [0.98, 0.99],
            "icv_fold_dice": [0.994, 0.996],
            "flags": [{"code": flag, "message": message}] if flag else [],
        },
        "provenance": {
            "version": "0.1.0",
            "torch": "2.13.0",
            "device": "cpu",
            "threads": 1,
            "input_sha256": "4f86dda6",
            "weights_sha256": {"icv_fold0": "6be4ed17"},
            "options": {
                "structures": ["hypothalamus", "icv"],
                "subunits": False,
                "grid": "0.5",
                "folds": [0, 1],
            },
        },
    }


def write(output: Path, session: str, content: dict, picture: bool = True) -> None:
    folder = output / f"sub-01/ses-{session}"
    (folder / "anat").mkdir(parents=True)
    text = json.dumps(content)
    (folder / f"anat/sub-01_ses-{session}_volumes.json").write_text(text, encoding="utf-8")
    if picture:
        (folder / "figures").mkdir()
        (folder / f"figures/sub-01_ses-{session}_overview.png").write_bytes(b"picture")


@pytest.fixture
def page(tmp_path) -> str:
    write(tmp_path, "1", description())
    write(tmp_path, "2", description("skull_stripped", "<script>alert(1)</script>"), picture=False)
    return write_subject_page(tmp_path, "01").read_text(encoding="utf-8")


def test_all_sessions_are_on_the_page_with_their_worst_flag(page):
    assert page.index('id="sub-01_ses-1"') < page.index('id="sub-01_ses-2"')
    overview = page[page.index("<table>") : page.index("</table>")]
    assert overview.count("1498 mL") == 2
    assert "<td>none</td>" in overview
    assert "<td>Severe</td>" in overview


def test_a_number_that_a_severe_flag_covers_is_struck_and_no_other(page):
    struck = re.findall(r"<s [^>]*>([^<]*)</s>", page)
    assert "1498 mL" in struck
    assert "440 mm³" not in struck
    first = page[page.index('id="sub-01_ses-1"') : page.index('id="sub-01_ses-2"')]
    assert "<s " not in first


def test_words_of_a_file_are_never_markup(page):
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_every_link_leads_to_a_file_and_none_out_of_the_folder(page, tmp_path):
    links = {unquote(link) for link in re.findall(r'(?:href|src)="([^"#]+)"', page)}
    assert len(links) == 3
    for link in links:
        assert (tmp_path / link).resolve().is_relative_to(tmp_path)
        assert (tmp_path / link).is_file()
    assert "No picture was written" in page


def test_a_damaged_result_does_not_hide_the_others(tmp_path):
    write(tmp_path, "1", description())
    write(tmp_path, "2", description())
    path = next(tmp_path.rglob("*ses-2_volumes.json"))
    path.write_text("{", encoding="utf-8")
    page = write_subject_page(tmp_path, "01").read_text(encoding="utf-8")
    assert 'id="sub-01_ses-1"' in page
    assert 'id="sub-01_ses-2"' not in page


def test_a_subject_without_results_gets_no_page(tmp_path):
    (tmp_path / "sub-02").mkdir()
    assert write_subject_page(tmp_path, "02") is None
    assert list(tmp_path.glob("*.html")) == []


def test_a_page_that_was_removed_comes_back_with_the_next_run(tmp_path):
    from Testing.support.cohort_stub import run_stub, write_cohort

    scans = write_cohort(tmp_path / "data", {"01": "good"})
    output = tmp_path / "out"
    run_stub(scans, tmp_path / "data", output)
    write(output, "1", description())
    summary = run_stub(scans, tmp_path / "data", output)
    assert summary.unchanged == ["sub-01"]
    assert (output / "sub-01.html").is_file()
