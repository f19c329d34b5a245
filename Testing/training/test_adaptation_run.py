"""The command adapt, with tiny networks in the place of the published ones, and what it writes."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from types import SimpleNamespace

import nibabel
import numpy as np
import pytest
import torch
from HypothalamusSegLib import labels
from HypothalamusSegLib.errors import WeightsError
from HypothalamusSegLib.geometry.canonical_frame import CanonicalFrame
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from HypothalamusSegLib.longitudinal.repeatability import Repeatability, read_repeatability
from HypothalamusSegLib.measures.intervals import read_intervals
from HypothalamusSegLib.measures.protocol import HYPOTHALAMUS_RANGE_MM3, PUBLISHED, read_protocol
from HypothalamusSegLib.networks import weight_files
from HypothalamusSegLib.networks.residual_unet import ResidualUNet
from HypothalamusSegLib.options import Options
from HypothalamusSegLib.pipeline import Segmenter
from HypothalamusSegLib.stages.fine import FineResult
from HypothalamusSegLib.stages.network_output import StageResults

from Testing.support.labelled_heads import Head, _save, _subunits
from Training.adaptation import command_line, figures, looks, run
from Training.adaptation.figures import CaseFigures, summarise
from Training.adaptation.fine_tuning import FoldAdaptation
from Training.adaptation.progress import AdaptProgress
from Training.adaptation.scores import CaseScore
from Training.hypothalamus_samples import CROP_SHAPE
from Training.regions import FIELD_SHAPE

# The last two are the published protocol's, by which results without any name go, and no name.
NO_NAMES = (" ", "two\nlines", "turned \u202eround", "x" * 61, "billot 2020 ", "N/A")
HEAD = Grid.axis_aligned(np.zeros(3), (64, 74, 66), 2.5)
TISSUE = 60
SUBJECTS = tuple(f"sub-{n:02d}" for n in range(1, 6))
BARE = "sub-09"


def centre_of(number: int) -> np.ndarray:
    return np.array([0.0, 5.0 + number % 3, -4.0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Five subjects whose sides are drawn, as Slicer saves them, and one without a label."""
    folder = tmp_path_factory.mktemp("cases")
    for number, subject in enumerate((*SUBJECTS, BARE)):
        intensity = Head(number).intensity(HEAD)
        intensity[_subunits(HEAD, centre_of(number)) > 0] = TISSUE
        scan = folder / subject / "anat" / f"{subject}_T1w.nii.gz"
        _save(scan, intensity.astype(np.float32), HEAD.affine)
        if subject != BARE:
            grid = Grid.axis_aligned(centre_of(number), (40, 40, 40), 1.0)
            drawn = np.where(_subunits(grid, centre_of(number)) > 805, 808, 803)
            drawn[_subunits(grid, centre_of(number)) == 0] = 0
            derived = folder / "derivatives" / "AB" / subject / "anat"
            path = derived / f"{subject}_subunits_dseg.nii.gz"
            _save(path, drawn.astype(np.int16), grid.affine)
    return folder


class TinyParent:
    """Finds the gray ellipsoids without networks; its folds are tiny."""

    def __init__(self, options: Options) -> None:
        torch.manual_seed(0)
        self.networks = {"hypothalamus": [ResidualUNet(1, 11, [4, 8]).eval() for _ in range(5)]}
        published = weight_files.read_manifest(weight_files.default_weights_folder())
        self.ensembles = {"hypothalamus": published["hypothalamus"]}
        self.frame_network = None

    def run_stages(self, volume: VoxelImage) -> StageResults:
        points = np.argwhere(np.abs(np.asarray(volume.array) - TISSUE) < 0.5)
        found = volume.grid.points_at(points.astype(float))
        centre = found[(np.abs(found - [0, 6, -4]) < 12).all(1)].mean(0)
        grid = Grid.axis_aligned(centre, tuple(2 * n for n in CROP_SHAPE), 0.5)
        subunits = _subunits(grid, centre)
        each = [subunits == label for label in labels.SUBUNIT_LABELS]
        posterior = np.stack([subunits == 0, *each]).astype(np.float32)
        fine = FineResult(grid, posterior, posterior[None], CanonicalFrame.upright(centre), True)
        return StageResults(volume, None, SimpleNamespace(place_mm=centre), fine)


@pytest.fixture
def tiny(monkeypatch) -> None:
    monkeypatch.setattr(run, "Segmenter", TinyParent)
    monkeypatch.setattr(run, "MOST_STEPS", 2)
    monkeypatch.setattr(run, "FEWEST_STEPS", 2)
    monkeypatch.setattr(figures, "MOST_PROBED", 1)
    no_change = np.zeros((2, 10, 3, *FIELD_SHAPE), np.float16)
    monkeypatch.setattr(looks, "unit_displacements", lambda *asked: no_change)


@pytest.fixture
def unmeasured(monkeypatch) -> None:
    """Figures that do not help, and no page: for what does not depend on them."""
    score = CaseScore(0.8, 800.0, 800.0)

    def measure(cases, *others):
        return summarise([CaseFigures(case.name, case.part, score, score) for case in cases])

    monkeypatch.setattr(run, "measure", measure)
    monkeypatch.setattr(run, "write_page", lambda path, *others: path.write_text("", "utf-8"))


def arguments(folder: Path, output: Path, *more: str) -> list[str]:
    return [str(folder), "--output", str(output), "--name", "Ours", "--progress", "json", *more]


@pytest.mark.slow
def test_where_it_has_not_helped_only_the_page_is_written(folder, tmp_path, tiny, capsys):
    assert command_line.main(arguments(folder, tmp_path)) == command_line.NOT_HELPED
    assert [path.name for path in tmp_path.iterdir()] == ["adaptation.html"]
    page = (tmp_path / "adaptation.html").read_text(encoding="utf-8")
    assert "has not helped" in page
    assert page.count('<img src="data:image/png;base64,') == len(SUBJECTS)
    assert all(subject in page for subject in SUBJECTS)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    fractions = [event["fraction"] for event in events if event["event"] == "progress"]
    assert fractions == sorted(fractions)
    assert events[-1]["result"]["n"] == len(SUBJECTS)


@pytest.mark.slow
def test_stopped_by_a_signal_it_goes_on_with_the_same_command_and_writes_what_tells_no_name(
    folder, tmp_path, tiny, unmeasured, monkeypatch
):
    real_step, taken = FoldAdaptation._train_step, []

    def step(self) -> None:
        taken.append(self.plan.fold)
        if len(taken) == 3:
            signal.raise_signal(signal.SIGTERM)
        real_step(self)

    monkeypatch.setattr(FoldAdaptation, "_train_step", step)
    command = arguments(folder, tmp_path, "--write-anyway")
    assert command_line.main(command) == 130
    assert (tmp_path / run.WORK_NAME / "fold0.pt").exists()
    assert not (tmp_path / "manifest.json").exists()
    taken[:] = [0] * 10  # is never the third again
    assert command_line.main(command) == command_line.ALL_DONE
    # Two of fold 0 and one of fold 1 were done, and are not done again.
    assert taken[10:] == [1, 2, 2, 3, 3, 4, 4]
    text = (tmp_path / "manifest.json").read_text(encoding="utf-8")
    assert not re.search(r"sub-\d|cases/", text)
    protocol = json.loads(text)["protocol"]
    assert protocol["name"] == "Ours"
    assert len(protocol["cases"]) == len(SUBJECTS)
    assert {case["not_seen_by_fold"] for case in protocol["cases"]} == set(range(5))
    assert len(protocol["scans_without_label_sha256"]) == 1
    assert not (tmp_path / run.WORK_NAME).exists()


def test_cases_that_cannot_be_used_stop_it_before_any_training(folder, tmp_path, tiny, capsys):
    broken = tmp_path / "cases"
    for path in folder.rglob("*.nii.gz"):
        target = broken / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    label = broken / "derivatives/AB/sub-03/anat/sub-03_subunits_dseg.nii.gz"
    image = nibabel.load(label)
    array = np.asarray(image.dataobj)
    swapped = np.where(array == 803, 808, np.where(array == 808, 803, 0)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(swapped, image.affine), label)
    assert command_line.main(arguments(broken, tmp_path / "out")) == command_line.FAILED
    said = capsys.readouterr().err
    assert "sub-03: left and right are swapped" in said
    assert "sub-02" not in said
    assert not list((tmp_path / "out").rglob("fold*.pt"))


@pytest.fixture(scope="module")
def adapted(tmp_path_factory) -> Path:
    """Published networks under another protocol's name, as `adapt` would write them."""
    from Testing.support.soft_subunits import UPRIGHT, usual
    from Training.adaptation.case_files import CaseFile
    from Training.adaptation.cases import Case
    from Training.adaptation.looks import Look
    from Training.adaptation.weights_folder import write_weights

    parent = weight_files.default_weights_folder()
    ensemble = weight_files.read_manifest(parent)["hypothalamus"]
    networks = weight_files.load_networks(ensemble, range(5), "cpu")
    answer = (usual() * 255).round().astype(np.uint8)
    look = Look(None, None, answer, None, UPRIGHT, None, np.zeros(3), True, True)
    file = CaseFile("sub-secret", "sub-secret", Path("x"), Path("y"))
    case = Case(file, "aa", look, "sides", "bb", None, 0.8 * answer.astype(np.float32) / 255, 0)
    scores = [
        CaseFigures("sub-secret", 0, CaseScore(0.8, 800.0, 640.0), CaseScore(0.9, 640 + n, 640.0))
        for n in range(10)
    ]
    folder = tmp_path_factory.mktemp("adapted")
    write_weights(parent, folder, "Ours", networks, [case], [], summarise(scores), {"steps": 3})
    return folder


def test_the_engine_takes_the_folder_with_its_protocol_and_the_parents_frame(adapted):
    ensembles = weight_files.read_manifest(adapted)
    for ensemble in ensembles.values():
        for fold in ensemble.folds:
            weight_files.verify_checksum(fold)
    published = weight_files.read_manifest(weight_files.default_weights_folder())
    assert ensembles["hypothalamus"].frame.sha256 == published["hypothalamus"].folds[0].sha256
    options = Options(structures=("hypothalamus",), device="cpu", folds=(3,), weights=str(adapted))
    segmenter = Segmenter(options)
    assert segmenter.frame_network is not None
    assert segmenter.protocol.name == "Ours"
    wanted = [0.8 * limit for limit in HYPOTHALAMUS_RANGE_MM3]
    assert segmenter.protocol.usual_range_mm3 == pytest.approx(wanted, rel=0.01)


def test_intervals_are_those_of_the_cross_validation_and_the_icvs_own(adapted):
    found = read_intervals(adapted)
    assert set(found) == {"icv", "hypothalamus_total"}
    published = read_intervals(weight_files.default_weights_folder())
    assert found["icv"] == published["icv"]
    # The largest of ten errors: 9 mm³ of 640.
    assert found["hypothalamus_total"].log_ratio == pytest.approx(np.log(649 / 640), abs=1e-4)


def test_the_published_repeatability_is_not_passed_on(adapted):
    assert read_repeatability(weight_files.default_weights_folder()) != Repeatability()
    assert read_repeatability(adapted) == Repeatability()


def test_no_case_is_named_in_the_manifest(adapted):
    assert "secret" not in (adapted / "manifest.json").read_text(encoding="utf-8")


def test_weights_without_a_protocol_have_the_published_one():
    assert read_protocol(weight_files.default_weights_folder()) == PUBLISHED


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"name": "x", "usual_range_mm3": [2, 1]},
        {"name": "x", "usual_range_mm3": [1, float("inf")]},
        *({"name": name, "usual_range_mm3": [1, 2]} for name in NO_NAMES),
    ],
)
def test_a_damaged_protocol_is_refused(tmp_path, fields):
    text = json.dumps({"structures": {}, "protocol": fields})
    (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(WeightsError):
        read_protocol(tmp_path)


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_that_would_not_tell_protocols_apart_is_wrong_usage(tmp_path, name, capsys):
    with pytest.raises(SystemExit) as ended:
        command_line.main([str(tmp_path), "--output", str(tmp_path), "--name", name])
    assert ended.value.code == 2
    assert "--name" in capsys.readouterr().err


def test_a_name_has_one_spelling(tmp_path):
    fields = {"name": "U\u0308lm", "usual_range_mm3": [1, 2]}
    text = json.dumps({"structures": {}, "protocol": fields})
    (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
    assert read_protocol(tmp_path).name == "Ülm"


def test_a_folder_that_holds_no_weights_is_refused_by_name(tmp_path):
    with pytest.raises(WeightsError, match=str(tmp_path)):
        weight_files.weights_folder(str(tmp_path))


def test_progress_does_not_go_back_when_more_work_is_expected():
    events: list[dict] = []
    seconds = iter(range(100))
    progress = AdaptProgress(events.append, clock=lambda: float(next(seconds)))
    progress.expect(10)
    progress.at(5, "looking")
    progress.expect(100)
    progress.at(6, "looking")
    progress.at(90, "measuring")
    assert [event["fraction"] for event in events] == [0.5, 0.5, 0.9]
    assert "min left" in events[-1]["step"]
