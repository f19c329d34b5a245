"""Mouse, touch and keys in the web page's viewer, on a real result in headless Chromium."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("playwright", reason="the tests in a browser need playwright")

from HypothalamusSegLib.labels import SUBUNIT_NAMES
from playwright.sync_api import expect

from Testing.support.web_visitor import Visitor

pytestmark = pytest.mark.slow
COUNT_DRAWINGS = """() => {
  window.drawn = 0;
  new PerformanceObserver((list) => {
    window.drawn += list.getEntries().filter((one) => one.name === "viewer-draw").length;
  }).observe({ entryTypes: ["measure"] });
}"""


@pytest.fixture(scope="module")
def viewer(browser, real_server, whole_way):
    state = whole_way.session
    options = {"viewport": {"width": 1440, "height": 900}, "has_touch": True}
    visitor = Visitor(browser, real_server.url, storage_state=state, **options)
    visitor.viewer()
    yield visitor
    visitor.leave()


@pytest.fixture(autouse=True)
def at_home(viewer):
    yield
    viewer.page.click(".viewer-home")
    viewer.page.wait_for_timeout(100)
    assert viewer.problems == []


def canvas(viewer, view="coronal"):
    return viewer.page.locator(f"figure[data-view={view}] canvas")


def middle(viewer, view="coronal") -> tuple[float, float]:
    box = canvas(viewer, view).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def position(viewer, view="coronal") -> float:
    text = viewer.page.inner_text(f"figure[data-view={view}] figcaption")
    return float(text.split("= ")[1].split(" mm")[0].replace("−", "-"))


def setting(viewer, name: str) -> float:
    return float(viewer.page.eval_on_selector(f"[data-setting={name}]", "e => e.value"))


def drag(viewer, button: str, right: float, down: float) -> None:
    mouse = viewer.page.mouse
    x, y = middle(viewer)
    mouse.move(x, y)
    mouse.down(button=button)
    mouse.move(x + right, y + down, steps=4)
    mouse.up(button=button)
    viewer.page.wait_for_timeout(150)


def test_the_wheel_goes_through_slices(viewer):
    before = position(viewer)
    viewer.page.mouse.move(*middle(viewer))
    for _ in range(3):
        viewer.page.mouse.wheel(0, 100)
    viewer.page.wait_for_timeout(150)
    assert position(viewer) == pytest.approx(before - 1.5)
    assert viewer.page.evaluate("getComputedStyle(document.body).overflow") != "hidden"


def test_ctrl_and_wheel_zoom_about_the_pointer(viewer):
    x, y = middle(viewer)
    words = viewer.page.locator(".viewer-readout")
    viewer.page.mouse.move(x + 60, y + 40)
    there = words.inner_text()
    viewer.page.keyboard.down("Control")
    for _ in range(3):
        viewer.page.mouse.wheel(0, -100)
    viewer.page.keyboard.up("Control")
    viewer.page.wait_for_timeout(150)
    assert setting(viewer, "magnification") == pytest.approx(np.exp(1), abs=0.1)
    viewer.page.mouse.move(x + 61, y + 40)
    viewer.page.mouse.move(x + 60, y + 40)
    numbers = [re.findall(r"[−+]([0-9.]+)", text)[:3] for text in (words.inner_text(), there)]
    assert np.array(numbers[0], float) == pytest.approx(np.array(numbers[1], float), abs=0.3)


def test_the_right_button_changes_window_and_level(viewer):
    window, level, before = setting(viewer, "window"), setting(viewer, "level"), position(viewer)
    dark = viewer.pixels("axial").mean()
    drag(viewer, "right", 0, 80)
    assert setting(viewer, "level") < level
    assert viewer.pixels("axial").mean() > dark + 5
    drag(viewer, "right", -80, 0)
    assert setting(viewer, "window") < 0.8 * window
    assert position(viewer) == before
    assert position(viewer, "sagittal") == pytest.approx(-3.5, abs=3)  # the cross has not moved


def test_the_middle_button_moves_the_picture(viewer):
    before = viewer.pixels("coronal")
    drag(viewer, "middle", 40, 0)
    after = viewer.pixels("coronal")
    shifted = np.abs(after[60:-60, 90:-60] - before[60:-60, 50:-100]).mean()
    assert shifted < np.abs(after[60:-60, 90:-60] - before[60:-60, 90:-60]).mean() / 2


def test_the_pointer_tells_place_value_and_structure(viewer):
    readout = viewer.page.locator(".viewer-readout")
    expect(readout).to_contain_text("Cross: x")
    pixels = viewer.pixels("coronal")
    inside = np.argwhere(np.abs(pixels - (86, 180, 233)).max(-1) < 30)
    box = canvas(viewer).bounding_box()
    # Some pixels above its lowest point: in its middle the fornix is left out.
    row = inside[:, 0].max() - 12
    column = inside[inside[:, 0] == row, 1].mean()
    viewer.page.mouse.move(box["x"] + column, box["y"] + row)
    expect(readout).to_contain_text("Pointer: x −")
    expect(readout).to_contain_text("value")
    expect(readout).to_contain_text("Left hypothalamus")
    expect(readout).to_contain_text("Left hypothalamus, tubular")
    viewer.page.mouse.move(5, 5)
    expect(readout).to_contain_text("Cross: x")


LONGEST_WORDS = """async () => {
  const main = document.querySelector("script[type=module][src*='/main.js']").src;
  const { wordsAt } = await import(main.replace("main.js", "readout.js"));
  const subunits = ["left", "right"].flatMap((side) => PARTS.map((name) => ({ side, name })));
  const line = document.querySelector(".viewer-readout");
  const cut = [];
  subunits.forEach((_, index) => {
    const volumes = {};
    for (const name of ["close/scan", "head/icv", "close/left", "close/right"]) {
      if (!name.endsWith(index < 5 ? "/right" : "/left")) volumes[name] = { valueAt: () => 255 };
    }
    volumes["close/subunits"] = { valueAt: () => index + 1 };
    const scene = { volumes, subunits, range: [0, 12345] };
    line.textContent = `Pointer: ${wordsAt(scene, [-100.5, 100.5, -100.5], "close")}`;
    if (line.scrollWidth > line.clientWidth || line.scrollHeight > line.clientHeight) {
      cut.push(line.textContent);
    }
  });
  return [line.textContent, cut];
}"""


@pytest.mark.parametrize("width", [1440, 390])
def test_the_readout_is_never_cut(viewer, width):
    viewer.page.set_viewport_size({"width": width, "height": 900})
    viewer.page.wait_for_timeout(300)
    script = LONGEST_WORDS.replace("PARTS", json.dumps(list(SUBUNIT_NAMES)))
    words, cut = viewer.page.evaluate(script)
    viewer.page.set_viewport_size({"width": 1440, "height": 900})
    assert "Right hypothalamus, tubular-superior" in words
    assert cut == []


def test_keys_move_cross_slice_and_zoom(viewer):
    canvas(viewer, "axial").focus()
    before = position(viewer, "axial"), position(viewer, "sagittal"), position(viewer, "coronal")
    for key in ("PageUp", "ArrowRight", "ArrowUp", "+"):
        viewer.page.keyboard.press(key)
    viewer.page.wait_for_timeout(150)
    after = position(viewer, "axial"), position(viewer, "sagittal"), position(viewer, "coronal")
    # The picture's right is the patient's left.
    assert np.subtract(after, before) == pytest.approx([0.5, -0.5, 0.5])
    assert setting(viewer, "magnification") == pytest.approx(1.25, abs=0.06)


def test_two_fingers_zoom_and_a_tap_moves_the_cross(viewer):
    x, y = middle(viewer)
    session = viewer.context.new_cdp_session(viewer.page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        fingers = [{"x": right, "y": down, "id": i} for i, (right, down) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    before = position(viewer, "sagittal")
    touch("touchStart", (x - 30, y), (x + 30, y))
    for reach in (40, 50, 60):
        touch("touchMove", (x - reach, y), (x + reach, y))
    touch("touchEnd")
    viewer.page.wait_for_timeout(200)
    assert setting(viewer, "magnification") == pytest.approx(2, abs=0.15)
    assert position(viewer, "sagittal") == before
    viewer.page.touchscreen.tap(x + 80, y)
    viewer.page.wait_for_timeout(200)
    assert position(viewer, "sagittal") < before


def test_every_slider_has_a_name_and_says_its_value(viewer):
    sliders = viewer.page.locator(".viewer input[type=range]")
    assert sliders.count() == 7
    names = ["Window", "Level", "Overlay", "Zoom", "Coronal slice", "Axial slice", "Sagittal slice"]
    for name in names:
        slider = viewer.page.get_by_role("slider", name=name)
        expect(slider).to_have_count(1)
        assert re.search(r"\d", slider.get_attribute("aria-valuetext"))


def test_subunits_have_borders_are_filled_and_stand_in_space(viewer):
    page = viewer.page
    sides, surface = viewer.pixels("sagittal"), viewer.pixels("surface")
    page.get_by_label("Subunits", exact=True).check()
    page.wait_for_timeout(300)
    assert setting(viewer, "opacity") == 0.6
    shown = viewer.pixels("sagittal")
    colours = {"superior": (112, 114, 230), "inferior": (73, 172, 178), "posterior": (83, 93, 151)}
    for name, colour in colours.items():
        assert (np.abs(shown - colour).max(-1) < 25).sum() > 20, name  # its border
    assert np.abs(shown - sides).mean() > 0.3
    in_space = viewer.pixels("surface")
    assert np.abs(in_space - surface).mean() > 1
    hues = {tuple((p // 48).tolist()) for p in in_space.reshape(-1, 3) if np.ptp(p) > 40}
    assert len(hues) > 10
    page.get_by_label("Subunits", exact=True).uncheck()
    page.wait_for_timeout(200)
    assert setting(viewer, "opacity") == 0.25


def test_each_move_repaints_and_many_within_a_frame_repaint_once(viewer):
    page = viewer.page
    page.evaluate(COUNT_DRAWINGS)
    start = position(viewer)
    for step in (1, 2, 3):
        viewer.slide("figure[data-view=coronal] input", start + step)
        assert position(viewer) == pytest.approx(start + step)
    assert page.evaluate("window.drawn") == 3
    page.eval_on_selector(
        "figure[data-view=coronal] input",
        """(e, start) => {
          for (let step = 0; step < 20; step++) {
            e.value = start - step;
            e.dispatchEvent(new Event("input"));
          }
        }""",
        start,
    )
    page.wait_for_timeout(300)
    assert page.evaluate("window.drawn") == 4
    assert position(viewer) == pytest.approx(start - 19)


def test_a_result_without_hypothalamus_opens_on_the_whole_head(
    browser, viewer, sample_image, tmp_path
):
    scan = tmp_path / "brain.nii.gz"
    sitk.WriteImage(sitk.Shrink(sample_image, (2, 2, 2)), str(scan))
    other = Visitor(browser, viewer.url)
    page = other.page
    other.give(scan)
    other.state("brain.nii.gz", "ready")
    page.locator("#structures").get_by_label("hypothalamus").uncheck()
    for fold in "2345":
        page.locator("#folds").get_by_label(fold, exact=True).uncheck()
    page.click("#start")
    other.viewer()
    expect(page.get_by_label("Whole head")).to_be_checked()
    expect(page.get_by_label("Hypothalamus", exact=True)).to_be_disabled()
    expect(page.locator("#key tbody tr")).to_have_count(1)
    assert (np.abs(other.pixels("coronal") - (240, 228, 66)).max(-1) < 50).sum() > 100
    assert other.problems == []
    other.leave()
