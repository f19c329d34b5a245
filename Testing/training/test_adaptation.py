"""Learning a rater's protocol: targets, the protocol's map, fine-tuning, figures."""

from __future__ import annotations

import math
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from HypothalamusSegLib import labels
from HypothalamusSegLib.errors import CancelledError
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from HypothalamusSegLib.networks.residual_unet import ResidualUNet

from Testing.support.soft_subunits import TURNED, UPRIGHT, subunits_at, usual
from Training.adaptation import fine_tuning
from Training.adaptation.figures import CaseFigures, summarise
from Training.adaptation.fine_tuning import FoldAdaptation, FoldPlan, OtherRunError, PairSampler
from Training.adaptation.protocol_map import difference_in_frame, disagreement_map, shared_answer
from Training.adaptation.scores import CaseScore
from Training.adaptation.targets import SIDES, SUBUNITS, WHOLE, soft_masks, subunit_targets
from Training.hypothalamus_samples import RegionSamples, region_item
from Training.losses import hypothalamus_loss
from Training.regions import FIELD_SHAPE, POSTERIOR_SHAPE, REGION_SHAPE, posterior_grid


def drawn_sides(spacing_mm: tuple[float, float, float]) -> VoxelImage:
    affine = np.diag([*spacing_mm, 1.0])
    shape = tuple(round(30 / s) for s in spacing_mm)
    affine[:3, 3] = -15.0
    grid = Grid(shape, affine)
    at = grid.points_at(np.moveaxis(np.indices(shape, dtype=float), 0, -1))
    array = np.zeros(shape, np.uint8)
    for label, x_mm in ((labels.LEFT, -4.0), (labels.RIGHT, 4.0)):
        array[(((at - [x_mm, 0, 0]) / [3.5, 7.0, 5.0]) ** 2).sum(-1) < 1] = label
    return VoxelImage(array, affine)


@pytest.mark.parametrize("spacing", [(1, 1, 1), (0.5, 0.5, 0.5), (0.25, 0.5, 0.25), (1, 1.3, 1)])
@pytest.mark.parametrize("kind", [WHOLE, SIDES])
def test_a_target_has_the_volume_of_the_label_whatever_its_grid(spacing, kind):
    label = drawn_sides(spacing)
    grid = posterior_grid(np.zeros(3))
    target = subunit_targets(soft_masks(label, kind, grid), usual())
    wanted = (label.array > 0).sum() * label.voxel_volume_mm3
    assert target.sum() * grid.voxel_volume_mm3 == pytest.approx(wanted, rel=0.01)
    if kind == SIDES:
        left = (label.array == labels.LEFT).sum() * label.voxel_volume_mm3
        assert target[:5].sum() * grid.voxel_volume_mm3 == pytest.approx(left, rel=0.01)


def test_subunits_are_those_of_the_parent_inside_the_raters_outline_and_near_it_outside():
    answer = usual()
    soft = soft_masks(drawn_sides((0.5, 0.5, 0.5)), SIDES, posterior_grid(np.zeros(3)))
    target = subunit_targets(soft, answer)
    certain = (answer.sum(0) > 0.9) & (soft.sum(0) > 0.99)
    assert (target.argmax(0) == answer.argmax(0))[certain].mean() > 0.99
    # The rater draws where the parent sees nothing: still a subunit of that side, at that place.
    beyond = (answer.sum(0) < 0.3) & (soft[0] > 0.3)
    assert beyond.any()
    assert target[:5].sum(0)[beyond] == pytest.approx(soft[0][beyond], abs=1e-4)


def test_subunits_that_a_rater_has_drawn_are_taken_as_they_are():
    soft = np.zeros((10, *POSTERIOR_SHAPE), np.float32)
    soft[7, 30:40, 30:40, 30:40] = 1
    assert np.array_equal(subunit_targets(soft, usual()), soft)
    values = np.zeros((4, 4, 4), np.int32)
    values[1, 1, 1] = 808
    masks = soft_masks(VoxelImage(values, np.eye(4)), SUBUNITS, Grid((4, 4, 4), np.eye(4)))
    assert masks[7].sum() == 1 == masks.sum()


def test_what_a_rater_leaves_out_is_unknown_in_scans_in_other_places_and_poses():
    targets = [subunits_at(UPRIGHT, -2.0), subunits_at(TURNED, -2.0)]
    answers, frames = [usual(), subunits_at(TURNED)], [UPRIGHT, TURNED]
    differs = disagreement_map(list(map(difference_in_frame, targets, answers, frames)))
    other = replace(TURNED, centre_mm=np.array([-4.0, 1.0, 0.0]), zoom=0.95)
    answer, wanted = subunits_at(other), subunits_at(other, -2.0)
    shared = shared_answer(answer, other, differs)
    left_out = (answer.sum(0) > 0.9) & (wanted.sum(0) < 0.1)
    kept = (answer.sum(0) > 0.9) & (wanted.sum(0) > 0.9)
    assert left_out.sum() > 100
    assert shared[10][left_out].mean() > 0.9
    assert shared[10][kept].mean() < 0.15
    assert shared[:10].sum(0)[left_out].mean() < 0.1


def test_noise_of_single_labels_is_no_other_protocol():
    differences = [
        difference_in_frame(subunits_at(replace(UPRIGHT, zoom=zoom)), usual(), UPRIGHT)
        for zoom in (1.08, 0.92)
    ]
    differs = disagreement_map(differences * 3)
    assert np.abs(shared_answer(usual(), UPRIGHT, differs)[:10] - usual()).max() < 0.1


def largest_gradient(run: FoldAdaptation) -> float:
    run._train_step()
    return max(float(p.grad.abs().max()) for p in run.network.parameters() if p.grad is not None)


def test_nothing_is_learnt_where_a_target_is_unknown(samples, tmp_path):
    posteriors = np.zeros((11, *POSTERIOR_SHAPE), np.uint8)
    posteriors[10] = 255
    image = np.random.default_rng(3).uniform(0.2, 1.0, REGION_SHAPE).astype(np.float16)
    displacements = np.zeros((2, 10, 3, *FIELD_SHAPE), np.float16)
    unknown = RegionSamples([region_item(image, posteriors, displacements, True, 1.0, UPRIGHT)])
    nothing, something = (
        largest_gradient(adaptation(source, tmp_path / "fold.pt", replace(PLAN, steps=1)))
        for source in (unknown, samples)
    )
    assert nothing < 0.01 * something


@pytest.fixture(scope="module")
def samples() -> RegionSamples:
    generator = np.random.default_rng(3)
    posteriors = (usual() * 255).round().astype(np.uint8)
    image = generator.uniform(0.2, 1.0, REGION_SHAPE).astype(np.float16)
    displacements = np.zeros((2, 10, 3, *FIELD_SHAPE), np.float16)
    return RegionSamples([region_item(image, posteriors, displacements, True, 1.0, UPRIGHT)])


PLAN = FoldPlan(0, 4, 0.3, 0.5, 5, False, "abc", ("case",), ("memory",))


def adaptation(samples: RegionSamples, path, plan: FoldPlan = PLAN) -> FoldAdaptation:
    torch.manual_seed(0)
    network = ResidualUNet(1, labels.CHANNELS, [4, 8])
    return FoldAdaptation(plan, network, PairSampler(samples, samples, 0.5), path)


def weights_of(network: torch.nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def test_a_stopped_run_goes_on_and_ends_as_if_it_had_not_been_stopped(samples, tmp_path):
    straight = weights_of(adaptation(samples, tmp_path / "a" / "fold.pt").run())

    def stop(step: int) -> None:
        if step == 2:
            raise CancelledError("stopped")

    path = tmp_path / "b" / "fold.pt"
    with pytest.raises(CancelledError):
        adaptation(samples, path).run(stop)
    second = adaptation(samples, path)
    assert second.resume()
    assert second.step == 2
    assert torch.equal(weights_of(second.run()), straight)
    assert not torch.equal(straight, weights_of(adaptation(samples, path).network))


def test_a_signal_in_the_middle_of_a_step_waits_for_its_end(samples, tmp_path, monkeypatch):
    straight = weights_of(adaptation(samples, tmp_path / "a" / "fold.pt").run())
    draw, drawn = PairSampler.draw, []

    def interrupted(self, generator):
        drawn.append(1)
        if len(drawn) == 2:
            signal.raise_signal(signal.SIGTERM)
        return draw(self, generator)

    monkeypatch.setattr(PairSampler, "draw", interrupted)
    path = tmp_path / "b" / "fold.pt"
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(CancelledError):
        adaptation(samples, path).run()
    assert signal.getsignal(signal.SIGTERM) is handler
    second = adaptation(samples, path)
    assert second.resume()
    assert second.step == 2
    assert torch.equal(weights_of(second.run()), straight)


def test_a_run_that_is_killed_has_saved_what_it_had_learnt(samples, tmp_path, monkeypatch):
    """A process that is killed, as on Windows, has no last words."""
    monkeypatch.setattr(fine_tuning, "SAVE_EVERY_S", 0.0)
    path = tmp_path / "fold.pt"
    found = []

    def look(step: int) -> None:
        if step == 3:
            found.append(torch.load(path, weights_only=True)["step"])

    adaptation(samples, path).run(look)
    assert found == [2]


@pytest.mark.parametrize(
    "change", [{"steps": 5}, {"cases": ("other",)}, {"parent_sha256": "x"}, {"memory": ()}]
)
def test_a_run_with_other_cases_or_options_is_not_mixed_with_an_earlier_one(
    samples, tmp_path, change
):
    adaptation(samples, tmp_path / "fold.pt").save()
    with pytest.raises(OtherRunError, match="start over"):
        adaptation(samples, tmp_path / "fold.pt", replace(PLAN, **change)).resume()


def test_fine_tuning_learns_what_it_is_shown(samples, tmp_path):
    plan = replace(PLAN, steps=16, peak=1.0, memory_share=0.0)
    run = adaptation(samples, tmp_path / "fold.pt", plan)
    image, target, _ = samples.draw_plain(0)

    def error(network) -> float:
        with torch.no_grad():
            return float(hypothalamus_loss(network(image[None]), target[None], torch.ones(1)))

    before = error(run.network)
    assert error(run.run()) < 0.9 * before


def figures_of(pairs: list[tuple[float, float]]):
    return summarise(
        [
            CaseFigures(str(n), n % 5, CaseScore(a, 900.0, 800.0), CaseScore(b, 800.0, 800.0))
            for n, (a, b) in enumerate(pairs)
        ]
    )


def test_adaptation_helps_only_if_the_gain_is_large_and_sure():
    assert figures_of([(0.80, 0.85), (0.81, 0.86), (0.79, 0.85), (0.80, 0.84)]).has_helped
    assert not figures_of([(0.80, 0.802), (0.81, 0.812), (0.79, 0.792), (0.8, 0.802)]).has_helped
    # On average large, but three of five cases are worse.
    unsure = figures_of([(0.8, 0.95), (0.8, 0.79), (0.8, 0.79), (0.8, 0.79), (0.8, 0.95)])
    assert unsure.checks[0].loss < -0.05
    assert not unsure.has_helped


def test_the_signed_volume_is_that_of_the_geometric_mean():
    found = figures_of([(0.8, 0.9)] * 3)
    assert found.before.volume_percent == pytest.approx(12.5)
    assert found.after.volume_percent == pytest.approx(0.0)
    assert found.before.error_sd_percent == pytest.approx(0.0)
    assert math.isclose(found.checks[0].loss, -0.1)
    assert "case" not in str(found.as_json())
