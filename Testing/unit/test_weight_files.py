"""Weights are only loaded when they are the published ones."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import pytest
from HypothalamusSegLib import loaded_networks
from HypothalamusSegLib.errors import WeightsError
from HypothalamusSegLib.networks import weight_files
from HypothalamusSegLib.options import Options

MEGABYTE = 1_000_000


@pytest.fixture
def copied_weights(tmp_path):
    folder = tmp_path / "weights"
    shutil.copytree(weight_files.default_weights_folder(), folder)
    return folder


def test_all_weights_together_are_small_enough_for_the_extensions_index():
    folder = weight_files.default_weights_folder()
    assert sum(path.stat().st_size for path in folder.glob("*.pt")) <= 15 * MEGABYTE


def test_both_ensembles_have_five_folds():
    ensembles = weight_files.read_manifest(weight_files.default_weights_folder())
    assert set(ensembles) == set(weight_files.ENSEMBLES)
    for ensemble in ensembles.values():
        assert [fold.fold for fold in ensemble.folds] == [0, 1, 2, 3, 4]
        assert len({fold.sha256 for fold in ensemble.folds}) == 5


def test_a_damaged_file_is_refused(copied_weights):
    ensemble = weight_files.read_manifest(copied_weights)["icv"]
    path = ensemble.folds[2].path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    weight_files.load_networks(ensemble, [0], "cpu")
    with pytest.raises(WeightsError, match="SHA-256"):
        weight_files.load_networks(ensemble, [2], "cpu")


def test_a_missing_file_is_refused(copied_weights):
    ensemble = weight_files.read_manifest(copied_weights)["hypothalamus"]
    ensemble.folds[0].path.unlink()
    with pytest.raises(WeightsError, match="cannot be read"):
        weight_files.load_networks(ensemble, [0], "cpu")


def test_an_unknown_fold_is_refused():
    ensemble = weight_files.read_manifest(weight_files.default_weights_folder())["icv"]
    with pytest.raises(WeightsError, match="no fold 7"):
        weight_files.load_networks(ensemble, [7], "cpu")


def test_a_manifest_without_its_keys_is_refused(copied_weights):
    path = copied_weights / weight_files.MANIFEST_NAME
    manifest = json.loads(path.read_text(encoding="utf-8"))
    del manifest["structures"]["icv"]["shape"]
    path.write_text(json.dumps(manifest))
    with pytest.raises(WeightsError, match=r"manifest\.json"):
        weight_files.read_manifest(copied_weights)


def test_weights_of_another_network_are_refused(copied_weights):
    ensemble = weight_files.read_manifest(copied_weights)["icv"]
    ensemble.network["widths"] = [24, 48, 84]
    with pytest.raises(WeightsError, match="does not match its network"):
        weight_files.load_networks(ensemble, [0], "cpu")


class NamedSegmenter:
    """Knows only which folder it was made from, and how often one was made."""

    made = 0

    def __init__(self, options: Options) -> None:
        weight_files.weights_folder(options.weights)
        NamedSegmenter.made += 1
        self.options = options

    def change_options(self, options: Options) -> None:
        self.options = options


def test_networks_that_stay_loaded_are_those_of_the_folder_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(loaded_networks, "Segmenter", NamedSegmenter)
    nothing = SimpleNamespace(wait=lambda: None)
    monkeypatch.setattr(loaded_networks, "EarlyTorch", lambda: nothing)
    monkeypatch.setattr(NamedSegmenter, "made", 0)
    manifest = tmp_path / weight_files.MANIFEST_NAME
    manifest.write_text("{}", encoding="utf-8")
    networks, options = loaded_networks.LoadedNetworks(), Options(weights=str(tmp_path))
    for _ in range(3):
        networks.segmenter(options)
    assert NamedSegmenter.made == 1
    manifest.write_text('{"adapted": "again"}', encoding="utf-8")
    networks.segmenter(options)
    assert NamedSegmenter.made == 2
    networks.segmenter(Options())
    networks.segmenter(Options())
    assert NamedSegmenter.made == 3
    networks.segmenter(options)
    manifest.unlink()
    with pytest.raises(WeightsError, match="is not a folder of weights"):
        networks.segmenter(options)
