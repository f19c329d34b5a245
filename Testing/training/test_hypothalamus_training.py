"""Samples and loss of the fine stage's training: the canonical frame and planted changes."""

from __future__ import annotations

import json
import math

import pytest
import torch
from HypothalamusSegLib import labels
from HypothalamusSegLib.geometry.canonical_frame import Template

from Testing.support.labelled_heads import SCANNERS
from Training import prepare
from Training.hypothalamus_samples import CROP_SHAPE, CROP_SPACING_MM, HypothalamusSamples
from Training.losses import hypothalamus_loss


@pytest.fixture(scope="module")
def samples(data) -> HypothalamusSamples:
    return HypothalamusSamples(data.prepared, list(SCANNERS))


def volume_mm3(target: torch.Tensor) -> float:
    return float(target[1:].sum()) * CROP_SPACING_MM**3


def test_in_the_frame_every_hypothalamus_has_the_templates_volume_and_place(data, samples):
    fields = json.loads((data.prepared / prepare.TEMPLATE_NAME).read_text(encoding="utf-8"))
    template = Template.from_json(fields)
    for index in range(len(samples)):
        _, target, _ = samples.draw_plain(index)
        assert volume_mm3(target) == pytest.approx(template.volume_mm3, rel=0.03)
        indices = torch.stack(torch.meshgrid(*map(torch.arange, CROP_SHAPE), indexing="ij"))
        mass = target[1:].sum(0)
        centre = (indices * mass).sum((1, 2, 3)) / mass.sum()
        middle = (torch.tensor(CROP_SHAPE) - 1) / 2
        assert float((centre - middle).norm()) < 0.3


@pytest.mark.parametrize("log_change", [math.log(0.8), math.log(1.2)])
def test_changed_samples_change_their_labels_volume(samples, log_change):
    for index in range(len(samples)):
        before = volume_mm3(samples.draw_plain(index)[1])
        zoomed = volume_mm3(samples.draw_plain(index, log_zoom=log_change)[1]) / before
        assert math.log(zoomed) == pytest.approx(log_change, rel=0.05)
        planted = volume_mm3(samples.draw_plain(index, log_change=log_change)[1]) / before
        # A soft edge lies in what makes up for the change: here, without fluid, most of it does.
        assert 0.1 < math.log(planted) / log_change < 1.2


def test_a_planted_change_leaves_the_surroundings_labels_background(samples):
    image, target, _ = samples.draw_plain(0, log_change=math.log(0.7))
    assert image.shape == (1, *CROP_SHAPE)
    assert target.shape == (labels.CHANNELS, *CROP_SHAPE)
    assert float((target.sum(0) - 1).abs().max()) < 1e-4


def target_and_logits(sizes: list[float], errors: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
    """Cubes of a size on each side, and logits that are too large by an error."""
    shape = (labels.CHANNELS, 16, 16, 16)
    target = torch.zeros(len(sizes), *shape)
    for index, size in enumerate(sizes):
        target[index, 3, :7, :, :] = size
        target[index, 8, 9:, :, :] = size
        target[index, 0] = 1 - target[index, 1:].sum(0)
    wanted = target.clone()
    for index, error in enumerate(errors):
        wanted[index, 1:] *= math.exp(error)
        wanted[index, 0] = 1 - wanted[index, 1:].sum(0)
    return target, wanted.clamp_min(1e-6).log()


def test_an_error_that_both_versions_share_costs_less_than_one_that_hides_their_difference():
    weight = torch.ones(2)
    shared = hypothalamus_loss(*reversed(target_and_logits([0.3, 0.4], [0.1, 0.1])), weight)
    hidden = hypothalamus_loss(*reversed(target_and_logits([0.3, 0.4], [0.1, -0.1])), weight)
    right = hypothalamus_loss(*reversed(target_and_logits([0.3, 0.4], [0.0, 0.0])), weight)
    assert right < shared < hidden
    assert hidden - shared > 5 * (shared - right)


def test_the_loss_of_an_odd_batch_counts_its_last_sample_alone():
    target, logits = target_and_logits([0.3, 0.4, 0.2], [0.0, 0.0, 0.0])
    loss = hypothalamus_loss(logits, target, torch.ones(3))
    assert torch.isfinite(loss)
