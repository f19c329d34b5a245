"""Agreement of raters, and what their tables may hold."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from Cohort.group.rater_agreement import agreement_of_raters
from Cohort.group.review_codes import code_of
from Cohort.group.review_marks import read_review_marks

RESULTS = pd.DataFrame({"scan": ["sub-1", "sub-2", "sub-3"], "input_sha256": ["aa", "bb", None]})


def marks_of(counts: dict[tuple[str, str], int]) -> dict[str, dict[str, str]]:
    pairs = [pair for pair, count in counts.items() for _ in range(count)]
    return {
        rater: {f"sub-{number}": pair[place] for number, pair in enumerate(pairs)}
        for place, rater in enumerate("AB")
    }


def test_kappa_is_that_of_a_published_table():
    # Fleiss, Levin & Paik, Statistical Methods for Rates and Proportions, 3rd edition, table 18.1:
    # 75, 1 and 4; 5, 4 and 1; 0, 0 and 10 of 100. Kappa 0.68.
    table = ((75, 1, 4), (5, 4, 1), (0, 0, 10))
    counts = {
        (first, second): table[i][j]
        for i, first in enumerate("PNO")
        for j, second in enumerate("PNO")
    }
    (found,) = agreement_of_raters(marks_of(counts))
    assert (found.scans, found.equal) == (100, 89)
    assert found.kappa == pytest.approx(0.68, abs=0.005)
    assert found.kappa_low < found.kappa < found.kappa_high < 1


def test_where_all_marks_are_alike_there_is_no_kappa():
    (found,) = agreement_of_raters(marks_of({("ok", "ok"): 5}))
    assert (found.equal, math.isnan(found.kappa)) == (5, True)
    assert agreement_of_raters({"A": {"sub-1": "ok"}, "B": {"sub-2": "ok"}}) == []


def test_names_and_codes_may_stand_in_one_table(tmp_path):
    path = tmp_path / "review.tsv"
    rows = [("sub-1", "bad", "n/a"), (code_of(RESULTS.loc[1]), "unsure", "n/a")]
    rows += [(code_of(RESULTS.loc[2]), "n/a", "ghosts"), ("scan-0123456789ab", "bad", "n/a")]
    text = "\n".join("\t".join(row) for row in [("scan", "mark", "comment"), *rows])
    path.write_text(text, encoding="utf-8")
    marks = read_review_marks((path,), RESULTS)
    assert marks.rejected == {"sub-1": "review.tsv"}
    assert marks.checked == {"sub-2"}
    assert marks.comments == {"sub-3": "review.tsv: ghosts"}
    assert marks.marked == 2
    assert [finding.items for finding in marks.findings] == [("scan-0123456789ab",)]


def test_a_note_of_slicers_worklist_is_a_comment(tmp_path):
    path = tmp_path / "review.tsv"
    path.write_text("scan\tmark\trater\tnote\nsub-1\trejected\tDr A\tmoved\n", encoding="utf-8")
    marks = read_review_marks((path,), RESULTS)
    assert (marks.rejected, marks.comments) == ({"sub-1": "Dr A"}, {"sub-1": "Dr A: moved"})


def test_a_code_is_no_name_and_other_images_have_other_codes():
    codes = [code_of({"scan": "sub-1", "input_sha256": sha}) for sha in ("aa", "bb", None)]
    assert len(set(codes)) == 3
    assert not any("sub-1" in code for code in codes)
