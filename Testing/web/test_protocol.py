"""A server that segments by another protocol than the published one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from HypothalamusSegLib.errors import WeightsError
from HypothalamusSegLib.measures.protocol import PUBLISHED, read_protocol
from HypothalamusSegLib.networks.weight_files import weights_folder
from HypothalamusSegLib.options import Options

from Testing.support.protocol_folders import protocol_folder
from Testing.support.scan_files import head_volume, write_scan
from Testing.support.web_server import call, running, upload, wait_until
from Web import command_line
from Web.engine_worker import path_for_visitor
from Web.result_tables import batch_table, key_table
from Web.run_options import WrongOptionError, default_options, run_options
from Web.served_protocols import read_served
from Web.server_settings import ServerSettings, engine_command
from Web.work import Work

HTML = "Ours <b>"


@pytest.fixture
def ours(tmp_path) -> Path:
    return protocol_folder(tmp_path / "ours", HTML)


def served_by(monkeypatch, *arguments: str) -> ServerSettings:
    found: list[ServerSettings] = []
    monkeypatch.setattr(command_line, "serve", lambda settings: found.append(settings) or 0)
    assert command_line.main(arguments) == 0
    return found[0]


def weights_of(settings: ServerSettings, options: dict) -> str | None:
    work = Work(None, None, None, 0, protocols=settings.protocols)
    return Options(**work.engine_options(options)).weights


def test_the_folder_reaches_the_engine_and_its_sandbox(ours, monkeypatch):
    settings = served_by(monkeypatch, "--weights", str(ours))
    assert engine_command(settings, ())[-2:] == ("--weights", str(ours))
    assert weights_of(settings, default_options()) == str(ours)


def test_without_it_the_published_weights_are_used():
    assert "--weights" not in engine_command(ServerSettings(), ())
    assert weights_of(ServerSettings(), default_options()) is None


def test_with_one_folder_visitors_have_nothing_to_choose(ours):
    served = read_served([str(ours)])
    assert not served.is_choice
    assert "protocol" not in run_options(False, "0.5", served=served)
    assert run_options(False, "0.5", protocol=HTML, served=served) == default_options()


def test_with_several_a_visitor_chooses_by_name_and_never_by_folder(ours, tmp_path, monkeypatch):
    theirs = protocol_folder(tmp_path / "theirs", "Theirs")
    arguments = ("--weights", str(ours), "--weights", "published", "--weights", str(theirs))
    settings = served_by(monkeypatch, *arguments)
    served = settings.protocols
    assert served.names == (HTML, PUBLISHED.name, "Theirs")
    command = engine_command(settings, ())
    assert command[-4:] == ("--weights", str(ours), "--weights", str(theirs))
    for name, folder in zip(served.names, (str(ours), None, str(theirs)), strict=True):
        assert (
            weights_of(settings, run_options(False, "0.5", protocol=name, served=served)) == folder
        )
    assert weights_of(settings, default_options()) == str(ours)  # who has chosen none has the first
    forged = (str(theirs), "theirs", "../theirs", "Theirs ", "\x00", ["Theirs"], {"a": 1}, True, 7)
    for choice in forged:
        with pytest.raises(WrongOptionError) as refused:
            run_options(False, "0.5", protocol=choice, served=served)
        assert str(tmp_path) not in str(refused.value)


def test_two_protocols_of_one_name_are_not_served(ours, tmp_path, capsys):
    again = protocol_folder(tmp_path / "again", HTML)
    arguments = ["--weights", str(ours), "--weights", str(again)]
    assert command_line.main(arguments) == command_line.CANNOT_SERVE
    assert "could not tell them apart" in capsys.readouterr().err


def test_weights_that_go_while_it_serves_tell_a_visitor_no_folder(ours):
    weights_folder(str(ours))
    (ours / "manifest.json").unlink()
    for attempt in (lambda: weights_folder(str(ours)), lambda: read_protocol(ours)):
        with pytest.raises(WeightsError) as failure:
            attempt()
        assert str(ours.parent) not in failure.value.describe(path_for_visitor)


def test_a_folder_without_weights_is_refused_before_anything_is_served(tmp_path, capsys):
    assert command_line.main(["--weights", str(tmp_path)]) == command_line.CANNOT_SERVE
    assert str(tmp_path) in capsys.readouterr().err


def result(name: str = "head", protocol: str | None = None) -> dict:
    entry = {
        "structure": "hypothalamus_total",
        "volume_mm3": 640.0,
        "fraction_of_icv": None,
        "icv_adjusted_mm3": None,
        "fold_sd_mm3": None,
        "volume_low_mm3": None,
        "volume_high_mm3": None,
    }
    parts = {part: {**entry, "structure": f"hypothalamus_{part}"} for part in ("left", "right")}
    found = {
        "name": name,
        "hypothalamus": {**parts, "total": entry},
        "icv": None,
        "quality": {"flags": []},
    }
    if protocol:
        found["protocol"] = {"name": protocol, "usual_range_mm3": [300, 900]}
    return found


def test_the_table_of_a_scan_names_another_protocol_and_its_range():
    assert ", protocol “" not in key_table(result())
    assert f"protocol “{PUBLISHED.name}”" in key_table(result(), names_protocol=True)
    table = key_table(result(protocol=HTML))
    assert "protocol “Ours &lt;b&gt;”" in table
    assert "300–900" in table


def test_the_table_of_several_scans_says_if_their_protocols_differ():
    def table(*protocols: str | None, is_choice: bool = False) -> str:
        entries = [SimpleNamespace(result=result("x", name)) for name in protocols]
        return batch_table(entries, is_choice)

    assert "Several protocols" not in table(None, None)
    assert PUBLISHED.name not in table(None, None)
    chosen = table(None, None, is_choice=True)  # named, because it was chosen
    assert PUBLISHED.name in chosen
    assert "Several protocols" not in chosen
    mixed = table(None, HTML, "Theirs")
    assert "Several protocols" in mixed
    assert all(name in mixed for name in (PUBLISHED.name, "Ours &lt;b&gt;", "Theirs"))
    assert "<b>”" not in mixed


def test_a_server_of_two_protocols(tmp_path):
    """A choice counts, a forged one is refused, the page holds no folder and no foreign HTML."""
    evil = "</script><script>alert(1)</script>"
    folders = [
        protocol_folder(tmp_path / "secret" / str(n), name) for n, name in enumerate((evil, "B"))
    ]
    served = read_served([str(folder) for folder in folders])
    scan = write_scan(tmp_path / "anna.nii.gz", head_volume())
    with running(tmp_path / "server", protocols=served) as server:
        visitor = server.visitor()
        page = visitor.get("").text
        assert evil not in page
        assert "secret" not in page + visitor.get("config").text
        upload(visitor, "anna.nii.gz", scan.read_bytes())
        options = (False, "0.5", "hypothalamus,icv", "0")
        for forged in (str(folders[1]), "C", "published", PUBLISHED.name, ["B"]):
            with pytest.raises(RuntimeError, match="Unknown protocol"):
                call(visitor, "start", *options, forged)
        for chosen, drawn_by in (("", evil), ("B", "B")):
            assert len(call(visitor, "start", *options, chosen)) == 1
            wait_until(lambda: call(visitor, "list_scans")[0]["state"] == "done", seconds=60)
            (found,) = call(visitor, "results")
            assert found["result"]["protocol"]["name"] == drawn_by
        assert call(visitor, "start", *options, "B") == []  # there is such a result
        assert "secret" not in server.text
