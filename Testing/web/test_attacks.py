"""What a hostile visitor tries on a server's files, disk and downloads, and what others notice.

Each of these succeeded on version 0.1.0.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import SimpleITK as sitk
from HypothalamusSegLib.geometry.voxel_image import image_from_volume

from Testing.support.scan_files import head_volume, write_scan
from Testing.support.web_requests import connection, finished, request_bytes
from Testing.support.web_server import call, scan, upload, wait_until
from Web.gate import MOST_STREAMS

MEGABYTE = 1 << 20


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
            time.sleep(0.0005)

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
