"""Label heads made like a child: smaller from the vertex down, bent, bright marrow, a neck."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from HypothalamusSegLib.geometry.head_box import COARSE_SHAPE

from Training import child_heads, head_generator
from Training.child_heads import VERTEX_MM, ChildHead
from Training.head_generator import LabelHeadSource

SCALP, FLUID, WHITE, MARROW = 507, 24, 2, 511
NUMBERS = np.array([0, WHITE, FLUID, SCALP, MARROW])


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> LabelHeadSource:
    """A head of balls on a neck that the map's lowest section cuts, at 2 mm."""
    shape = (90, 104, 90)
    x, y, z = np.meshgrid(*(2.0 * (np.arange(n) - (n - 1) / 2) for n in shape), indexing="ij")
    radius = np.sqrt(x**2 + y**2 + (z - 14) ** 2)
    labels = np.zeros(shape, np.uint8)
    labels[(np.hypot(x, y) < 40) & (z < 0)] = 3
    for number, reach in ((3, 75), (4, 70), (2, 66), (1, 62)):
        labels[radius < reach] = number
    icv = radius < 66
    path = Path(tmp_path_factory.mktemp("child")) / "head.npz"
    np.savez(
        path,
        labels=labels,
        numbers=NUMBERS,
        spacing_mm=np.full(3, 2.0),
        icv=icv,
        skull_steps=np.zeros(shape, np.int8),
        depth_steps=np.zeros(shape, np.uint8),
    )
    return LabelHeadSource(path)


@pytest.fixture
def draw(source, monkeypatch):
    """Images of a head with the change that is asked for, and nothing else at random."""
    monkeypatch.setattr(head_generator, "WARP", head_generator.WARP.at_strength(0.0))
    monkeypatch.setattr(head_generator.AnatomyChange, "draw", lambda *ignored: None)
    monkeypatch.setattr(head_generator, "_publish", lambda image, icv, *ignored: (image, icv))
    monkeypatch.setattr(
        head_generator.augmentation, "random_intensity", lambda image, *ignored: image
    )

    def drawn(child: ChildHead | None) -> tuple[np.ndarray, np.ndarray]:
        monkeypatch.setattr(ChildHead, "draw", lambda generator: child)
        image, icv = source.draw(torch.Generator().manual_seed(3))
        return image[0].numpy(), icv[0].numpy()

    return drawn


def child(**changes) -> ChildHead:
    usual = {
        "scale": 1.0,
        "pitch_deg": 0.0,
        "marrow": 1.0,
        "scalp": 1.0,
        "fluid": 0.3,
        "has_neck": False,
    }
    return ChildHead(**{**usual, **changes})


def top_of(icv: np.ndarray) -> int:
    return int(np.flatnonzero((icv > 0.5).any((0, 1)))[-1])


@pytest.mark.parametrize("scale", [0.75, 0.9, 1.1])
def test_a_smaller_head_has_its_mask_to_scale_and_hangs_from_the_vertex(draw, scale):
    _, adult = draw(child())
    image, icv = draw(child(scale=scale))
    assert icv.sum() / adult.sum() == pytest.approx(scale**3, rel=0.01)
    row = np.flatnonzero((image > 0.1).any((0, 1)))[-1]
    assert 2.0 * (row - (COARSE_SHAPE[2] - 1) / 2) == pytest.approx(VERTEX_MM, abs=6)


def test_a_bent_head_keeps_its_volume_and_lowers_its_front(draw):
    _, upright = draw(child())
    _, bent = draw(child(pitch_deg=20.0))
    assert bent.sum() == pytest.approx(upright.sum(), rel=0.01)
    points = torch.zeros(3, 1, 1, 1)
    points[1] = 50.0
    assert child(pitch_deg=20.0).points_mm(points)[2] > 10


def test_a_neck_goes_on_to_the_end_of_the_image_without_mask(draw):
    image, _ = draw(child(scale=0.8))
    assert image[:, :, 2].max() < 0.1
    image, icv = draw(child(scale=0.8, has_neck=True))
    assert (image[:, :, 2] > 0.1).sum() > 300
    assert icv[:, :, :20].max() == 0


def test_fluid_has_its_share_of_white_matter_and_marrow_is_brighter():
    numbers, means = NUMBERS.tolist(), torch.tensor([0.01, 1.0, 0.2, 0.6, 0.9])
    changed = child(marrow=1.8, scalp=2.0, fluid=0.4).means(means, numbers)
    assert changed.tolist() == pytest.approx([0.01, 1.0, 0.4, 1.2, 1.62])


def test_a_quarter_of_the_heads_become_children_and_validation_has_none(source, monkeypatch):
    generator = torch.Generator().manual_seed(1)
    drawn = [ChildHead.draw(generator) for _ in range(400)]
    share = np.mean([one is not None for one in drawn])
    assert share == pytest.approx(child_heads.CHILD_CHANCE, abs=0.07)
    monkeypatch.setattr(ChildHead, "draw", lambda generator: pytest.fail("a child in validation"))
    source.draw(generator, mild=True)
