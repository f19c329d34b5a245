"""What a hostile visitor tries on a running server, and what others notice of it.

Each of these succeeded on version 0.1.0.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import SimpleITK as sitk
from HypothalamusSegLib.geometry.voxel_image import image_from_volume

from Testing.support.scan_files import head_volume, write_dicom, write_scan
from Testing.support.web_server import (
    Server,
    call,
    running,
    scan,
    upload,
    wait_until,
    write_passwords,
)
from Testing.web.test_uploads import archive
from Web.gate import MOST_STREAMS

MEGABYTE = 1 << 20
COOKIE = "hypothalamus_seg_session"


@pytest.fixture(scope="module")
def head(tmp_path_factory) -> bytes:
    path = write_scan(tmp_path_factory.mktemp("scan") / "head.nii.gz", head_volume())
    return path.read_bytes()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    os.environ["DEPLOY_TOKEN"] = "a secret of the server"
    try:
        with running(folder, most_upload_mb=2, minutes_after_download=0.03) as server:
            yield server
    finally:
        del os.environ["DEPLOY_TOKEN"]


@pytest.fixture
def visitor(server):
    return server.visitor()


def finished(client, name: str, data: bytes, grid: str = "0.5") -> dict:
    made = upload(client, name, data)
    assert made["state"] == "ready", made
    return segmented(client, made["id"], grid)


def segmented(client, identifier: str, grid: str) -> dict:
    call(client, "start", False, grid)
    wait_until(lambda: scan(client, identifier)["state"] != "segmenting", seconds=30)
    return scan(client, identifier)


def connection(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", httpx.URL(server.url).port), timeout=20)


def request_bytes(client: httpx.Client, method: str, path: str, **headers: object) -> bytes:
    lines = [f"{method} /{path} HTTP/1.1", f"Host: {client.base_url.netloc.decode()}"]
    lines.append(f"Cookie: {COOKIE}={client.cookies[COOKIE]}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


# --- files of the server ---------------------------------------------------------------------


def test_a_header_far_into_the_file_reads_no_file_of_the_server(server, visitor, tmp_path):
    volume = head_volume()
    secret = tmp_path / "secret"
    secret.write_bytes(os.urandom(volume.array.nbytes))
    nrrd = tmp_path / "a.nrrd"
    sitk.WriteImage(image_from_volume(volume), str(nrrd))
    start = nrrd.read_bytes().partition(b"\n\n")[0] + b"\n"
    padding = (b"#" * 99 + b"\n") * (MEGABYTE // 100 + 1)
    attack = start + padding + f"data file: {secret}\n\n".encode()
    refused = upload(visitor, "a.nrrd", attack)
    assert refused["state"] == "refused"
    meta = write_scan(tmp_path / "a.mha", volume).read_bytes().partition(b"ElementDataFile")[0]
    comments = (b"Comment = " + b"x" * 80 + b"\n") * (MEGABYTE // 90 + 1)
    attack = meta + b"elementdatafile = LOCAL\n" + comments
    refused = upload(visitor, "a.mha", attack + f"ElementDataFile = {secret}\n".encode())
    assert refused["state"] == "refused"


def test_headers_of_nothing_but_line_ends_keep_nobody_waiting(server, head):
    hostile, other = server.visitor(), server.visitor()
    for number in range(4):
        lines = b"NRRD0004\n# " + b"\n" * (MEGABYTE + 1000)
        upload(hostile, f"{number}.nrrd", lines, checked=False)
    # Waits for a minute; it took three.
    assert upload(other, "head.nii.gz", head)["state"] == "ready"


def test_workers_have_no_environment_and_limits(server, visitor, head):
    assert finished(visitor, "brain.nii.gz", head)["state"] == "done"
    tasks = Path(f"/proc/{server.process.pid}/task").iterdir()
    children = " ".join((task / "children").read_text(encoding="utf-8") for task in tasks).split()
    assert len(children) == 3
    for child in children:
        process = Path(f"/proc/{child}")
        assert b"DEPLOY_TOKEN" not in (process / "environ").read_bytes()
        rows = (process / "limits").read_text(encoding="utf-8").splitlines()
        for name in ("Max data size", "Max file size", "Max open files"):
            (row,) = (row for row in rows if row.startswith(name))
            assert "unlimited" not in row
    assert server.text.count("protections: memory") >= 3


# --- places, disk, memory --------------------------------------------------------------------


def test_uploads_without_a_cookie_take_no_place_from_anybody(server, head):
    kept = server.visitor()
    mine = upload(kept, "mine.nii.gz", head)

    def one(_) -> int:
        # Each without a cookie; and no certificates are read for an address without TLS.
        with httpx.Client(base_url=server.url, verify=False) as client:
            answer = client.put("uploads", content=b"x", headers={"X-File-Name": "x.nii"})
            return answer.status_code

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(one, range(220)))
    newcomer = server.visitor()
    assert newcomer.get("").status_code == 200
    assert upload(newcomer, "head.nii.gz", head)["state"] == "ready"
    assert scan(kept, mine["id"])["state"] == "ready"


def test_a_pages_name_is_short_and_few_are_kept(server, visitor):
    for name in ("x" * 65, "x" * 100_000, "../x", "", ["a"], {"a": 1}, 7):
        body = {"data": [], "fn_index": 0, "session_hash": name}
        assert visitor.post("gradio_api/queue/join", json=body).status_code == 400, name
    assert visitor.get(f"gradio_api/queue/data?session_hash={'x' * 65}").status_code == 400


def test_uploads_at_once_share_one_quota(server, visitor):
    """Sixty at once put 293 MB on the disk where 25 were promised."""
    size = 2 * MEGABYTE - 1000
    opened = []
    try:
        for number in range(20):
            stream = connection(server)
            opened.append(stream)
            start = request_bytes(
                visitor, "PUT", "uploads", X_File_Name=f"flood{number}.nii", Content_Length=size
            )
            with contextlib.suppress(ConnectionError, TimeoutError):
                stream.sendall(start + bytes(size - 1))
        time.sleep(1)
        written = sum(path.stat().st_size for path in server.files("flood*"))
        assert written <= 5 * 2 * MEGABYTE
    finally:
        for stream in opened:
            stream.close()
    wait_until(lambda: not server.files("flood*"), seconds=20)
    # What did not come whole is in no quota any more.
    answer = visitor.put("uploads", content=bytes(size), headers={"X-File-Name": "a.nii"})
    assert answer.status_code == 200


def test_results_are_sent_without_another_copy_on_the_disk(server, visitor, head):
    finished(visitor, "brain.nii.gz", head)
    seen, ended = [], threading.Event()

    def watch() -> None:
        while not ended.is_set():
            for session in server.root.iterdir():
                with contextlib.suppress(OSError):
                    seen.extend(name for name in os.listdir(session) if name.endswith(".zip"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(10):
        answer = visitor.get("results/everything.zip")
        assert answer.content[:2] == b"PK"
        assert len(answer.content) == int(answer.headers["content-length"])
    ended.set()
    watcher.join()
    assert not seen


def test_a_visitor_has_few_event_streams(server, visitor):
    def opened(client: httpx.Client, number: int) -> socket.socket:
        page = f"page{id(client)}n{number}"
        stream = connection(server)
        stream.sendall(request_bytes(client, "GET", f"gradio_api/heartbeat/{page}"))
        return stream

    def status(stream: socket.socket) -> bytes:
        return stream.recv(20).split()[1]

    streams = [opened(visitor, number) for number in range(MOST_STREAMS)]
    try:
        assert [status(stream) for stream in streams] == [b"200"] * MOST_STREAMS
        for number in (20, 21):
            with opened(visitor, number) as refused:
                assert status(refused) == b"429"
        with opened(server.visitor(), 0) as others:
            assert status(others) == b"200"
        streams.pop().close()  # and its place is free
        last = []

        def has_place() -> bool:
            last.append(opened(visitor, 30 + len(last)))
            return status(last[-1]) == b"200"

        wait_until(has_place, seconds=20)
        streams += last
    finally:
        for stream in streams:
            stream.close()


# --- downloads -------------------------------------------------------------------------------


def test_another_sites_link_and_a_broken_download_delete_nothing(server, visitor, head):
    finished(visitor, "kept.nii.gz", head)
    for site in ("cross-site", "same-site"):
        headers = {"Sec-Fetch-Site": site}
        for path in ("results/everything.zip", call(visitor, "results")[0]["files"].popitem()[1]):
            assert visitor.get(path, headers=headers).status_code == 403
    with connection(server) as stream:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.sendall(request_bytes(visitor, "GET", "results/everything.zip"))
        assert len(stream.recv(10)) == 10
    time.sleep(5)
    assert server.files("kept*")


def test_after_a_whole_download_each_click_lengthens(server, visitor, head):
    finished(visitor, "looked.nii.gz", head)
    headers = {"Sec-Fetch-Site": "same-origin"}
    assert visitor.get("results/everything.zip", headers=headers).status_code == 200
    for _ in range(8):
        time.sleep(0.5)
        assert visitor.get("config").status_code == 200
    assert server.files("looked*")
    wait_until(lambda: not server.files("looked*"), seconds=20)


# --- requests --------------------------------------------------------------------------------


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
        assert httpx.get(server.url, headers={"Host": host}).status_code == status, host


def test_behind_tls_the_cookie_is_this_hosts_alone(server):
    answer = httpx.get(server.url, headers={"X-Forwarded-Proto": "https"})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"__Host-{COOKIE}=")
    assert "; Path=/; Secure; HttpOnly" in cookie
    name, _, value = cookie.partition(";")[0].partition("=")
    headers = {"X-Forwarded-Proto": "https", "Cookie": f"{name}={value}"}
    assert "set-cookie" not in httpx.get(server.url, headers=headers).headers
    # Without the prefix, another host of the domain might have set it.
    headers["Cookie"] = f"{COOKIE}={value}"
    assert "set-cookie" in httpx.get(server.url, headers=headers).headers


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
        assert httpx.get(server.url, auth=("bob", "plain")).status_code == 429
        assert ada.get("config").status_code == 200


# --- what was no attack and did not work ------------------------------------------------------


def test_other_applications_cookies_do_not_hide_the_session(server, visitor, head):
    made = upload(visitor, "mine.nii.gz", head)
    token = visitor.cookies[COOKIE]
    for others in ('ui_prefs={"mode":"dark"}; ', "a=b c; ", 'x="; ', "=; ;; ", "ü=ä; "):
        cookie = f"{others}{COOKIE}={token}".encode()
        with httpx.Client(base_url=server.url, headers={"Cookie": cookie}, timeout=60) as client:
            answer = client.get("")
            assert "set-cookie" not in answer.headers, others
            assert scan(client, made["id"])["state"] == "ready"


@pytest.mark.parametrize("name", ["new-results.zip", "results.zip", "series.zip", "input.zip"])
def test_no_name_of_an_archive_meets_the_servers_own(server, visitor, tmp_path, name):
    slices = write_dicom(tmp_path / "slices", head_volume())
    path = archive(tmp_path / name, {file.name: file.read_bytes() for file in slices})
    done = finished(visitor, name, path.read_bytes())
    assert done["state"] == "done", done
    again = segmented(visitor, done["id"], "native")
    # The first result would stay if the second run had failed.
    assert (again["state"], again["message"]) == ("done", None)
    (result,) = call(visitor, "results")
    assert result["result"]["name"] == name.removesuffix(".zip")


def test_a_long_name_of_any_script_goes_the_whole_way(server, visitor, head):
    name = "%E8%84%91" * 100 + ".nii.gz"
    assert finished(visitor, name, head)["state"] == "done"
    assert visitor.get("results/everything.zip").status_code == 200


def test_one_series_of_a_study_is_chosen(server, visitor, tmp_path):
    slices = write_dicom(tmp_path / "one", head_volume())
    slices += write_dicom(tmp_path / "two", head_volume(), "1.2.826.0.1.2", "<b>FLAIR", "other")
    path = archive(tmp_path / "study.zip", {file.name: file.read_bytes() for file in slices})
    made = upload(visitor, "study.zip", path.read_bytes())
    assert made["state"] == "choosing"
    assert [(s["number"], s["images"]) for s in made["series"]] == [(1, 52), (2, 52)]
    address = f"results/{made['id']}/series-2.png"
    assert visitor.get(address).content.startswith(b"\x89PNG")
    assert server.visitor().get(address).status_code == 404
    assert visitor.get(f"results/{made['id']}/series-3.png").status_code == 404
    assert call(visitor, "start", False, "0.5") == []
    for wrong in ((made["id"], 3), (made["id"], 0), ("x", 1)):
        with pytest.raises(RuntimeError, match="no such series"):
            call(visitor, "choose_series", *wrong)
    call(visitor, "choose_series", made["id"], 2)
    wait_until(lambda: scan(visitor, made["id"])["state"] != "checking", seconds=30)
    assert scan(visitor, made["id"])["state"] == "ready"
    assert segmented(visitor, made["id"], "0.5")["state"] == "done"


def test_the_browsers_files_of_two_versions_never_mix(server, visitor):
    page = visitor.get("").text
    version = page.partition("browser/")[2].partition("/main.js")[0]
    assert len(version) == 12
    assert visitor.get(f"browser/{version}/main.js").status_code == 200
    assert visitor.get("browser/000000000000/main.js").status_code == 404
    assert visitor.get("browser/main.js").status_code == 404


def test_the_server_is_as_it_was(server, head):
    """After all of the above; nothing of it was unforeseen."""
    assert finished(server.visitor(), "last.nii.gz", head)["state"] == "done"
    assert "Unexpected failure" not in server.text
    assert json.dumps("Traceback") not in server.text
