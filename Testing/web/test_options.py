"""The page's options are those of the command line, and the queue says how long it will take."""

from __future__ import annotations

import pytest
from HypothalamusSegLib.options import Options

from Testing.support.scan_files import head_volume, write_scan
from Testing.support.web_server import call, running, upload, wait_until
from Web.expected_times import ExpectedTimes, in_words
from Web.run_options import WrongOptionError, default_options, run_options


def test_the_defaults_are_the_command_lines():
    defaults = default_options()
    for name in ("structures", "folds"):
        assert tuple(defaults[name]) == getattr(Options(), name)
    assert (defaults["subunits"], defaults["grid"]) == (Options().subunits, Options().grid)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"grid": "0.1"}, "0.5, native, ulm"),
        ({"structures": ""}, "hypothalamus, icv"),
        ({"structures": "brain"}, "hypothalamus, icv"),
        ({"folds": ""}, "0, 1, 2, 3, 4"),
        ({"folds": "5"}, "0, 1, 2, 3, 4"),
        ({"folds": "1,1"}, "0, 1, 2, 3, 4"),
        ({"folds": "one"}, "0, 1, 2, 3, 4"),
    ],
)
def test_wrong_options_are_refused_and_the_right_ones_named(wrong, named):
    with pytest.raises(WrongOptionError, match=named):
        run_options(**{"subunits": False, "grid": "0.5", **wrong})


def test_subunits_need_the_hypothalamus():
    assert run_options(True, "0.5", "icv")["subunits"] is False
    assert run_options(True, "0.5", "icv,hypothalamus")["structures"] == ["hypothalamus", "icv"]


def test_expected_times_follow_the_last_runs():
    times = ExpectedTimes()
    assert times.left(3) is None
    assert times.until_done(1, 1, []) is None
    for seconds in (10, 100, 12):
        times.note(seconds)
    assert times.of_a_run == 12
    assert times.left(5) == 7
    assert times.left(60) == 0
    assert times.until_done(1, 1, [5]) == 7 + 12
    assert times.until_done(3, 1, [5]) == 7 + 36
    assert times.until_done(1, 2, [5]) == 12  # the other worker is idle
    assert times.until_done(2, 2, [5, 11]) == 7 + 12


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (2, "a few seconds"),
        (23, "25 seconds"),
        (44, "40 seconds"),
        (70, "1 minute"),
        (200, "3 minutes"),
    ],
)
def test_times_in_words(seconds, words):
    assert in_words(seconds) == words


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server"), stub_seconds=0.4) as server:
        yield server


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    folder = tmp_path_factory.mktemp("heads")
    names = ("anna", "berta", "slow")
    return {n: write_scan(folder / f"{n}.nii.gz", head_volume()) for n in names}


def test_the_endpoint_takes_all_options_and_refuses_wrong_ones(server, heads):
    visitor = server.visitor()
    upload(visitor, "anna.nii.gz", heads["anna"].read_bytes())
    for wrong in ((False, "0.1"), (False, "0.5", "brain"), (False, "0.5", "icv", "7")):
        with pytest.raises(RuntimeError, match="Unknown"):
            call(visitor, "start", *wrong)
        assert call(visitor, "list_scans")[0]["state"] == "ready"
    (started,) = call(visitor, "start", False, "native", "icv", "0,2")
    assert started["state"] == "segmenting"
    wait_until(lambda: call(visitor, "list_scans")[0]["state"] == "done", seconds=60)
    # The same scan with other options is another run.
    assert call(visitor, "start", False, "native", "icv", "0,2") == []
    assert len(call(visitor, "start", False, "native", "icv", "0")) == 1


def test_the_page_offers_the_options_and_says_how_long_it_takes(server, visit, heads):
    pytest.importorskip("playwright", reason="the tests in a browser need playwright")
    from playwright.sync_api import expect

    visitor = visit(server)
    page = visitor.page
    visitor.give(heads["anna"])
    visitor.state("anna.nii.gz", "ready")
    for name in ("hypothalamus", "intracranial volume (ICV)"):
        page.locator("#structures").get_by_label(name).uncheck()
    page.click("#start")
    expect(page.locator("#said [role=alert]")).to_contain_text("choose one or both")
    page.locator("#structures").get_by_label("hypothalamus").check()
    page.locator("#folds").get_by_label("5", exact=True).uncheck()
    page.click("#start")
    visitor.state("anna.nii.gz", "done")
    # From the first run on, others are told how long theirs will take.
    page.get_by_role("button", name="Scans and options").click()
    visitor.give(heads["slow"])
    visitor.state("slow.nii.gz", "ready")
    visitor.give(heads["berta"])
    visitor.state("berta.nii.gz", "ready")
    page.click("#start")
    expect(visitor.line("berta.nii.gz")).to_contain_text("1st in the queue, done in about")
    expect(visitor.line("slow.nii.gz")).to_contain_text("left")
    page.click("#cancel")
    visitor.state("berta.nii.gz", "cancelled")
    page.reload()
    expect(page.locator("#folds").get_by_label("5", exact=True)).not_to_be_checked()
    expect(page.locator("#structures").get_by_label("hypothalamus")).to_be_checked()
