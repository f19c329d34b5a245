"""The contact sheet in a browser: what raters see, what their marks do, what is not there."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from Cohort.group.analysis import GroupAnalysis, analyse
from Cohort.picture_names import planes_of
from Cohort.report.blinded_review import PAGE_NAME, PICTURES, remove_stale, write_blinded_review
from Cohort.report.contact_sheet import write_contact_sheet
from Testing.support.cohort_tables import found, options_in, simulated
from Testing.support.contact_sheet_page import name_rater, save
from Testing.support.web_visitor import DESKTOP

# More than two pages hold, for what depends on it; a page of 200 takes half a second in each test.
MANY, FEW = 450, 16
FLAG, EVIL = "low_confidence", '<img src=x onerror="window.owned=1">\''


def draw_planes(path: Path) -> None:
    """A picture whose half without outlines is black, the other white."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.tile(np.repeat(np.uint8([0, 255]), 91), (30, 1))
    Image.fromarray(pixels).save(path)


def results_of(scans: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    results, people = simulated(n_a=scans // 2, n_b=scans // 2)
    checksums = [f"{number:064x}" for number in range(scans)]
    return results.assign(input_sha256=checksums), people.assign(sex="f")


def write_sheets(folder: Path, scans: int) -> GroupAnalysis:
    """The first is flagged, all but the last have planes."""
    results, people = results_of(scans)
    # More reasons for review than an outlier has.
    results.loc[0, "flags"] = f"{FLAG};anisotropic;noisy;size_unsettled;contrast_enhanced;cropped"
    results.at[0, "flag_messages"] = (EVIL,)
    for overview in results["overview"][:-1]:
        draw_planes(folder / planes_of(overview))
    analysis = analyse(options_in(folder, people, covariates=("age",)), results)
    write_contact_sheet(analysis, folder / PAGE_NAME)
    findings = write_blinded_review(analysis, folder / "blinded")
    assert found(findings, "without a picture").items == (f"sub-{scans:03d}",)
    return analysis


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> GroupAnalysis:
    return write_sheets(tmp_path_factory.mktemp("many"), MANY)


@pytest.fixture(scope="module")
def few(tmp_path_factory) -> GroupAnalysis:
    return write_sheets(tmp_path_factory.mktemp("few"), FEW)


@pytest.fixture(scope="module")
def only_window(browser) -> Page:
    """One for all tests: to open another takes longer than most of them."""
    page = browser.new_context(**DESKTOP).new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    return page


@pytest.fixture
def window(only_window) -> Iterator[Page]:
    """A window that remembers no marks and no pressed key."""
    only_window.problems.clear()
    yield only_window
    only_window.keyboard.up("o")
    only_window.evaluate("localStorage.clear()")
    assert only_window.problems == []


@pytest.fixture
def long_sheet(many, window) -> Page:
    window.goto((many.options.output / PAGE_NAME).as_uri())
    return window


@pytest.fixture
def sheet(few, window) -> Page:
    window.goto((few.options.output / PAGE_NAME).as_uri())
    return window


@pytest.fixture
def blinded(few, window) -> Page:
    window.goto((few.options.output / "blinded" / PAGE_NAME).as_uri())
    return window


def names(page: Page) -> list[str]:
    return page.locator(".card h2").all_text_contents()


def told(page: Page) -> str:
    """All that a person or a screen reader is told of the scans."""
    return page.evaluate(
        """() => document.body.innerText
            + [...document.querySelectorAll('[aria-label], [alt], [title]')]
                .map(e => [e.ariaLabel, e.alt, e.title].join(' ')).join(' ')"""
    )


def gray(page: Page, selector: str) -> float:
    """Mean of what is seen of a picture: near 0 without outlines, near 255 with them."""
    seen = Image.open(io.BytesIO(page.locator(selector).first.screenshot()))
    return float(np.asarray(seen.convert("L")).mean())


def test_a_page_holds_200_scans_and_the_large_view_goes_on_to_the_next(long_sheet):
    expect(long_sheet.locator(".card")).to_have_count(200)
    long_sheet.select_option("#sort", "name")
    long_sheet.click("#later")
    long_sheet.click("#later")
    expect(long_sheet.locator("#page")).to_have_text("Page 3 of 3")
    assert names(long_sheet) == [f"sub-{number:03d}" for number in range(401, MANY + 1)]
    long_sheet.click("#earlier")
    long_sheet.locator(".picture").last.click()
    expect(long_sheet.locator("#large-text")).to_contain_text("400 / 450")
    long_sheet.keyboard.press("3")
    expect(long_sheet.locator("#large-text")).to_contain_text("401 / 450")
    long_sheet.keyboard.press("Escape")
    expect(long_sheet.locator("#page")).to_have_text("Page 3 of 3")
    expect(long_sheet.locator("#count")).to_contain_text("1 bad")


def test_scans_are_sorted_and_found(long_sheet, many):
    expect(long_sheet.locator("h2").first).to_have_text("sub-001")
    long_sheet.select_option("#sort", "large")
    volumes = many.reviewed.set_index("scan")["hypothalamus_total_mm3"]
    assert names(long_sheet) == volumes.sort_values(ascending=False).index[:200].tolist()
    long_sheet.fill("#find", "sub-1 als")
    assert set(names(long_sheet)) == {f"sub-{n}" for n in range(100, 200)}
    long_sheet.select_option("#show", "flagged")
    expect(long_sheet.locator(".card")).to_have_count(0)
    long_sheet.fill("#find", FLAG)
    assert names(long_sheet) == ["sub-001"]


def test_what_a_data_set_says_is_text_and_no_page(sheet):
    expect(sheet.locator(".flags li").first).to_have_text(EVIL)
    sheet.wait_for_timeout(200)
    assert sheet.evaluate("window.owned") is None


def test_outlines_are_off_while_a_key_is_held(sheet):
    sheet.locator(".card").first.scroll_into_view_if_needed()
    card, large = ".card .picture", "#large-picture .planes"
    assert gray(sheet, card) > 200
    sheet.keyboard.down("o")
    assert gray(sheet, card) < 50
    sheet.keyboard.up("o")
    assert gray(sheet, card) > 200
    sheet.locator(".picture").first.click()
    expect(sheet.locator(large)).to_have_count(3)
    sheet.keyboard.down("o")
    assert all(gray(sheet, f"{large}:nth-child({n})") < 50 for n in (1, 2, 3))
    # The window is left while the key is down: its release is never told.
    sheet.evaluate("dispatchEvent(new Event('blur'))")
    assert all(gray(sheet, f"{large}:nth-child({n})") > 200 for n in (1, 2, 3))
    # A finger, or a pressed mouse, does the same.
    sheet.hover(large)
    sheet.mouse.down()
    assert gray(sheet, large) < 50
    sheet.mouse.up()
    assert gray(sheet, large) > 200


def test_blinded_nothing_is_said_of_a_scan(sheet):
    assert re.search(rf"sub-|mm³|als|control|robust|{re.escape(EVIL)}", told(sheet))
    sheet.check("#blinded")
    for enlarged in (False, True):
        if enlarged:
            sheet.locator(".picture").first.click()
        said = told(sheet)
        assert re.search(r"sub-|mm³|\bals\b|\bcontrol\b|obust|onerror|Dice|\d{2} y", said) is None
    sheet.keyboard.press("Escape")
    # Neither by the border of a listed scan, nor by its place: flags came first before.
    expect(sheet.locator(".card.listed")).to_have_count(0)
    expect(sheet.locator("h2").first).to_have_text("Scan 1")
    assert sheet.locator(".card img").first.get_attribute("src").split("/")[0] != "sub-001"


def test_each_rater_has_an_order_and_marks_of_their_own(sheet):
    sheet.check("#blinded")

    def order() -> list[str]:
        return sheet.eval_on_selector_all(".card img", "all => all.map(one => one.src)")

    orders = {}
    for rater in ("Anna", "Bo"):
        name_rater(sheet, rater)
        orders[rater] = order()
        sheet.locator(".card").first.focus()
        sheet.keyboard.press("1" if rater == "Anna" else "3")
    assert orders["Anna"] != orders["Bo"] != sorted(orders["Bo"])
    expect(sheet.locator("#count")).to_contain_text("0 good, 0 unsure, 1 bad")
    name_rater(sheet, "Anna")
    expect(sheet.locator("#count")).to_contain_text("1 good, 0 unsure, 0 bad")
    sheet.reload()
    expect(sheet.locator("#rater")).to_have_value("Anna")
    sheet.check("#blinded")
    assert order() == orders["Anna"]
    expect(sheet.locator("#count")).to_contain_text("1 good")


def test_marks_before_a_name_go_with_the_name(sheet):
    sheet.locator(".card [data-mark=unsure]").first.click()
    name_rater(sheet, "Cy")
    expect(sheet.locator("#count")).to_contain_text("1 unsure")
    name_rater(sheet, "Di")
    expect(sheet.locator("#count")).to_contain_text("0 unsure")


def test_a_saved_table_is_read_again_and_that_of_another_rater_is_not(sheet, tmp_path):
    name_rater(sheet, "Eva Ö.")
    card = sheet.locator(".card").first
    card.locator("[data-mark=bad]").click()
    card.locator(".comment").fill("moved\tin the\u00a0coil")
    card.locator(".comment").press("Enter")
    path = save(sheet, tmp_path)
    assert path.name == "review_Eva-Ö.tsv"
    header, *rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()]
    assert header == ["scan", "mark", "comment", "rater", "marked_at"]
    assert len(rows) == FEW
    assert {len(row) for row in rows} == {5}
    assert [r[:4] for r in rows if r[1] != "n/a"] == [
        ["sub-001", "bad", "moved in the coil", "Eva Ö."]
    ]
    sheet.evaluate("localStorage.clear()")
    sheet.reload()
    expect(sheet.locator("#count")).to_contain_text("0 bad")
    sheet.set_input_files("#load", path)
    expect(sheet.locator("#told")).to_have_text("1 marks of review_Eva-Ö.tsv read.")
    expect(sheet.locator("#rater")).to_have_value("Eva Ö.")
    expect(sheet.locator(".card .comment").first).to_have_value("moved in the coil")
    name_rater(sheet, "Fay")
    sheet.set_input_files("#load", path)
    expect(sheet.locator("#told")).to_contain_text("was not read: it holds the marks of Eva Ö.")
    expect(sheet.locator("#count")).to_contain_text("0 bad")


def test_the_folder_for_raters_holds_nothing_of_a_scan_but_its_planes(blinded, few, tmp_path):
    folder = few.options.output / "blinded"
    page = (folder / PAGE_NAME).read_text(encoding="utf-8")
    data = json.loads(re.search(r'<script id="scans"[^>]*>(.*?)</script>', page)[1])
    assert {key for scan in data["scans"] for key in scan} == {"scan", "planes"}
    assert re.search(r"sub-\d|mm³|\bals\b", page) is None
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    assert len(files) == FEW
    assert re.search("|".join(few.reviewed["scan"]), " ".join(files)) is None
    # In the order of the codes the first subjects are not the first.
    codes = [scan["scan"] for scan in data["scans"]]
    assert codes == sorted(codes)
    expect(blinded.locator(".card")).to_have_count(FEW)
    expect(blinded.locator("#sort, #find, #group, #blinded")).to_have_count(0)
    assert gray(blinded, ".card .picture") > 200
    blinded.keyboard.down("o")
    assert gray(blinded, ".card .picture") < 50


def test_the_marks_of_a_blinded_rater_are_those_of_the_scans(blinded, few, tmp_path):
    name_rater(blinded, "Gus")
    card = blinded.locator(".card:has(img)").nth(5)
    card.locator("[data-mark=bad]").click()
    source = card.locator("img").get_attribute("src")
    picture = few.options.output / "blinded" / source
    (scan,) = [
        scan
        for scan, overview in zip(few.reviewed["scan"], few.reviewed["overview"], strict=True)
        if (path := few.options.output / planes_of(overview)).is_file() and path.samefile(picture)
    ]
    options = few.options
    again = type(options)(**{**vars(options), "reviews": (save(blinded, tmp_path),)})
    results, _ = results_of(FEW)
    assert analyse(again, results).rejected == {scan: "Gus"}


def test_pictures_of_scans_that_are_gone_do_not_stay(few):
    folder = few.options.output / "blinded"
    stale = folder / PICTURES / "scan-000000000000.png"
    stale.write_bytes(b"")
    kept = len(list((folder / PICTURES).iterdir())) - 1
    remove_stale(few, folder)
    assert not stale.exists()
    assert len(list((folder / PICTURES).iterdir())) == kept
