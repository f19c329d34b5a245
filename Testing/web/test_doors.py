"""Ways into the server that Gradio has, and another site's page: they are shut."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "route",
    [
        "gradio_api/file=/etc/passwd",
        "gradio_api/proxy=http://example.org/",
        "gradio_api/file=http://example.org/",
        "gradio_api/upload_progress?upload_id=x",
        "gradio_api/runs",
        "gradio_api/vibe-code/",
        "gradio_api/openapi.json",
        "gradio_api/deep_link?session_hash=x",
        "?deep_link=../../x",
        "config?deep_link=x",
        "monitoring",
        "monitoring/summary",
        "docs",
        "openapi.json",
        "logout",
        "results/../../etc/passwd",
        "browser/../server.py",
        "assets/..%2f..%2froutes.py",
        "svelte/x",
    ],
)
def test_other_doors_of_gradio_are_shut(visitor, route):
    assert visitor.get(route).status_code == 404


@pytest.mark.parametrize(
    "route", ["gradio_api/upload", "gradio_api/component_server", "gradio_api/call/x", "login"]
)
def test_gradios_own_upload_is_shut(visitor, route):
    answer = visitor.post(route, files={"files": ("x.nii", b"x")})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "value",
    [
        {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
        {"path": "http://example.org/x", "meta": {"_type": "gradio.FileData"}},
        [{"nested": {"url": "http://example.org/x"}}],
    ],
)
def test_nothing_can_be_named_as_a_file_to_gradio(visitor, value):
    body = {"data": [value], "fn_index": 0, "session_hash": "abc"}
    for route in ("gradio_api/run/predict", "gradio_api/queue/join"):
        assert visitor.post(route, json=body).status_code == 400


def test_another_visitors_stream_cannot_be_listened_to(server, visitor):
    body = {"data": [], "fn_index": 0, "session_hash": "mine"}
    visitor.post("gradio_api/queue/join", json=body)
    stranger = server.visitor()
    for answer in (
        stranger.get("gradio_api/queue/data?session_hash=mine"),
        stranger.get("gradio_api/heartbeat/mine"),
        stranger.post("gradio_api/queue/join", json=body),
        stranger.post("gradio_api/cancel", json={**body, "event_id": "x"}),
    ):
        assert answer.status_code == 404


def test_another_sites_page_cannot_act(visitor):
    for origin in ("http://evil.example", "null"):
        answer = visitor.put("uploads", content=b"x", headers={"Origin": origin})
        assert answer.status_code == 403
    answer = visitor.get("", headers={"Origin": "http://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
