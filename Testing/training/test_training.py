"""The training pipeline on a tiny data set: prepare, train, export, evaluate."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from HypothalamusSegLib.networks.residual_unet import ResidualUNet
from HypothalamusSegLib.options import Options
from HypothalamusSegLib.pipeline import Segmenter

from Testing.support.labelled_heads import (
    HEADS,
    SCANNERS,
    SOFT,
    WITH_ICV,
)
from Testing.training.conftest import FINE_SPACING_MM, Data
from Training import (
    border_drawing,
    border_samples,
    evaluate,
    export,
    head_samples,
    prepare,
    tasks,
    train,
)
from Training.dataset import find_scans
from Training.regions import POSTERIOR_SPACING_MM
from Training.splits import FOLDS, TEST, assign_parts
from Training.training_task import split_subjects

# In the order in which they must be trained: the border's networks go on from the ICV's.
STRUCTURES = ("hypothalamus", "icv", "icv_border")
STEPS, INTERRUPTED_AFTER = 2, 1


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", autouse=True)
def coarse_heads() -> Iterator[None]:
    """Draw whole heads at the spacing at which they were prepared."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (head_samples, border_drawing):
            patch.setattr(module, "FINE_SPACING_MM", FINE_SPACING_MM)
        yield


@pytest.fixture(scope="module", autouse=True)
def narrow_networks() -> Iterator[None]:
    """Networks of the real depth with few channels: nobody asks here how good they are."""
    with pytest.MonkeyPatch.context() as patch:
        for task in (tasks.HypothalamusTask, tasks.IcvTask):
            patch.setattr(task, "network", {**task.network, "widths": [4, 8, 12]})
        yield


def train_fold(structure: str, prepared: Path, runs: Path, *more: str, steps: int = STEPS) -> None:
    arguments = ["--structure", structure, "--fold", "0", "--steps", str(steps), "--batch", "1"]
    arguments += ["--threads", "1", "--device", "cpu", *more]
    assert train.main([*arguments, "--prepared", str(prepared), "--runs", str(runs)]) == 0


def interrupt_fold(structure: str, prepared: Path, runs: Path) -> None:
    """Train with a checkpoint after each step, and stop within a step."""
    one_step = train.Trainer._train_step

    def stop_later(trainer: train.Trainer) -> float:
        if trainer.step == INTERRUPTED_AFTER:
            raise KeyboardInterrupt
        return one_step(trainer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "CHECKPOINT_EVERY_S", 0.0)
        patch.setattr(train.Trainer, "_train_step", stop_later)
        with pytest.raises(KeyboardInterrupt):
            train_fold(structure, prepared, runs)


@pytest.fixture(scope="module")
def runs(data, tmp_path_factory) -> Path:
    """Fold 0 of all structures, trained for a few steps in one go."""
    folder = tmp_path_factory.mktemp("runs")
    for structure in STRUCTURES:
        train_fold(structure, data.prepared, folder)
    return folder


@pytest.fixture(scope="module")
def weights(data, runs, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    assert export_folds(runs, data.prepared, folder) == 0
    return folder


def export_folds(runs: Path, prepared: Path, output: Path) -> int:
    arguments = ["--runs", str(runs), "--prepared", str(prepared), "--output", str(output)]
    return export.main(arguments)


def strict_json(path: Path) -> dict:
    """Read JSON and refuse NaN, which Python alone would let pass."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{path} holds {constant}")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


SCANNER_OF = {f"sub-{n:03d}": ("A", "B", "B", "rare")[min(n % 20, 3)] for n in range(60)} | {
    f"sub-{n:03d}": "AB"[n % 2] for n in range(60, 110)
}


def test_split_is_the_same_in_every_order_of_the_subjects():
    backwards = dict(reversed(SCANNER_OF.items()))
    assert assign_parts(SCANNER_OF, 0.2) == assign_parts(backwards, 0.2)


def test_each_scanner_has_its_share_in_the_test_split_and_in_every_fold():
    parts = assign_parts(SCANNER_OF, 0.2)
    assert set(parts) == set(SCANNER_OF)
    for scanner, count in Counter(SCANNER_OF.values()).items():
        found = Counter(parts[s] for s in SCANNER_OF if SCANNER_OF[s] == scanner)
        assert found[TEST] == round(0.2 * count)
        folds = [found[fold] for fold in range(FOLDS)]
        assert max(folds) - min(folds) <= 1
        assert min(folds) >= 1


def test_a_scanner_with_few_subjects_is_kept_for_training():
    assert TEST not in assign_parts(dict.fromkeys("abcde", "few"), 0.2).values()


@pytest.mark.parametrize(("kind", "names"), [("scans", set(SCANNERS)), ("heads", set(HEADS))])
def test_test_subjects_are_in_no_fold_and_each_other_one_is_validated_once(data, kind, names):
    parts = json.loads((data.prepared / "splits.json").read_text(encoding="utf-8"))[kind]
    test = {name for name, part in parts.items() if part == TEST}
    assert set(parts) == names
    assert test
    validated = []
    for fold in range(FOLDS):
        training, validation = split_subjects(data.prepared, kind, fold)
        assert not test & {*training, *validation}
        assert not set(training) & set(validation)
        assert {*training, *validation} == names - test
        validated += validation
    assert sorted(validated) == sorted(names - test)


def test_soft_and_hard_labels_and_masks_are_found(data):
    scans = {scan.subject: scan for scan in find_scans(data.scans)}
    assert {name: scan.scanner for name, scan in scans.items()} == SCANNERS
    assert {name for name, scan in scans.items() if scan.soft_subunits} == set(SOFT)
    assert {name for name, scan in scans.items() if scan.hard_subunits} == set(SCANNERS) - set(SOFT)
    assert {name for name, scan in scans.items() if scan.icv_mask} == set(WITH_ICV)


@pytest.mark.parametrize(
    "soft",
    [
        pytest.param(True, id="soft"),
        pytest.param(False, id="hard"),
    ],
)
def test_prepared_regions_keep_the_volume_of_the_labels(data, soft):
    scans = [scan for scan in find_scans(data.scans) if bool(scan.soft_subunits) == soft]
    for scan in scans:
        posteriors, affine = prepare.subunit_posteriors(scan)
        wanted_mm3 = posteriors.sum() * abs(np.linalg.det(affine[:3, :3]))
        with np.load(data.prepared / "regions" / f"{scan.subject}.npz") as arrays:
            found_mm3 = (arrays["posteriors"] / 255.0).sum() * POSTERIOR_SPACING_MM**3
        assert found_mm3 == pytest.approx(wanted_mm3, rel=0.015)


def test_prepared_fine_masks_keep_the_volume_of_the_masks(data):
    for scan in find_scans(data.scans):
        with np.load(data.prepared / "scans" / f"{scan.subject}.npz") as arrays:
            assert ("fine_icv" in arrays) == bool(scan.icv_mask)
            if scan.icv_mask:
                mask = prepare.load_volume(scan.icv_mask)
                found_mm3 = arrays["fine_icv"].sum(dtype=float) * FINE_SPACING_MM**3
                assert found_mm3 == pytest.approx(
                    mask.array.sum() * mask.voxel_volume_mm3, rel=0.01
                )
                assert arrays["fine_image"].shape == arrays["fine_icv"].shape


def test_folders_without_labels_are_refused_with_what_is_expected(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for kind in ("--scans", "--heads"):
        arguments = [kind, str(tmp_path / "empty"), "--output", str(tmp_path / "prepared")]
        assert prepare.main(arguments) == 1
        assert "expected" in capsys.readouterr().out
    assert not (tmp_path / "prepared").exists()


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
    monkeypatch.setattr(tasks, "_trained_coarse_network", lambda runs, fold: fold)
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


def only_runs_of(structures: Iterable[str], runs: Path, folder: Path) -> Path:
    """A folder of runs in which some structures alone were trained."""
    folder.mkdir()
    for structure in structures:
        (folder / structure).symlink_to(runs / structure)
    return folder


def evaluate_quickly(data: Data, runs: Path, weights: Path, docs: Path, *folders: str) -> int:
    arguments = ["--quick", "--threads", "1", "--weights", str(weights), "--docs", str(docs)]
    arguments += ["--prepared", str(data.prepared), "--runs", str(runs)]
    return evaluate.main([*arguments, *folders])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_evaluation_measures_test_split_and_cross_validation_and_says_what_that_is(
    data, runs, tmp_path, monkeypatch
):
    # The border takes half the time of each scan, and is in the evaluation of the ICV alone.
    own = only_runs_of(["hypothalamus", "icv"], runs, tmp_path / "runs")
    weights, docs = tmp_path / "weights", tmp_path / "docs"
    assert export_folds(own, data.prepared, weights) == 0
    monkeypatch.setattr(evaluate, "QUICK", replace(evaluate.QUICK, perturbations=("mirrored",)))
    both = ("--scans", str(data.scans), "--heads", str(data.heads))
    assert evaluate_quickly(data, own, weights, docs, *both) == 0
    results = strict_json(docs / "validation" / "results.json")
    parts = results["parts"]["scans"]
    tested = [row["subject"] for row in results["test_hypothalamus"]]
    assert tested == [s for s in SCANNERS if parts[s] == TEST]
    validated = [row["subject"] for row in results["validation_hypothalamus"]]
    assert validated == [s for s in SCANNERS if parts[s] == 0]
    masked = [row["head"] for row in results["validation_icv_scans"]]
    assert masked == [s for s in WITH_ICV if parts[s] == 0]
    assert len(results["test_icv"]) == len(results["validation_icv"]) == 1
    (repeated,) = results["repeatability"].values()
    assert list(repeated) == ["unchanged", *evaluate.QUICK.perturbations]
    page = (docs / "VALIDATION.md").read_text(encoding="utf-8")
    assert "A quick look" in page
    assert "agreement with the labels of the data set" in page
    assert "teacher of" not in page
    for heading in ("test split", "cross-validation", "Intracranial volume", "Repeatability"):
        assert heading in page


def scans_only(data: Data, folder: Path) -> Path:
    """The prepared arrays without label heads."""
    for kind in ("regions", "scans"):
        (folder / kind).mkdir(parents=True)
        for path in (data.prepared / kind).iterdir():
            (folder / kind / path.name).symlink_to(path)
    parts = json.loads((data.prepared / "splits.json").read_text(encoding="utf-8"))
    (folder / "splits.json").write_text(json.dumps({**parts, "heads": {}}))
    (folder / "template.json").symlink_to(data.prepared / "template.json")
    return folder


@pytest.mark.slow
def test_icv_is_trained_and_exported_from_scans_with_masks_alone(data, tmp_path):
    prepared = scans_only(data, tmp_path / "prepared")
    train_fold("icv", prepared, tmp_path / "runs", steps=1)
    assert export_folds(tmp_path / "runs", prepared, tmp_path / "weights") == 0
    manifest = strict_json(tmp_path / "weights" / "manifest.json")
    assert list(manifest["structures"]) == ["icv"]
    options = Options(structures=("icv",), device="cpu", folds=(0,))
    assert list(Segmenter(options, tmp_path / "weights").networks) == ["icv"]


@pytest.mark.slow
def test_a_structure_that_was_not_trained_keeps_the_weights_that_are_there(
    data, runs, weights, tmp_path
):
    published = Path(shutil.copytree(weights, tmp_path / "weights"))
    own = only_runs_of(["hypothalamus"], runs, tmp_path / "runs")
    prepared = scans_only(data, tmp_path / "prepared")
    before = strict_json(published / "manifest.json")
    assert export_folds(own, prepared, published) == 0
    after = strict_json(published / "manifest.json")
    assert after["structures"]["icv"]["folds"] == before["structures"]["icv"]["folds"]
    assert after["structures"]["icv"]["split"] == before["split"]
    assert after["split"]["heads"] == {}
    Segmenter(Options(device="cpu", folds=(0,)), published)


@pytest.mark.slow
def test_border_networks_do_not_outlive_the_icv_networks_they_correct(
    data, runs, weights, tmp_path
):
    published = Path(shutil.copytree(weights, tmp_path / "weights"))
    own = only_runs_of(["icv"], runs, tmp_path / "runs")
    assert export_folds(own, data.prepared, published) == 0
    assert sorted(strict_json(published / "manifest.json")["structures"]) == ["hypothalamus", "icv"]
    assert sorted(Segmenter(Options(device="cpu", folds=(0,)), published).networks) == [
        "hypothalamus",
        "icv",
    ]


@pytest.mark.slow
def test_hypothalamus_alone_is_exported_but_evaluated_only_with_an_icv_ensemble(
    data, runs, tmp_path, capsys
):
    own = only_runs_of(["hypothalamus"], runs, tmp_path / "runs")
    assert export_folds(own, data.prepared, tmp_path / "weights") == 0
    assert "needs an ICV ensemble too" in capsys.readouterr().out
    scans = ("--scans", str(data.scans))
    assert evaluate_quickly(data, own, tmp_path / "weights", tmp_path / "docs", *scans) == 1
    assert "no ICV ensemble" in capsys.readouterr().out
    assert not (tmp_path / "docs").exists()


@pytest.mark.slow
def test_icv_with_its_border_alone_is_evaluated_on_label_heads_alone(data, runs, tmp_path):
    own = only_runs_of(["icv", "icv_border"], runs, tmp_path / "runs")
    assert export_folds(own, data.prepared, tmp_path / "weights") == 0
    heads = ("--heads", str(data.heads))
    assert evaluate_quickly(data, own, tmp_path / "weights", tmp_path / "docs", *heads) == 0
    results = strict_json(tmp_path / "docs" / "validation" / "results.json")
    assert results["test_icv"]
    assert not results["test_hypothalamus"]
    page = (tmp_path / "docs" / "VALIDATION.md").read_text(encoding="utf-8")
    assert "## Hypothalamus" not in page
    assert "Intracranial volume" in page
