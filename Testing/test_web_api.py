"""The page for programs: the client of Docs/WEB.md, and what the endpoints say of themselves."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

pytest.importorskip("gradio", reason="the web page's tests need gradio")
pytest.importorskip("gradio_client", reason="the client's tests need gradio_client")

from conftest import REPOSITORY, environment, run_command
from scan_files import head_volume, write_scan
from web_server import call, running, scan, upload, wait_until

ENDPOINTS = {"list_scans", "add_sample", "start", "cancel", "results", "delete_everything"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server")) as server:
        yield server


def test_endpoints_are_named_and_typed(server):
    described = server.visitor().get("gradio_api/info").json()
    endpoints = described["named_endpoints"]
    assert {name.strip("/") for name in endpoints} == ENDPOINTS
    assert described["unnamed_endpoints"] == {}
    start = {p["parameter_name"]: p for p in endpoints["/start"]["parameters"]}
    assert start["subunits"]["python_type"]["type"] == "bool"
    assert start["grid"]["parameter_default"] == "0.5"
    assert start["structures"]["parameter_default"] == "hypothalamus,icv"
    assert start["folds"]["parameter_default"] == "0,1,2,3,4"
    assert all(endpoint["description"] for endpoint in endpoints.values())


def test_the_client_of_the_documents_works(server, tmp_path):
    text = (REPOSITORY / "Docs" / "WEB.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(# client\.py\n.*?)```", text, re.DOTALL)
    scan = write_scan(tmp_path / "head.nii.gz", head_volume())
    code = code.replace("http://localhost:7860/", server.url).replace('"head.nii.gz"', f'"{scan}"')
    script = tmp_path / "client.py"
    script.write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script], capture_output=True, encoding="utf-8", cwd=tmp_path, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "400.0" in done.stdout
    assert (tmp_path / "head_volumes.csv").read_text(encoding="utf-8").startswith("structure")


@pytest.mark.slow
def test_a_real_head_gives_the_command_lines_numbers(shared_data, tmp_path):
    head = shared_data / "hypothalamus/sub-ucla07/anat/sub-ucla07_T1w.nii.gz"
    there = run_command(tmp_path / "out", "segment", head, "--output", tmp_path / "out")
    assert there.code == 0
    expected = json.loads((tmp_path / "out/sub-ucla07_T1w_volumes.json").read_text("utf-8"))
    with running(tmp_path / "server", stub=False) as server:
        visitor = server.visitor()
        sent = upload(visitor, head.name, head.read_bytes())
        assert sent["state"] == "ready"
        call(visitor, "start", False, "0.5")
        wait_until(lambda: scan(visitor, sent["id"])["state"] != "segmenting", seconds=120)
        (done,) = call(visitor, "results")
    for key in ("icv_mm3", "hypothalamus", "asymmetry_index", "quality"):
        assert done["result"][key] == expected[key]


def test_what_a_scan_says_is_text_on_the_page():
    """Messages may quote a file's header; braces and dollars mean something to Gradio."""
    from Web.flag_words import flag_list, verdict

    message = "<img src=x onerror=alert(1)> {{constructor}} ${1} `x`"
    quality = {
        "fold_dice": None,
        "icv_fold_dice": [],
        "flags": [{"code": "asymmetry", "message": message}] * 2,
    }
    shown = verdict({"quality": quality}) + flag_list({"quality": quality})
    assert shown.count("onerror") == 2
    assert "<img" not in shown
    assert not set("{}$`") & set(shown)


def serve(*arguments: str) -> subprocess.CompletedProcess:
    paths = os.pathsep.join((str(REPOSITORY), environment()["PYTHONPATH"]))
    return subprocess.run(
        [sys.executable, "-m", "Web", *arguments],
        capture_output=True,
        encoding="utf-8",
        env={**environment(), "PYTHONPATH": paths},
        timeout=60,
    )


def test_the_command_tells_its_options_and_refuses_wrong_ones(tmp_path):
    done = serve("--help")
    assert done.returncode == 0
    for option in ("--host", "--port", "--max-upload-mb", "--workers", "--auth"):
        assert option in done.stdout
    assert serve("--workers", "0").returncode == 2


def test_a_password_file_that_cannot_be_used_is_named(tmp_path):
    file = tmp_path / "passwords.txt"
    file.write_text("ada\n", encoding="utf-8")
    done = serve("--auth", str(file))
    assert done.returncode == 1
    assert f"{file}, line 1" in done.stderr
    assert "Traceback" not in done.stderr
