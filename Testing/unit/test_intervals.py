"""Intervals beside the volumes, from the manifest to the files."""

from __future__ import annotations

import csv
import json
import math
import shutil

import pytest
from HypothalamusSegLib.batch import table_lines
from HypothalamusSegLib.errors import WeightsError
from HypothalamusSegLib.flags import Flag
from HypothalamusSegLib.measures.intervals import VolumeInterval, add_intervals, read_intervals
from HypothalamusSegLib.measures.volumes import StructureVolume
from HypothalamusSegLib.options import Options
from HypothalamusSegLib.pipeline import Segmenter
from HypothalamusSegLib.reading import read_scan
from HypothalamusSegLib.results.files import caption, write_table
from HypothalamusSegLib.results.record import CSV_COLUMNS, ResultRecord, describe
from HypothalamusSegSlicer.volumes.rows import Edit, volume_rows

from Testing.support.command_runs import REPOSITORY

ENTRY = {"log_ratio": 0.1, "usual_fold_spread": 0.5}


def volume(structure: str, folds=(800.0, 800.0)) -> StructureVolume:
    return StructureVolume(structure, 800.0, 790.0, folds, 1.5e6)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """The published weights, with intervals for the total, one side and ICV alone."""
    folder = tmp_path_factory.mktemp("weights") / "weights"
    shutil.copytree(REPOSITORY / "weights", folder)
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    names = ("hypothalamus_total", "hypothalamus_left", "icv")
    structures = dict.fromkeys(names, ENTRY)
    structures["hypothalamus_right"] = {"log_ratio": None, "usual_fold_spread": None}
    manifest["intervals"] = {"coverage": 0.9, "structures": structures}
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def result(weights, sample_path):
    options = Options(device="cpu", folds=(0, 1))
    return Segmenter(options, weights).segment(read_scan(sample_path))


@pytest.fixture(scope="module")
def record(result) -> ResultRecord:
    return ResultRecord.of(result)


def test_the_interval_lies_around_the_volume_in_every_output(result, record, tmp_path):
    total = record.description["hypothalamus"]["total"]
    low, high = (total["volume_mm3"] * math.exp(sign * 0.1) for sign in (-1, 1))
    assert total["volume_low_mm3"] == pytest.approx(low, abs=0.01)
    assert total["volume_high_mm3"] == pytest.approx(high, abs=0.01)
    assert record.description["interval_coverage"] == 0.9
    write_table(record.table_rows, tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as stream:
        rows = {row["structure"]: row for row in csv.DictReader(stream)}
    assert rows["hypothalamus_total"]["volume_low_mm3"] == str(total["volume_low_mm3"])
    shown = f"{total['volume_low_mm3']:.1f}–{total['volume_high_mm3']:.1f}"
    assert any(shown in line for line in table_lines(record))
    words = [line.text for line in caption(result)]
    assert f"90 % interval of the total: {low:.0f}–{high:.0f} mm³" in words


def test_a_structure_without_an_interval_has_null_and_an_empty_cell(record, tmp_path):
    right = record.description["hypothalamus"]["right"]
    assert (right["volume_low_mm3"], right["volume_high_mm3"]) == (None, None)
    write_table(record.table_rows, tmp_path / "table.csv")
    row = (tmp_path / "table.csv").read_text(encoding="utf-8").splitlines()[2]
    assert row.startswith("hypothalamus_right")
    assert row.endswith(",,,Billot 2020")


def test_the_stripped_samples_icv_has_no_interval_though_its_kind_has(result):
    assert "skull_stripped" in [flag.code for flag in result.quality.flags]
    assert describe(result)["icv"]["volume_low_mm3"] is None


def test_new_columns_stand_behind_those_of_version_0_1_0():
    assert CSV_COLUMNS[-3:] == ("fold_max_mm3", "volume_low_mm3", "volume_high_mm3")


def test_a_manifest_without_intervals_makes_none_up(tmp_path):
    (tmp_path / "manifest.json").write_text('{"structures": {}}')
    assert read_intervals(tmp_path) == {}
    (found,) = add_intervals([volume("hypothalamus_total")], {}, ())
    assert found.interval_mm3 is None


@pytest.mark.parametrize("damage", [{"log_ratio": "wide", "usual_fold_spread": None}, {}, 3])
def test_a_damaged_interval_is_refused(tmp_path, damage):
    text = json.dumps({"intervals": {"structures": {"icv": damage}}})
    (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(WeightsError):
        read_intervals(tmp_path)


@pytest.mark.parametrize(
    ("code", "structure", "is_known"),
    [
        ("skull_stripped", "icv", False),
        ("skull_stripped", "hypothalamus_total", True),
        ("not_t1_like", "hypothalamus_total", False),
        ("low_confidence", "hypothalamus_total", True),
    ],
)
def test_a_number_that_a_flag_calls_wrong_has_no_interval(code, structure, is_known):
    intervals = {structure: VolumeInterval(0.1)}
    (found,) = add_intervals([volume(structure)], intervals, [Flag(code, "because")])
    assert (found.interval_mm3 is not None) == is_known


def test_unusual_disagreement_widens_and_agreement_never_narrows():
    interval = VolumeInterval(0.1, usual_fold_spread=0.01)
    plain = interval.around(800.0, None)
    assert interval.around(800.0, 0.0) == plain
    assert interval.around(800.0, 8.0) == plain
    low, high = interval.around(800.0, 24.0)
    assert (low, high) == pytest.approx((800 * math.exp(-0.3), 800 * math.exp(0.3)))
    assert interval.around(0.0, None) is None


def test_slicers_table_shows_the_interval_until_the_segment_is_edited(result):
    engine = describe(result)
    total = engine["hypothalamus"]["total"]
    rows = {row.structure: row for row in volume_rows(engine, {})}
    assert rows["hypothalamus_total"].low == total["volume_low_mm3"]
    assert rows["hypothalamus_total"].high == total["volume_high_mm3"]
    assert math.isnan(rows["hypothalamus_right"].low)
    assert math.isnan(rows["asymmetry_index"].low)
    painted = {"hypothalamus_left": Edit(300.0, 310.0, 0.98)}
    rows = {row.structure: row for row in volume_rows(engine, painted)}
    assert math.isnan(rows["hypothalamus_left"].low)
    assert math.isnan(rows["hypothalamus_total"].high)


def test_slicers_table_opens_results_of_version_0_1_0(result):
    engine = describe(result)
    for part in engine["hypothalamus"].values():
        del part["volume_low_mm3"], part["volume_high_mm3"]
    rows = {row.structure: row for row in volume_rows(engine, {})}
    assert math.isnan(rows["hypothalamus_total"].low)
    assert rows["hypothalamus_total"].value == engine["hypothalamus"]["total"]["volume_mm3"]
