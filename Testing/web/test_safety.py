"""What the web page's server lets in, gives out and leaves behind; a real server, a stub engine."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import time
from pathlib import Path

import httpx
import pytest

from Testing.support.web_requests import finished
from Testing.support.web_server import call, running, scan, upload, wait_until, write_passwords

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server"), most_upload_mb=8) as server:
        yield server


def test_a_scan_goes_the_whole_way(visitor, head):
    done = finished(visitor, "brain.nii.gz", head)
    assert done["state"] == "done"
    (result,) = call(visitor, "results")
    assert set(result["files"]) == {"brain_volumes.csv", "brain_volumes.json"}
    for address in result["files"].values():
        answer = visitor.get(address)
        assert answer.status_code == 200
        assert "attachment" in answer.headers["content-disposition"]
        assert "no-store" in answer.headers["cache-control"]


def test_another_visitor_gets_nothing_even_with_the_address(server, visitor, head):
    finished(visitor, "private.nii.gz", head)
    (result,) = call(visitor, "results")
    stranger = server.visitor()
    assert call(stranger, "results") == []
    assert call(stranger, "list_scans") == []
    for address in [*result["files"].values(), f"results/{result['id']}/scene"]:
        answer = stranger.get(address)
        assert answer.status_code == 404
        assert answer.json()["message"] == "Page not found."
    assert stranger.get("results/everything.zip").status_code == 404
    # Nor through Gradio's own door, with the path on the server's disk.
    (file,) = server.files("private_volumes.csv")
    for client in (stranger, visitor):
        for door in ("gradio_api/file=", "file=", "gradio_api/file/", "file/"):
            assert client.get(f"{door}{file}").status_code == 404


def test_the_cookie_is_for_this_server_alone(server, visitor):
    cookie = server.visitor().cookies.jar
    (one,) = cookie
    assert one.has_nonstandard_attr("HttpOnly")
    assert one.get_nonstandard_attr("SameSite") == "Lax"
    assert len(one.value) > 40


def test_the_page_may_load_nothing_from_elsewhere(visitor):
    policy = visitor.get("").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy


def test_folders_are_private(server, visitor, head):
    upload(visitor, "brain.nii.gz", head)
    folders = [server.root, *(p for p in server.files("*") if p.is_dir())]
    private = [f for f in folders if f.name != "results"]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in private} == {0o700}


def test_a_large_file_is_refused_by_its_announcement(visitor):
    answer = visitor.put("uploads", content=b"\0" * (9 * MEGABYTE))
    assert answer.status_code == 413
    assert "8 MB" in answer.json()["message"]


def test_a_large_file_is_refused_while_it_arrives(server, visitor):
    """Nobody announces the length here, and the end would be far."""
    sent = 0

    def endless():
        nonlocal sent
        while sent < 500 * MEGABYTE:
            sent += MEGABYTE
            yield b"\0" * MEGABYTE

    status = 413
    with contextlib.suppress(httpx.WriteError, httpx.RemoteProtocolError):  # it may hang up
        answer = visitor.put("uploads", content=endless(), headers={"X-File-Name": "x.nii"})
        status = answer.status_code
    assert status == 413
    assert sent < 100 * MEGABYTE
    assert call(visitor, "list_scans") == []
    assert not server.files("x.nii")


def test_a_request_that_is_no_upload_is_small(visitor):
    answer = visitor.post("gradio_api/run/predict", content=b" " * MEGABYTE)
    assert answer.status_code == 413


def test_a_visitor_cannot_fill_the_disk(visitor, head):
    for _ in range(6):
        answer = visitor.put(
            "uploads", content=b"\0" * (7 * MEGABYTE), headers={"X-File-Name": "x"}
        )
        if answer.status_code == 413:
            break
        wait_until(lambda: all(s["state"] != "checking" for s in call(visitor, "list_scans")))
    for number in range(40):
        name = {"X-File-Name": f"{number}.nii.gz"}
        answer = visitor.put("uploads", content=head, headers=name)
        if answer.status_code != 200:
            break
    assert answer.status_code == 409
    assert "At most 30 files" in answer.json()["message"]


def test_a_refused_upload_leaves_no_file(server, visitor):
    refused = upload(visitor, "notes.txt", b"these are notes")
    assert refused["state"] == "refused"
    assert "notes.txt is not in an accepted format" in refused["message"]
    assert not server.files("notes.txt")


def test_a_name_with_a_path_stays_in_its_folder(server, visitor, head):
    made = upload(visitor, "..%2F..%2F..%2Fescaped{{7*7}}<b>.nii.gz", head)
    assert made["file"] == "escaped__7_7___b_.nii.gz"
    assert made["state"] == "ready"
    assert not list(server.temporary.glob("escaped*"))


def test_a_lost_worker_is_replaced_and_its_owner_told(visitor, head):
    crashed = finished(visitor, "crash.nii.gz", head)
    assert crashed["state"] == "failed"
    assert "stopped by the system" in crashed["message"]
    assert finished(visitor, "next.nii.gz", head)["state"] == "done"


def test_a_worker_killed_from_outside_while_idle_is_replaced(server, visitor, head):
    done = finished(visitor, "one.nii.gz", head)
    assert done["state"] == "done"
    children = os.popen(f"pgrep -P {server.process.pid} -f 'worker.py segment'").read().split()
    assert children
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    time.sleep(0.3)
    assert finished(visitor, "two.nii.gz", head)["state"] == "done"


def test_an_unforeseen_failure_has_a_number_and_no_traceback(server, visitor, head):
    failed = finished(visitor, "wrong.nii.gz", head)
    assert failed["state"] == "failed"
    reference = failed["message"].rstrip(".").split()[-1]
    assert f"reference {reference}" in server.text
    assert "a secret of the server" in server.text
    everything = json.dumps(call(visitor, "list_scans"))
    assert "Traceback" not in everything
    assert "secret" not in everything


def test_a_wrong_argument_gets_a_sentence(visitor, head):
    upload(visitor, "brain.nii.gz", head)
    with pytest.raises(RuntimeError, match="Unknown grid"):
        call(visitor, "start", False, "7")


def test_cancelling_does_not_wait_for_the_engine(server, visitor, head):
    made = upload(visitor, "slow.nii.gz", head)
    call(visitor, "start", False, "0.5")
    wait_until(lambda: scan(visitor, made["id"])["step"] == "hypothalamus", seconds=20)
    # The pretended engine would go on for a minute, and then be done.
    assert call(visitor, "cancel") == 1
    assert scan(visitor, made["id"])["state"] == "cancelled"
    assert not server.files("new-results")


def test_deleting_ends_the_work_and_removes_the_files(server, visitor, head):
    made = upload(visitor, "slow_and_gone.nii.gz", head)
    call(visitor, "start", False, "0.5")
    wait_until(lambda: scan(visitor, made["id"])["fraction"], seconds=20)
    call(visitor, "delete_everything")
    assert call(visitor, "list_scans") == []
    assert not server.files("slow_and_gone*")


def test_a_full_queue_says_so_and_nobody_fills_it_alone(tmp_path, head):
    with running(tmp_path, queue=4) as server:
        one, two, three = (server.visitor() for _ in range(3))
        wait_until(lambda: server.text.count("is ready") == 3)
        slow = [upload(one, f"slow{n}.nii.gz", head) for n in range(5)]
        assert len(call(one, "start", False, "0.5")) == 3
        wait_until(lambda: scan(one, slow[0]["id"])["step"] == "hypothalamus", seconds=20)
        places = [s["queue_place"] for s in call(one, "list_scans")]
        assert places == [None, 1, 2, None, None]
        for n in range(3):
            upload(two, f"slow{n}.nii.gz", head)
        assert len(call(two, "start", False, "0.5")) == 2
        upload(three, "brain.nii.gz", head)
        with pytest.raises(RuntimeError, match="queue is full"):
            call(three, "start", False, "0.5")
        call(one, "cancel")
        assert len(call(three, "start", False, "0.5")) == 1


def test_time_and_download_delete_and_so_does_the_end(tmp_path, head):
    with running(tmp_path, minutes=30, minutes_after_download=0.02) as server:
        visitor, other = server.visitor(), server.visitor()
        finished(visitor, "brain.nii.gz", head)
        finished(other, "other.nii.gz", head)
        answer = visitor.get("results/everything.zip")
        assert answer.status_code == 200
        assert answer.content[:2] == b"PK"
        wait_until(lambda: not server.files("brain*"), seconds=20)
        assert call(visitor, "results") == []
        assert server.files("other*")
        root = server.root
        assert server.stop() == 0
        assert not root.exists()
        assert "Traceback" not in server.text


def test_a_password_is_asked_for_everywhere(tmp_path, head):
    file = Path(write_passwords(tmp_path / "passwords.txt", ada="Möbius"))
    hashed = file.read_text(encoding="utf-8")
    file.write_text(f"# readers\n{hashed}\nbob:plain\n", encoding="utf-8")
    with running(tmp_path / "server", password_file=str(file)) as server:
        nobody = server.visitor()
        for route in ("", "config", "gradio_api/info", "browser/main.js", "theme.css"):
            answer = nobody.get(route)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Basic")
        assert not nobody.cookies
        assert nobody.get("", auth=("ada", "wrong")).status_code == 401
        assert nobody.get("", auth=("nobody", "plain")).status_code == 401
        ada = server.visitor(auth=("ada", "Möbius"))
        finished(ada, "brain.nii.gz", head)
        # Another user with the first one's cookie is still another.
        bob = server.visitor(auth=("bob", "plain"), cookies=dict(ada.cookies))
        assert call(bob, "results") == []
        (result,) = call(ada, "results")
        for address in result["files"].values():
            assert bob.get(address).status_code == 404
