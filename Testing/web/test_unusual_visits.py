"""What was no attack and did not work, on the server that was attacked."""

from __future__ import annotations

import json

import httpx
import pytest

from Testing.support.scan_files import head_volume, write_dicom
from Testing.support.uploads import study_of_two_series, zip_of
from Testing.support.web_requests import COOKIE, finished, segmented
from Testing.support.web_server import call, scan, upload, wait_until


def test_other_applications_cookies_do_not_hide_the_session(server, visitor, head):
    made = upload(visitor, "mine.nii.gz", head)
    token = visitor.cookies[COOKIE]
    for others in ('ui_prefs={"mode":"dark"}; ', "a=b c; ", 'x="; ', "=; ;; ", "ü=ä; "):
        cookie = f"{others}{COOKIE}={token}".encode()
        with httpx.Client(
            base_url=server.url, headers={"Cookie": cookie}, timeout=60, verify=False
        ) as client:
            answer = client.get("")
            assert "set-cookie" not in answer.headers, others
            assert scan(client, made["id"])["state"] == "ready"


@pytest.mark.parametrize("name", ["new-results.zip", "results.zip", "series.zip", "input.zip"])
def test_no_name_of_an_archive_meets_the_servers_own(server, visitor, tmp_path, name):
    slices = write_dicom(tmp_path / "slices", head_volume())
    path = zip_of(tmp_path / name, slices)
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
    path = study_of_two_series(tmp_path, "<b>FLAIR")
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
