"""Answers that overtake each other on their way to the page."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright", reason="the tests in a browser need playwright")

from Testing.support.scan_files import head_volume, write_scan
from Testing.support.web_server import running, wait_until
from Testing.support.web_visitor import Visitor

ANSWERS = "**/run/predict*"


def stops_the_clock(answer) -> bool:
    """Whether it tells the page to ask no more."""
    return any(isinstance(v, dict) and v.get("active") is False for v in answer.json()["data"])


def test_an_old_answer_that_arrives_late_does_not_stop_the_page(browser, tmp_path):
    head = write_scan(tmp_path / "head.nii.gz", head_volume())
    with running(tmp_path / "server", stub_seconds=0.5) as server:
        visitor = Visitor(browser, server.url)
        page = visitor.page
        visitor.give(head)
        visitor.state(head.name, "ready")
        page.click("#start")
        visitor.state(head.name, "done")
        held = []

        def hold_the_stop(route) -> None:
            answer = route.fetch()
            if not held and stops_the_clock(answer):
                held.append((route, answer))
            else:
                route.fulfill(response=answer)

        page.route(ANSWERS, hold_the_stop)
        wait_until(lambda: page.wait_for_timeout(50) or held, seconds=60)
        page.get_by_role("button", name="Scans and options").click()
        page.get_by_label("Also segment the ten subunits").check()
        with page.expect_response(ANSWERS):
            page.click("#start")
        visitor.state(head.name, "segmenting")
        route, answer = held[0]
        route.fulfill(response=answer)
        visitor.state(head.name, "done", timeout=30_000)
        page.unroute_all()
        visitor.leave()
