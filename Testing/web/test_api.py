"""The page for programs: the client of Docs/WEB.md, and what the endpoints say of themselves."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from Testing.support.command_runs import REPOSITORY, environment
from Testing.support.scan_files import head_volume, write_scan
from Testing.support.web_server import failed_start, running, wait_until, write_passwords

ENDPOINTS = {
    *("list_scans", "add_sample", "choose_series", "start", "cancel"),
    *("results", "delete_everything"),
}

# Of "old one", as version 0.1.0 wrote it.
OLD_HASH = ("MDEyMzQ1Njc4OWFiY2RlZg==", "MWd7L0LeyDZme9grNg0RnDxA+SZ6WQiXoNtlDR6d0qk=")


def test_endpoints_are_named_and_typed(stub_server):
    described = stub_server.visitor().get("gradio_api/info").json()
    endpoints = described["named_endpoints"]
    assert {name.strip("/") for name in endpoints} == ENDPOINTS
    assert described["unnamed_endpoints"] == {}
    start = {p["parameter_name"]: p for p in endpoints["/start"]["parameters"]}
    assert start["subunits"]["python_type"]["type"] == "bool"
    assert start["grid"]["parameter_default"] == "0.5"
    assert start["structures"]["parameter_default"] == "hypothalamus,icv"
    assert start["folds"]["parameter_default"] == "0,1,2,3,4"
    assert all(endpoint["description"] for endpoint in endpoints.values())


def test_a_server_that_nobody_uses_sleeps(stub_server):
    status = Path(f"/proc/{stub_server.process.pid}/status")
    if not status.exists():
        pytest.skip("how often a process woke up is read from Linux's /proc")

    def wakings() -> int:
        (found,) = re.findall(r"\nvoluntary_ctxt_switches:\s*(\d+)", status.read_text("utf-8"))
        return int(found)

    def sleeps_half_a_second() -> bool:
        before = wakings()
        time.sleep(0.5)
        return wakings() - before < 100  # with Gradio's own pause in its queue, 400

    wait_until(sleeps_half_a_second, seconds=20)  # its workers may have just begun


def run_the_documents_client(server, tmp_path, person: str) -> subprocess.CompletedProcess:
    text = (REPOSITORY / "Docs" / "WEB.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(# client\.py\n.*?)```", text, re.DOTALL)
    scan = write_scan(tmp_path / "head.nii.gz", head_volume())
    code = code.replace("http://localhost:7860/", server.url).replace('"head.nii.gz"', f'"{scan}"')
    assert "PERSON = None" in code
    code = code.replace("PERSON = None", f"PERSON = {person}")
    script = tmp_path / "client.py"
    script.write_text(code, encoding="utf-8")
    return subprocess.run(
        [sys.executable, script], capture_output=True, encoding="utf-8", cwd=tmp_path, timeout=120
    )


def test_the_client_of_the_documents_works(stub_server, tmp_path):
    done = run_the_documents_client(stub_server, tmp_path, "None")
    assert done.returncode == 0, done.stderr
    assert "400.0" in done.stdout
    assert (tmp_path / "head_volumes.csv").read_text(encoding="utf-8").startswith("structure")


def test_the_client_of_the_documents_works_behind_a_password(tmp_path):
    passwords = write_passwords(tmp_path / "passwords.txt", ada="Möbius")
    with running(tmp_path / "server", password_file=passwords) as server:
        done = run_the_documents_client(server, tmp_path, '("ada", "Möbius")')
        assert done.returncode == 0, done.stderr
        assert "400.0" in done.stdout


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
    code, said = failed_start(tmp_path / "server", password_file=str(file))
    assert code == 1
    assert f"{file}, line 1" in said
    assert "Traceback" not in said


def test_what_the_one_who_runs_it_should_know_is_said():
    from Web.command_line import warnings_about
    from Web.server_settings import ServerSettings

    file = Path("x")
    assert warnings_about(ServerSettings()) == []
    assert warnings_about(ServerSettings(password_file=file)) == []
    everything = warnings_about(ServerSettings(host="0.0.0.0"))
    assert len(everything) == 2
    assert "no password set (--auth)" in everything[0]
    (tls,) = warnings_about(ServerSettings(host="0.0.0.0", password_file=file))
    assert "passwords, scans and results are sent unencrypted" in tls
    assert "--ssl-certfile" in tls
    safe = {"host": "0.0.0.0", "password_file": file, "certificate": file, "certificate_key": file}
    assert warnings_about(ServerSettings(**safe)) == []


def test_passwords_keep_their_parameters_and_old_lines_still_work(tmp_path, caplog):
    from Web.passwords import PasswordFileError, Passwords, hashed_line

    line = hashed_line("ada", "Möbius")
    assert line.startswith("ada:$argon2id$v=19$m=65536,t=3,p=4$")
    old = "eve:scrypt:" + ":".join(OLD_HASH)
    file = tmp_path / "passwords.txt"
    file.write_text(f"{line}\n{old}\n", encoding="utf-8")
    passwords = Passwords(file)
    assert "line 2 is from version 0.1.0" in caplog.text
    for name, password, user in (
        ("ada", "Möbius", "ada"),
        ("eve", "old one", "eve"),
        ("eve", "Möbius", None),
        ("nobody", "", None),
    ):
        basic = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
        assert passwords.user_of(basic, "203.0.113.7") == user
    for damaged in ("ada:$argon2id$v=19$m=1$x", "eve:scrypt:é:x"):
        file.write_text(f"{damaged}\n", encoding="utf-8")
        with pytest.raises(PasswordFileError, match="line 1"):
            Passwords(file)


def test_the_server_speaks_tls_itself_and_says_what_is_wrong_with_a_certificate(tmp_path):
    if not (openssl := shutil.which("openssl")):
        pytest.skip("needs openssl to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["-keyout", key, "-out", certificate, "-subj", "/CN=localhost"]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *made]
    subprocess.run(command, check=True, capture_output=True)
    files = {"certificate": str(certificate), "certificate_key": str(key)}
    with running(tmp_path / "server", **files) as server:
        address = server.url.replace("http:", "https:")
        answer = httpx.get(address, verify=False)
        assert answer.status_code == 200
        assert answer.headers["set-cookie"].startswith("__Host-")
    missing = str(tmp_path / "missing.pem")
    code, said = failed_start(tmp_path / "other", certificate=missing)
    assert code == 1
    assert "Traceback" not in said
