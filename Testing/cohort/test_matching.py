"""Results and participants are joined: what does not match is told, and nobody is lost."""

from __future__ import annotations

import json
import unicodedata

import numpy as np
import pandas as pd
import pytest

from Cohort.command_line import parse_level
from Cohort.group.analysis import analyse
from Cohort.group.contrast import resolve_contrast
from Cohort.group.errors import (
    ContrastError,
    NoResultsError,
    ParticipantsFileError,
    TooFewScansError,
)
from Cohort.group.joined_table import first_sessions, join, natural_order, write_group_volumes
from Cohort.group.options import GroupOptions
from Cohort.group.participants_table import read_participants
from Cohort.group_arguments import options_from
from Cohort.structures import TOTAL
from Testing.support.cohort_tables import CONTRAST, found, options_in, simulated, table_in


def test_what_does_not_match_is_listed(folder):
    results, table = simulated(n_a=10, n_b=10)
    table = pd.concat([table.iloc[1:], table.iloc[[1]].assign(participant_id="sub-777")])
    again = results.iloc[[4]].assign(scan="sub-005_run-2")
    analysis = analyse(options_in(folder, table), pd.concat([results, again]))
    assert found(analysis.findings, "without a row").items == ("sub-001",)
    assert found(analysis.findings, "without a finished scan").items == ("sub-777",)
    assert found(analysis.findings, "several scans").items == ("sub-005_run-2",)
    neither = found(analysis.findings, "in neither group of the contrast (group: n/a 1)")
    assert neither.items == ("sub-001",)
    assert len(analysis.sample) == 19
    # It is described all the same.
    assert "sub-001" in analysis.volumes["participant_id"].tolist()


def test_missing_covariates_take_a_scan_out_of_the_models(folder):
    results, table = simulated()
    table.loc[3, "age"] = None
    analysis = analyse(options_in(folder, table), results)
    assert found(analysis.findings, "covariate is n/a").items == ("sub-004",)
    assert analysis.statistics[0].comparisons[TOTAL.name, "ancova"].fit.n_a == 29


def test_session_ten_comes_after_session_two(folder):
    assert sorted(["ses-10", "ses-2"], key=natural_order) == ["ses-2", "ses-10"]
    results, _ = simulated(n_a=1, n_b=1, sessions=12)
    joined = join(results.iloc[::-1], None, folder).scans.assign(years=np.nan)
    assert joined.loc[joined["participant_id"] == "sub-001", "session_id"].tolist()[-1] == "ses-12"
    first, findings = first_sessions(joined)
    assert first["session_id"].tolist() == ["ses-1", "ses-1"]
    assert len(findings[0].items) == 22


def test_a_column_with_the_name_of_a_result_is_renamed(folder):
    results, table = simulated()
    table["confidence"] = "high"
    analysis = analyse(options_in(folder, table), results)
    assert analysis.volumes["confidence"].iloc[0] == 0.85
    assert analysis.volumes["confidence_participants"].iloc[0] == "high"


def test_no_results_and_too_few_are_errors(folder):
    results, table = simulated()
    with pytest.raises(NoResultsError, match="participant level first"):
        analyse(options_in(folder, table), results.iloc[:0])
    with pytest.raises(TooFewScansError, match="als: 2, control: 25"):
        analyse(options_in(folder, table), results.iloc[28:])
    with pytest.raises(NoResultsError, match="sub-abc"):
        analyse(options_in(folder, table, participant_labels=("abc",)), results)
    with pytest.raises(ContrastError, match="without a contrast"):
        analyse(options_in(folder, table, contrast=None), results)
    with pytest.raises(ParticipantsFileError, match="--participants"):
        analyse(GroupOptions(folder, contrast=CONTRAST), results)


def test_a_group_is_found_however_its_umlaut_is_spelled(folder):
    # macOS writes ü as u and a combining mark, a keyboard as one character.
    composed, decomposed = (unicodedata.normalize(form, "für") for form in ("NFC", "NFD"))
    path = table_in(folder, f"participant_id\tgroup\n01\t{decomposed}\n02\t{composed}\n03\tc\n")
    participants = read_participants(path)
    assert participants.frame["group"].nunique() == 2
    command = [str(folder), str(folder), "group", "--contrast", f"group:{decomposed}-c"]
    options = options_from(parse_level([*command, "--participants", str(path)]))
    assert resolve_contrast(options.contrast, participants).level_a == composed


def test_a_participants_column_named_like_a_volume_is_no_measured_volume(folder):
    table = pd.DataFrame(
        {
            "participant_id": ["sub-1"],
            "scan": ["sub-1"],
            "listed": [()],
            "plaque_mm3": [0.123456],
            "left_posterior_mm3": [61.23456],
        }
    )
    written, sidecar = write_group_volumes(table, ("plaque_mm3",), folder / "volumes.tsv")
    assert written.read_text(encoding="utf-8").split()[-2:] == ["0.123456", "61.235"]
    explained = json.loads(sidecar.read_text(encoding="utf-8"))
    assert explained["plaque_mm3"] == {"Description": "As in participants.tsv"}
    assert explained["left_posterior_mm3"]["Units"] == "mm^3"
