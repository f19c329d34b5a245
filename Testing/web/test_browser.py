"""The web page in a real browser: headless Chromium, a real server, a real scan, real networks.

With ``HYPOTHALAMUSSEG_PICTURES=Docs/pictures`` the pictures are written there for the documents.
"""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("playwright", reason="the tests in a browser need playwright")

from playwright.sync_api import expect

from Testing.support.command_runs import call_command
from Testing.support.web_server import call, scan, upload, wait_until
from Testing.support.web_visitor import PHONE
from Testing.support.web_whole_way import SCREEN

CHANGING = ("seconds", "peak_memory_mb", "steps")  # of the provenance, from run to run
VIEWS = tuple(f"figure[data-view={v}]" for v in ("coronal", "axial", "sagittal", "surface"))
LEFT, RIGHT, ICV = (86, 180, 233), (230, 159, 0), (240, 228, 66)


def near(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.abs(image - colour).max(-1) < 50


@pytest.fixture
def result(browser, whole_way):
    return whole_way


@pytest.mark.slow
def test_the_whole_way_gives_the_command_lines_files_bit_for_bit(result, sample_run):
    visitor, archive, steps = result.visitor, result.archive, result.steps
    assert len(steps) >= 2
    assert visitor.problems == []
    assert visitor.strangers == []
    with zipfile.ZipFile(archive) as opened:
        files = {Path(name).name: opened.read(name) for name in opened.namelist()}
    assert files.pop("brain_report.pdf").startswith(b"%PDF")
    assert set(files) == {path.name for path in sample_run.output.iterdir()}
    for path in sample_run.output.iterdir():
        if path.name != "brain_volumes.json":
            assert files[path.name] == path.read_bytes(), path.name
    here = json.loads(files["brain_volumes.json"])
    there = json.loads((sample_run.output / "brain_volumes.json").read_text(encoding="utf-8"))
    for key in CHANGING:
        del here["provenance"][key], there["provenance"][key]
    assert here == there


@pytest.mark.slow
def test_the_page_moved_to_the_result_and_one_screen_holds_it(result):
    visitor = result.visitor
    page = visitor.page
    assert page.title() == "✓ brain done – HypothalamusSeg"
    expect(page.locator(".news[role=status]")).to_contain_text("brain is segmented. Skull removed")
    expect(page.locator("#start")).to_be_hidden()  # folded away
    for selector in ("#verdict p", "#key tbody tr >> nth=3", *VIEWS, "#report a"):
        box = page.locator(selector).bounding_box()
        assert box["y"] >= 0, selector
        assert box["y"] + box["height"] <= SCREEN["viewport"]["height"], selector


@pytest.mark.slow
def test_the_worst_flag_stands_above_the_numbers_and_what_it_covers_is_struck(result, sample_json):
    page = result.visitor.page
    assert sample_json["quality"]["flags"][0]["code"] == "skull_stripped"
    verdict = page.locator("#verdict .severe").first
    expect(verdict).to_contain_text(sample_json["quality"]["flags"][0]["message"])
    key = page.locator("#key table")
    assert verdict.bounding_box()["y"] < key.bounding_box()["y"]
    for table in ("#key", "#volumes"):
        icv = page.locator(f"{table} tr", has_text="ICV").last
        total = page.locator(f"{table} tr", has_text=re.compile("total", re.IGNORECASE)).last
        struck = [icv.locator("td").first, total.locator("td", has_text="%")]
        for cell in struck:
            line = cell.locator("s").evaluate("e => getComputedStyle(e).textDecorationLine")
            assert line == "line-through"
        expect(total.locator("td").first.locator("s")).to_have_count(0)
    expect(page.locator("#key tr", has_text="Total")).to_contain_text("450–1100 mm³")


@pytest.mark.slow
def test_tables_flags_and_files_of_the_result(result, sample_json):
    page = result.visitor.page
    total, icv = sample_json["hypothalamus"]["total"], sample_json["icv_mm3"]
    expect(page.locator("#key")).to_contain_text(f"{total['volume_mm3']:.0f} mm³")
    expect(page.locator("#key")).to_contain_text(f"{icv / 1000:.0f} mL")
    expect(page.locator("#volumes tbody tr")).to_have_count(14)
    assert "mm³" not in page.locator("#volumes tbody tr", has_text="Intracranial").inner_text()
    expect(page.locator("#batch table")).to_have_count(0)  # a table of all, once there are two
    expect(page.locator("#files a")).to_have_count(7)
    with page.expect_download() as download:
        page.click("#report a")
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF")
    assert download.value.suggested_filename == "brain_report.pdf"


@pytest.mark.slow
def test_headings_are_explained_by_pointer_and_keyboard(result):
    page = result.visitor.page
    for heading, words in {
        "of ICV": "share of the intracranial",
        "Fold SD": "not an error bar",
    }.items():
        button = page.locator("#key button.tip", has_text=heading)
        button.hover()
        expect(page.locator(".tip-box")).to_contain_text(words)
        described = button.get_attribute("aria-describedby")
        assert words in page.locator(f"#{described}").text_content()
    page.keyboard.press("Escape")
    expect(page.locator(".tip-box")).to_be_hidden()
    page.locator("#key button.tip").first.focus()
    expect(page.locator(".tip-box")).to_contain_text("sum of these shares")
    page.keyboard.press("Escape")


@pytest.mark.slow
def test_planes_show_left_on_the_right_and_follow_their_sliders(result, pictures):
    visitor = result.visitor
    page = visitor.page
    for view in ("coronal", "axial"):
        shown = visitor.pixels(view)
        columns = [np.nonzero(near(shown, colour))[1] for colour in (LEFT, RIGHT)]
        assert min(map(len, columns)) > 50, view
        assert columns[0].mean() > columns[1].mean(), view
    coronal, axial = visitor.pixels("coronal"), visitor.pixels("axial")
    visitor.slide("figure[data-view=coronal] input", 20)
    assert "+20.0 mm" in page.inner_text("figure[data-view=coronal] figcaption")
    assert np.abs(visitor.pixels("coronal") - coronal).mean() > 3
    page.click(".viewer-home")
    page.wait_for_timeout(150)
    assert np.abs(visitor.pixels("coronal") - coronal).mean() < 0.01
    # A click moves the other planes there.
    before = page.inner_text("figure[data-view=sagittal] figcaption")
    page.locator("figure[data-view=axial] canvas").click(position={"x": 100, "y": 200})
    page.wait_for_timeout(150)
    assert page.inner_text("figure[data-view=sagittal] figcaption") != before
    page.click(".viewer-home")
    page.wait_for_timeout(150)
    assert np.abs(visitor.pixels("axial") - axial).mean() < 0.01


@pytest.mark.slow
def test_opacity_window_outlines_and_subunits_change_the_picture(result):
    visitor = result.visitor
    page = visitor.page
    plain = visitor.pixels("coronal")
    visitor.slide("[data-setting=opacity]", 0.9)
    assert near(visitor.pixels("coronal"), LEFT).sum() > 2 * near(plain, LEFT).sum()
    page.get_by_label("Subunits", exact=True).check()
    page.wait_for_timeout(200)
    expect(page.locator(".viewer-legend")).to_contain_text("tubular-inferior (left, right)")
    assert near(visitor.pixels("coronal"), LEFT).sum() < 2 * near(plain, LEFT).sum()
    page.get_by_label("Subunits", exact=True).uncheck()
    visitor.slide("[data-setting=opacity]", 0)
    page.get_by_label("Outlines").uncheck()
    page.wait_for_timeout(200)
    bare = visitor.pixels("coronal")
    assert near(bare, LEFT).sum() == near(bare, RIGHT).sum() == near(bare, ICV).sum() == 0
    visitor.slide("[data-setting=level]", 20)
    assert visitor.pixels("coronal").mean() > bare.mean() + 10
    page.click(".viewer-home")
    page.get_by_label("Outlines").check()
    visitor.slide("[data-setting=opacity]", 0.25)
    assert np.abs(visitor.pixels("coronal") - plain).mean() < 0.01


@pytest.mark.slow
def test_the_whole_head_and_its_surface(result, pictures):
    visitor = result.visitor
    page = visitor.page
    close = visitor.pixels("surface")
    assert near(close, (80, 160, 205)).sum() > 300
    page.get_by_label("Whole head").check()
    page.wait_for_timeout(400)
    for view in ("coronal", "axial", "sagittal"):
        assert near(visitor.pixels(view), ICV).sum() > 100, view
    surface = visitor.pixels("surface")
    assert (surface[..., 0] > surface[..., 2] + 20).mean() > 0.15  # the yellow shell
    pictures("web_head", page.locator("#viewer"))
    page.locator("figure[data-view=surface] canvas").focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(200)
    assert np.abs(visitor.pixels("surface") - surface).mean() > 0.5
    page.get_by_label("Hypothalamus", exact=True).check()
    page.click(".viewer-home")


@pytest.mark.slow
def test_dark_and_on_a_phone_the_result_is_all_there(result, real_server, visit, pictures):
    state = result.session
    dark = visit(real_server, storage_state=state, color_scheme="dark")
    dark.viewer()
    dark.page.evaluate("document.querySelector('#screen').scrollIntoView()")
    dark.page.wait_for_timeout(200)
    shown = pictures("web_dark", dark.page)
    assert np.median(shown[:, :20]) < 40
    phone = visit(real_server, storage_state=state, **PHONE)
    phone.viewer()
    width = phone.page.evaluate("document.documentElement.scrollWidth")
    assert width == PHONE["viewport"]["width"]
    assert phone.page.locator("figure[data-view=axial] canvas").bounding_box()["width"] > 300
    phone.page.evaluate("document.querySelector('#viewer').scrollIntoView()")
    table = phone.page.locator("#key div.table")
    widths = table.evaluate("e => [e.scrollWidth, e.clientWidth]")
    assert widths[0] <= widths[1]  # nothing is cut off
    # Pictures, not controls, fill the screen; the sliders come on request.
    above = phone.page.locator(".viewer-planes").bounding_box()["y"]
    assert above < 0.25 * PHONE["viewport"]["height"]
    more = phone.page.get_by_role("button", name="Window, level, zoom")
    expect(phone.page.get_by_role("slider", name="Window")).to_be_hidden()
    more.click()
    expect(phone.page.get_by_role("slider", name="Window")).to_be_visible()
    more.click()
    pictures("web_phone", phone.page, scale="css")
    assert dark.problems == phone.problems == []


@pytest.mark.slow
def test_a_real_head_with_its_skull_gives_the_command_lines_numbers(
    shared_data, real_server, tmp_path
):
    head = min((shared_data / "hypothalamus").glob("sub-ucla*/anat/*_T1w.nii.gz"))
    there = call_command(
        tmp_path / "out",
        "segment",
        head,
        "--output",
        tmp_path / "out",
        "--folds",
        "0",
        "--no-overview",
    )
    assert there.code == 0
    (described,) = (tmp_path / "out").glob("*_volumes.json")
    expected = json.loads(described.read_text(encoding="utf-8"))
    visitor = real_server.visitor()
    sent = upload(visitor, head.name, head.read_bytes())
    assert sent["state"] == "ready"
    call(visitor, "start", False, "0.5", "hypothalamus,icv", "0")
    wait_until(lambda: scan(visitor, sent["id"])["state"] != "segmenting")
    (done,) = call(visitor, "results")
    for key in ("icv_mm3", "hypothalamus", "asymmetry_index", "quality"):
        assert done["result"][key] == expected[key]
