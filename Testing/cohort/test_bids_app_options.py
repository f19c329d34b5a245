"""The cohort command, started as launchers of BIDS Apps start their programs."""

from __future__ import annotations

from pathlib import Path

import pytest
from HypothalamusSegLib import __version__

from Cohort.bids_app_options import without_effect
from Cohort.command_line import parse_level


@pytest.mark.parametrize(
    "line",
    [
        "DATA OUT participant",
        "participant DATA OUT",
        "DATA participant OUT",
        "--skip_bids_validation DATA OUT --n_cpus 2 participant -w WORK",
        "DATA OUT --participant_label 01 02 participant",
        "DATA OUT participant --session-label 1",
    ],
)
def test_the_level_is_found_at_any_place(line):
    parsed = parse_level(line.split())
    assert parsed.level == "participant"
    assert (parsed.bids_dir, parsed.output_dir) == (Path("DATA"), Path("OUT"))
    assert "participant" not in parsed.participant_label


def test_folders_may_be_called_like_levels():
    parsed = parse_level(["group", "participant", "group"])
    assert (parsed.bids_dir, parsed.output_dir) == (Path("group"), Path("participant"))
    assert parsed.level == "group"


@pytest.mark.parametrize(
    "line", ["DATA OUT", "DATA OUT everyone", "participant DATA", "--n-cpus 0"]
)
def test_wrong_words_end_with_usage(line, capsys):
    with pytest.raises(SystemExit) as end:
        parse_level(line.split())
    assert end.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_usual_options_without_meaning_here_are_accepted_and_named():
    line = "DATA OUT participant --skip-bids-validation --fs-license-file L -w W -vv --notrack"
    words = without_effect(parse_level(line.split()).without_effect)
    for name in ("--skip-bids-validation", "--fs-license-file", "-w", "-vv", "--notrack"):
        assert name in words
    assert without_effect(parse_level(["DATA", "OUT", "group"]).without_effect) == ""


def test_an_option_that_nobody_knows_is_refused(capsys):
    with pytest.raises(SystemExit):
        parse_level(["DATA", "OUT", "participant", "--output-spaces", "MNI"])
    assert "--output-spaces" in capsys.readouterr().err


def test_version_is_told_without_a_data_set(capsys):
    with pytest.raises(SystemExit) as end:
        parse_level(["--version"])
    assert end.value.code == 0
    assert __version__ in capsys.readouterr().out
