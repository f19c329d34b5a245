"""Requests that no page would send: names, numbers, forms and paces that none has."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from Testing.support.web_requests import COOKIE, connection, request_bytes
from Testing.support.web_server import running, write_passwords


def test_a_pages_name_is_short_and_few_are_kept(server, visitor):
    for name in ("x" * 65, "x" * 100_000, "../x", "", ["a"], {"a": 1}, 7):
        body = {"data": [], "fn_index": 0, "session_hash": name}
        assert visitor.post("gradio_api/queue/join", json=body).status_code == 400, name
    assert visitor.get(f"gradio_api/queue/data?session_hash={'x' * 65}").status_code == 400


def test_a_name_that_points_here_is_not_this_server(server):
    for host, status in (
        ("evil.example", 400),
        ("evil.example:80", 400),
        ("", 400),
        ("localhost:1", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1", 200),
        ("[::1]:7860", 200),
    ):
        assert httpx.get(server.url, headers={"Host": host}, verify=False).status_code == status, (
            host
        )


def test_behind_tls_the_cookie_is_this_hosts_alone(server):
    answer = httpx.get(server.url, headers={"X-Forwarded-Proto": "https"}, verify=False)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"__Host-{COOKIE}=")
    assert "; Path=/; Secure; HttpOnly" in cookie
    name, _, value = cookie.partition(";")[0].partition("=")
    headers = {"X-Forwarded-Proto": "https", "Cookie": f"{name}={value}"}
    assert "set-cookie" not in httpx.get(server.url, headers=headers, verify=False).headers
    # Without the prefix, another host of the domain might have set it.
    headers["Cookie"] = f"{COOKIE}={value}"
    assert "set-cookie" in httpx.get(server.url, headers=headers, verify=False).headers


def test_a_stream_without_a_question_leaves_no_traceback(server, visitor):
    address = "gradio_api/queue/data?session_hash=unasked"
    with contextlib.suppress(httpx.RemoteProtocolError):
        visitor.get(address)
    assert visitor.get("config").status_code == 200
    assert "Traceback" not in server.text


def test_json_nested_deep_is_refused_without_a_traceback(server, visitor):
    for depth in (40, 900, 60_000):
        nested = "[" * depth + "]" * depth
        body = f'{{"data": [{nested}], "fn_index": 0, "session_hash": "a"}}'
        for route in ("gradio_api/run/predict", "gradio_api/queue/join"):
            answer = visitor.post(route, content=body)
            assert answer.status_code == 400
    assert "Traceback" not in server.text


@pytest.mark.parametrize("number", ["1e309", "-1e999", "NaN", "Infinity"])
def test_numbers_that_are_none_are_refused_without_a_traceback(server, visitor, number):
    for body in (
        f'{{"data": [], "fn_index": {number}, "session_hash": "a"}}',
        f'{{"data": [[{{"a": {number}}}]], "fn_index": 0, "session_hash": "a"}}',
    ):
        for route in ("gradio_api/run/predict", "gradio_api/queue/join"):
            assert visitor.post(route, content=body).status_code == 400
    assert "Traceback" not in server.text


@pytest.mark.parametrize("number", [-1, 9999, None, "x", 1.5, [0]])
def test_a_call_of_no_function_is_refused_without_a_traceback(server, visitor, number):
    body = {"data": [], "fn_index": number, "session_hash": f"own{id(visitor)}"}
    for route in ("gradio_api/run/predict", "gradio_api/queue/join"):
        assert visitor.post(route, json=body).status_code == 404
    assert "Traceback" not in server.text


@pytest.mark.parametrize("event", [None, [], {}, {"entry": {"a": 1}, "series": "1"}])
def test_forged_events_of_the_page_are_harmless(server, visitor, event):
    config = visitor.get("config").json()
    for name in ("page_delete", "page_remove"):
        index = next(d["id"] for d in config["dependencies"] if d["api_name"] == name)
        body = {
            "data": ["{}"],
            "fn_index": index,
            "session_hash": f"own{id(visitor)}",
            "event_data": event,
        }
        answer = visitor.post("gradio_api/run/predict", json=body)
        assert answer.status_code == 200, answer.text
    assert "Traceback" not in server.text


def test_half_a_request_is_given_up(tmp_path):
    with running(tmp_path, patience_s=1.5) as server:
        visitor = server.visitor()
        head = request_bytes(visitor, "PUT", "uploads", X_File_Name="half.nii", Content_Length=1000)
        join = request_bytes(visitor, "POST", "gradio_api/queue/join", Content_Length=100)
        config = request_bytes(visitor, "GET", "config")
        for sent in (b"", b"GET /", head[:-10], head + b"x", join + b"{", config + b"GET /x"):
            with connection(server) as stream:
                stream.sendall(sent)
                while stream.recv(1 << 16):  # fails after 20 s of silence
                    pass
        assert not server.files("half*")
        # One that sends on, if slowly, is waited for.
        with connection(server) as stream:
            stream.sendall(head.replace(b"Content-Length: 1000", b"Content-Length: 100000"))
            for _ in range(5):
                stream.sendall(bytes(20_000))
                time.sleep(0.6)
            assert b" 200 " in stream.recv(1000)


def test_passwords_cannot_be_tried_without_end(tmp_path):
    file = write_passwords(tmp_path / "passwords.txt", ada="right", bob="plain")
    with running(tmp_path / "server", password_file=file) as server:
        ada = server.visitor(auth=("ada", "right"))
        assert ada.get("config").status_code == 200

        def guess(number: int) -> httpx.Response:
            return httpx.get(server.url, auth=("ada", f"{number}"), timeout=60, verify=False)

        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(guess, range(24)))
        refused = [answer for answer in answers if answer.status_code == 429]
        assert len(refused) >= 4
        assert all(int(answer.headers["retry-after"]) > 60 for answer in refused)
        assert server.text.count("Wrong password from 127.0.0.1") == 24 - len(refused)
        assert "Too many wrong passwords" in server.text
        # The right one is not looked at any more, but who was let in before stays in.
        assert httpx.get(server.url, auth=("bob", "plain"), verify=False).status_code == 429
        assert ada.get("config").status_code == 200
