"""Training on a tiny data set: resumed runs, drawn borders, exported weights."""

from __future__ import annotations

import hashlib
import json

import pytest
import torch
from HypothalamusSegLib.networks.residual_unet import ResidualUNet
from HypothalamusSegLib.options import Options
from HypothalamusSegLib.pipeline import Segmenter

from Testing.support.labelled_heads import HEADS, WITH_ICV
from Testing.support.small_training import (
    INTERRUPTED_AFTER,
    STEPS,
    STRUCTURES,
    export_folds,
    interrupt_fold,
    strict_json,
    train_fold,
)
from Training import border_drawing, border_samples, icv_tasks, tasks, train
from Training.splits import FOLDS, TEST

pytestmark = pytest.mark.usefixtures("small")


@pytest.mark.slow
@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(
    data, runs, tmp_path, capsys, structure
):
    if structure == "icv_border":
        (tmp_path / "icv").symlink_to(runs / "icv")
        # The uninterrupted run drew its images; this one reads them.
        (tmp_path / structure).mkdir()
        (tmp_path / structure / "images").symlink_to(runs / structure / "images")
    interrupt_fold(structure, data.prepared, tmp_path)
    train_fold(structure, data.prepared, tmp_path, "--resume")
    assert f"resumed at step {INTERRUPTED_AFTER}" in capsys.readouterr().out
    resumed, whole = (
        torch.load(folder / structure / "fold0" / "last.pt") for folder in (tmp_path, runs)
    )
    assert resumed["step"] == whole["step"] == STEPS
    for kind in ("network", "average"):
        for name, values in whole[kind].items():
            assert torch.equal(resumed[kind][name], values), f"{kind} {name}"
    last_rows = [
        json.loads(
            (folder / structure / "fold0" / "log.jsonl")
            .read_text(encoding="utf-8")
            .splitlines()[-1]
        )
        for folder in (tmp_path, runs)
    ]
    assert last_rows[0]["score"] == last_rows[1]["score"]


def test_each_head_gets_its_first_border_from_the_network_that_has_not_seen_it(
    data, tmp_path, monkeypatch
):
    for fold in range(FOLDS):
        (tmp_path / "icv" / f"fold{fold}").mkdir(parents=True)
        (tmp_path / "icv" / f"fold{fold}" / "best.pt").touch()
    monkeypatch.setattr(icv_tasks, "_trained_coarse_network", lambda runs, fold: fold)
    task = tasks.IcvBorderTask(data.prepared, 2, tmp_path)
    splits = json.loads((data.prepared / "splits.json").read_text(encoding="utf-8"))
    parts = {**splits["heads"], **splits["scans"]}
    training, validation = task._training.sources, task._validation
    for source in [*training, *validation]:
        assert parts[source.name] == source.coarse
    assert {source.coarse for source in validation} == {2}
    assert 2 not in {source.coarse for source in training}
    known = {name for name in (*HEADS, *WITH_ICV) if parts[name] != TEST}
    assert {source.name for source in [*training, *validation]} == known


def coarse_network(seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    return ResidualUNet(**tasks.IcvTask.network).eval().requires_grad_(False)


def some_border(generator: torch.Generator) -> border_drawing.Border:
    seen, tissue = 2 * torch.rand(5, 33, generator=generator), torch.tensor([3.0])
    points_mm, normals = torch.rand(5, 3), torch.ones(5, 3)
    return border_drawing.Border(seen, tissue, points_mm, normals, torch.rand(5))


def test_an_image_is_drawn_once_for_all_folds_and_again_for_another_network(
    data, tmp_path, monkeypatch
):
    drawn = []

    def drawing(heads, coarse, mild, generator) -> list[border_drawing.Border]:
        drawn.append(coarse)
        return [some_border(generator) for _ in range(2)]

    monkeypatch.setattr(border_samples, "draw_borders", drawing)
    monkeypatch.setattr(border_samples, "IMAGES_PER_HEAD", 3)

    def borders(seed: int, coarse: torch.nn.Module) -> list[torch.Tensor]:
        source = border_samples.BorderSource(data.prepared, "heads", HEADS[0], coarse)
        samples = border_samples.BorderSamples([source], tmp_path)
        order = torch.Generator().manual_seed(seed)
        return [samples.border(order, augment=True).seen for _ in range(20)]

    first, other = coarse_network(0), coarse_network(1)
    found = borders(0, first)
    assert len(drawn) == 3
    assert all(torch.equal(a, b) for a, b in zip(borders(0, first), found, strict=True))
    assert len(drawn) == 3
    borders(1, other)
    assert drawn[3:] == [other] * 3
    kept = [path.name for path in (tmp_path / HEADS[0]).iterdir()]
    assert sorted(kept) == ["augmented-01.npz", "augmented-02.npz", "mild-00.npz"]


def test_other_levels_change_contrast_but_not_what_is_wanted():
    generator = torch.Generator().manual_seed(3)
    border = some_border(generator)
    others = [border.with_other_levels(generator) for _ in range(50)]
    order = border.seen.argsort(1)
    for other in others:
        assert torch.equal(other.wanted_mm, border.wanted_mm)
        assert torch.equal(other.points_mm, border.points_mm)
        assert torch.equal(other.seen.argsort(1), order)
        assert float(other.tissue) > 1
    tissue = torch.cat([other.tissue for other in others])
    assert 0.5 * float(border.tissue) < tissue.median() < 2 * float(border.tissue)
    assert tissue.std() > 0.2


def test_the_border_is_not_trained_before_the_icv_network_it_corrects(data, tmp_path, capsys):
    arguments = ["--structure", "icv_border", "--fold", "0", "--steps", "1"]
    arguments += ["--prepared", str(data.prepared), "--runs", str(tmp_path)]
    assert train.main(arguments) == 1
    assert "train --structure icv --fold 0 first" in capsys.readouterr().out


@pytest.mark.slow
def test_an_unfinished_run_is_not_exported(data, tmp_path, capsys):
    interrupt_fold("hypothalamus", data.prepared, tmp_path / "runs")
    assert export_folds(tmp_path / "runs", data.prepared, tmp_path / "weights") == 1
    message = capsys.readouterr().out
    assert f"fold0 stands at step {INTERRUPTED_AFTER} of {STEPS}" in message
    assert "--resume" in message
    assert not (tmp_path / "weights").exists()


def test_nothing_trained_is_not_exported(data, tmp_path, capsys):
    assert export_folds(tmp_path / "runs", data.prepared, tmp_path / "weights") == 1
    assert "No fold of any structure has been trained" in capsys.readouterr().out


@pytest.mark.slow
def test_exported_weights_have_the_manifests_checksums_and_load(data, weights):
    manifest = strict_json(weights / "manifest.json")
    assert manifest["split"] == json.loads(
        (data.prepared / "splits.json").read_text(encoding="utf-8")
    )
    assert sorted(manifest["structures"]) == sorted(STRUCTURES)
    for plan in manifest["structures"].values():
        # The border's networks give one number a point.
        assert len(plan["channels"]) == plan["network"].get("out_channels", 1)
        (fold,) = plan["folds"]
        assert fold["plan"]["steps"] == fold["validation"]["step"] == STEPS
        content = (weights / fold["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == fold["sha256"]
    segmenter = Segmenter(Options(device="cpu", folds=(0,)), weights)
    assert sorted(segmenter.networks) == sorted(STRUCTURES)


@pytest.mark.slow
def test_exported_weights_are_the_average_in_half_precision(runs, weights):
    for structure in STRUCTURES:
        saved = torch.load(weights / f"{structure}_fold0.pt", weights_only=True)
        trained = torch.load(runs / structure / "fold0" / "last.pt")["average"]
        assert saved.keys() == trained.keys()
        for name, values in saved.items():
            assert values.dtype == torch.float16
            assert torch.equal(values, trained[name].half())
