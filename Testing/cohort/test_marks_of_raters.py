"""From the marks of raters in a browser to the result of the group level."""

from __future__ import annotations

import json

from Cohort.command_line import main
from Cohort.report.blinded_review import PAGE_NAME
from Testing.support.cohort_stub import run_stub, write_cohort
from Testing.support.cohort_tables import CONTRAST
from Testing.support.contact_sheet_page import name_rater, save

PATIENTS, CONTROLS = ("1", "2", "33", "444"), ("6", "7", "88", "999")


def test_from_marks_in_the_browser_to_the_result(browser, no_drawing, tmp_path):
    data, output = tmp_path / "data", tmp_path / "out"
    run_stub(write_cohort(data, dict.fromkeys((*PATIENTS, *CONTROLS), "fine")), data, output)
    rows = [f"sub-{name}\tals" for name in PATIENTS] + [f"sub-{n}\tcontrol" for n in CONTROLS]
    (data / "participants.tsv").write_text("\n".join(["participant_id\tgroup", *rows]), "utf-8")
    command = [str(data), str(output), "group", "--contrast", CONTRAST]
    assert main([*command, "--blinded"]) == 0
    reviews = []
    page = browser.new_page()
    for rater, marks in (("Hal", {"sub-444": "bad", "sub-1": "good"}), ("Ida", {"sub-1": "good"})):
        page.goto((output / PAGE_NAME).as_uri())
        name_rater(page, rater)
        for scan, mark in marks.items():
            card = page.locator(".card", has=page.get_by_role("heading", name=scan, exact=True))
            card.locator(f"[data-mark={mark}]").click()
            if mark == "bad":
                card.locator(".comment").fill("left out the mamillary bodies")
        reviews.append(str(save(page, tmp_path)))
        page.evaluate("localStorage.clear()")  # Another rater sits at another computer.
    page.close()
    assert main([*command, "--review", *reviews]) == 0
    record = json.loads((output / "group_record.json").read_text("utf-8"))
    assert record["rejected"] == {"sub-444": "Hal"}
    assert "sub-444" not in record["analysed_scans"]
    assert record["review_comments"] == {"sub-444": "Hal: left out the mamillary bodies"}
    (pair,) = record["agreement_of_raters"]
    assert (pair["rater_a"], pair["rater_b"], pair["scans"], pair["equal"]) == ("Hal", "Ida", 1, 1)
    assert "left out the mamillary bodies" in (output / "group_report.html").read_text("utf-8")
