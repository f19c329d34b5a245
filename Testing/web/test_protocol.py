"""A server that segments by another protocol than the published one."""

from __future__ import annotations

import json
from pathlib import Path

from HypothalamusSegLib.networks.weight_files import default_weights_folder
from HypothalamusSegLib.options import Options

from Web import command_line
from Web.result_tables import key_table
from Web.run_options import default_options
from Web.server import ServerSettings, engine_command
from Web.work import Work


def protocol_folder(folder: Path) -> Path:
    manifest = json.loads((default_weights_folder() / "manifest.json").read_text(encoding="utf-8"))
    manifest["protocol"] = {"name": "Ours <b>", "usual_range_mm3": [300, 900]}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def test_the_folder_reaches_the_engine_and_its_sandbox(tmp_path, monkeypatch):
    served: list[ServerSettings] = []
    monkeypatch.setattr(command_line, "serve", lambda settings: served.append(settings) or 0)
    assert command_line.main(["--weights", str(protocol_folder(tmp_path))]) == 0
    (settings,) = served
    assert engine_command(settings, ())[-2:] == ("--weights", str(tmp_path.resolve()))
    work = Work(None, None, None, 0, weights=settings.weights)
    assert Options(**work.engine_options(default_options())).weights == str(tmp_path.resolve())


def test_without_it_the_published_weights_are_used():
    assert "--weights" not in engine_command(ServerSettings(), ())
    options = Work(None, None, None, 0).engine_options(default_options())
    assert Options(**options).weights is None


def test_a_folder_without_weights_is_refused_before_anything_is_served(tmp_path, capsys):
    assert command_line.main(["--weights", str(tmp_path)]) == command_line.CANNOT_SERVE
    assert str(tmp_path) in capsys.readouterr().err


def test_the_table_of_a_scan_names_another_protocol_and_its_range():
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
    result = {
        "name": "head",
        "hypothalamus": {**parts, "total": entry},
        "icv": None,
        "quality": {"flags": []},
    }
    assert ", protocol “" not in key_table(result)
    table = key_table({**result, "protocol": {"name": "Ours <b>", "usual_range_mm3": [300, 900]}})
    assert "protocol “Ours &lt;b&gt;”" in table
    assert "300–900" in table
