"""When a visitor's files are deleted: told before and afterwards, and put off by no clock."""

from __future__ import annotations

import time

import pytest

from Testing.support.scan_files import head_volume, write_scan
from Testing.support.web_server import running, upload

# Of the server in seconds; the page warns in the last third.
SHORT = {"minutes": 0.25, "minutes_after_download": 0.02}


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    return write_scan(tmp_path_factory.mktemp("heads") / "quick.nii.gz", head_volume())


def test_asking_for_the_time_does_not_put_the_deletion_off(head, tmp_path):
    with running(tmp_path, minutes=0.1, minutes_after_download=0.02) as server:
        visitor = server.visitor()
        assert visitor.get("expiry").json() == {"scans": 0, "seconds": None}
        upload(visitor, head.name, head.read_bytes())
        seen = []
        for _ in range(40):
            told = visitor.get("expiry").json()
            if not told["scans"]:
                break
            seen.append(told["seconds"])
            time.sleep(0.5)
        assert seen == sorted(seen, reverse=True)
        assert 4 < seen[0] <= 6
        assert told == {"scans": 0, "seconds": None}
        assert server.files("quick*") == []


def test_each_is_told_their_own_time(head, stub_server):
    anna, berta = stub_server.visitor(), stub_server.visitor()
    upload(anna, head.name, head.read_bytes())
    assert anna.get("expiry").json()["scans"] == 1
    assert berta.get("expiry").json() == {"scans": 0, "seconds": None}


def test_the_page_tells_warns_and_offers_a_new_start(head, browser, tmp_path):
    pytest.importorskip("playwright", reason="the tests in a browser need playwright")
    from playwright.sync_api import expect

    from Testing.support.web_visitor import Visitor

    with running(tmp_path, **SHORT) as server:
        visitor = Visitor(browser, server.url)
        page = visitor.page
        visitor.give(head)
        visitor.state(head.name, "ready")
        page.click("#start")
        visitor.state(head.name, "done")
        line, warning = (
            page.locator(".deletion-time"),
            page.locator(".deletion-warning[role=alert]"),
        )
        expect(line).to_contain_text("Your scan and its results will be deleted at")
        assert warning.inner_text() == ""
        expect(warning).to_contain_text("they will be deleted", timeout=30_000)
        page.get_by_role("button", name="Keep them longer").click()
        expect(warning).to_have_text("", timeout=10_000)
        expect(warning).to_contain_text("they will be deleted", timeout=30_000)
        expect(warning).to_contain_text("were deleted at", timeout=30_000)
        expect(page.locator("#results")).to_be_hidden()  # nor are the numbers left on the screen
        expect(page.locator("#scans li")).to_have_count(0)
        page.get_by_role("button", name="Start over").click()
        page.wait_for_function("window.hypothalamusSeg")
        visitor.give(head)
        visitor.state(head.name, "ready")
        visitor.leave()
