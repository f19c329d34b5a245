"""The correction of the intracranial border: what the networks see, and what they may change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from HypothalamusSegLib import icv_border, intensity
from HypothalamusSegLib.components import dice
from HypothalamusSegLib.networks import ResidualUNet
from HypothalamusSegLib.pipeline import Options, Segmenter
from HypothalamusSegLib.reading import Scan
from HypothalamusSegLib.volume import Grid, Volume

from Training import prepare
from Training.head_generator import LabelHeadSource

SHAPE = (48, 52, 44)
FLUID, TISSUE, BONE = 50.0, 200.0, 10.0
SKULL_VOXELS, BRAIN_VOXELS = 18.0, 14.0


def ball(radius: float) -> np.ndarray:
    axes = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in SHAPE), indexing="ij")
    return np.sqrt(sum(a**2 for a in axes)) < radius


@pytest.fixture(scope="module")
def head() -> np.ndarray:
    """Brain in fluid in bone, with ventricles; a quarter of the fluid is darker (noise)."""
    image = np.full(SHAPE, BONE, np.float32)
    image[ball(SKULL_VOXELS)] = FLUID
    image[ball(BRAIN_VOXELS)] = TISSUE
    image[ball(6.0)] = FLUID
    darker = np.flatnonzero(image == FLUID)[::4]
    image.flat[darker] = FLUID / intensity.FLUID_OVER_QUANTILE
    return image


@pytest.fixture(scope="module")
def posterior() -> np.ndarray:
    return np.where(ball(SKULL_VOXELS), 0.97, 0.02).astype(np.float32)


def network(seed: int = 0) -> ResidualUNet:
    torch.manual_seed(seed)
    plan = {"in_channels": 4, "out_channels": 1, "widths": [8, 16], "norm": "voxel"}
    return ResidualUNet(**plan).eval()


def channels_of(head: np.ndarray, posterior: np.ndarray) -> np.ndarray:
    image, first = (torch.from_numpy(a)[None, None] for a in (head, posterior))
    return icv_border.border_channels(image, icv_border.first_logit(first))[0].numpy()


def test_fluid_is_zero_and_tissue_is_one_in_every_scan(head, posterior):
    below, above, logarithm = channels_of(head, posterior)[1:]
    assert below[head == FLUID] == pytest.approx(0.0, abs=1e-4)
    assert below[head == BONE] == pytest.approx(2 * BONE / FLUID - 2, abs=1e-4)
    assert above[head == FLUID] == pytest.approx(0.0, abs=1e-4)
    assert above[head == TISSUE] == pytest.approx(1.0, abs=1e-4)
    assert logarithm[head == BONE] == pytest.approx(np.log(BONE / FLUID), abs=1e-4)


@pytest.mark.parametrize("ventricle_radius", [4.0, 6.0, 8.0])
def test_fluid_is_found_in_narrow_and_in_wide_ventricles(posterior, ventricle_radius):
    image = np.full(SHAPE, BONE, np.float32)
    image[ball(SKULL_VOXELS)] = TISSUE
    image[ball(ventricle_radius)] = FLUID
    tensors = (torch.from_numpy(a)[None, None] for a in (image, posterior - 0.5))
    fluid, tissue = intensity.fluid_and_tissue(*tensors)
    assert float(fluid) == pytest.approx(intensity.FLUID_OVER_QUANTILE * FLUID)
    assert float(tissue) == TISSUE


@pytest.mark.parametrize("mask_shift_voxels", [-2, 0, 2])
def test_levels_hardly_depend_on_where_the_first_mask_ends(head, mask_shift_voxels):
    mask = np.where(ball(SKULL_VOXELS + mask_shift_voxels), 5.0, -5.0).astype(np.float32)
    tensors = (torch.from_numpy(a)[None, None] for a in (head, mask))
    fluid, tissue = intensity.fluid_and_tissue(*tensors)
    assert (float(fluid), float(tissue)) == pytest.approx((FLUID, TISSUE))


@pytest.mark.parametrize("factor", [0.01, 37.0])
def test_the_scanners_unit_changes_nothing(head, posterior, factor):
    scaled = channels_of((factor * head).astype(np.float32), posterior)
    assert scaled == pytest.approx(channels_of(head, posterior), abs=1e-3)


@pytest.mark.parametrize("image", [np.zeros(SHAPE), np.full(SHAPE, 7.0), -np.ones(SHAPE)])
def test_an_image_without_contrast_gives_finite_channels(image, posterior):
    assert np.isfinite(channels_of(image.astype(np.float32), posterior)).all()
    nothing = np.zeros(SHAPE, np.float32)
    assert np.isfinite(channels_of(image.astype(np.float32), nothing)).all()


@pytest.mark.parametrize("power", [0.75, 1.0, 1.4])
def test_fluid_is_bent_to_its_usual_share_whatever_the_scanners_curve(head, posterior, power):
    image, first = (torch.from_numpy(a)[None, None] for a in (head**power, posterior - 0.5))
    bent = intensity.with_usual_fluid(image, first)[0, 0].numpy()
    share = bent[head == FLUID].mean() / bent[head == TISSUE].mean()
    # How far the noise lies below the fluid is bent, too.
    assert share == pytest.approx(intensity.USUAL_FLUID_SHARE, rel=0.06)
    assert bent[head == TISSUE] == pytest.approx(TISSUE**power, rel=1e-3)


def test_a_head_with_hardly_any_mask_is_not_bent(head):
    image = torch.from_numpy(head)[None, None]
    nothing = torch.full_like(image, -5.0)
    assert torch.allclose(intensity.with_usual_fluid(image, nothing), image, rtol=1e-5)


def test_a_part_of_an_image_gets_the_answer_of_the_whole():
    image = torch.randn(1, 4, *SHAPE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        whole, part = network()(image), network()(image[:, :, 4:44, 4:48, 4:40])
    # Two levels of two convolutions each reach 14 voxels; beyond that the part ends.
    reach = 14
    inner = np.s_[:, :, reach:-reach, reach:-reach, reach:-reach]
    outer = np.s_[:, :, 4 + reach : 44 - reach, 4 + reach : 48 - reach, 4 + reach : 40 - reach]
    assert part[inner].numel() > 500
    assert torch.allclose(part[inner], whole[outer], atol=1e-5)


def test_only_the_surroundings_of_the_first_mask_are_changed(head, posterior):
    refined = icv_border.refine([network(0), network(1)], head, np.stack([posterior] * 2), "cpu")
    assert refined.shape == (2, *SHAPE)
    assert refined.dtype == np.float32
    assert np.isfinite(refined).all()
    far = ~ball(SKULL_VOXELS + 2 + np.sqrt(3) * (icv_border.MARGIN_VOXELS + 2))
    corner = np.zeros(SHAPE, bool)
    corner[:2, :2, :2] = True
    assert (refined[:, corner & far] == posterior[corner & far]).all()
    assert not np.allclose(refined[0], posterior)
    assert not np.allclose(refined[0], refined[1])


def test_nothing_found_stays_nothing(head):
    nothing = np.zeros((1, *SHAPE), np.float32)
    assert (icv_border.refine([network()], head, nothing, "cpu") == nothing).all()


@pytest.fixture(scope="module")
def prepared_heads(shared_data, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("heads")
    for name in ("head09", "head12"):
        for kind in ("dseg", "icv_mask"):
            file = f"{name}_{kind}.nii.gz"
            (folder / file).symlink_to(shared_data / "heads" / file)
    assert prepare.main(["--heads", str(folder), "--output", str(folder / "prepared")]) == 0
    return folder / "prepared" / "heads"


def rendered(prepared_heads: Path, name: str, seed: int, power: float) -> tuple[Scan, np.ndarray]:
    """An image of a label head, its contrast raised to a power, and its exact mask."""
    generator = torch.Generator().manual_seed(seed)
    source = LabelHeadSource(prepared_heads / f"{name}.npz")
    image, icv = source.draw(generator, mild=True, spacing_mm=1.0)
    grid = Grid.axis_aligned(np.zeros(3), tuple(image.shape[1:]), 1.0)
    volume = Volume((image[0].clamp_min(0) ** power).numpy(), grid.affine)
    return Scan(volume, name, Path(name), "", ()), icv[0].numpy() > 0.5


@pytest.mark.slow
def test_unusually_dark_fluid_is_kept_inside(prepared_heads, monkeypatch):
    # Fluid is an eighth as bright as white matter in this test head.
    scan, mask = rendered(prepared_heads, "head12", seed=3, power=1.3)
    segmenter = Segmenter(Options(structures=("icv",), device="cpu"))
    corrected = segmenter.segment(scan).icv.array > 0
    # The same networks without what makes them follow the scan's own fluid.
    monkeypatch.setattr(intensity, "with_usual_fluid", lambda head, logit: head)
    monkeypatch.delitem(segmenter.networks, "icv_border")
    plain = segmenter.segment(scan).icv.array > 0
    assert plain.sum() < 0.96 * mask.sum()
    assert corrected.sum() == pytest.approx(mask.sum(), rel=0.03)
    assert dice(corrected, mask) > dice(plain, mask) + 0.01


@pytest.mark.slow
def test_icv_is_right_where_ventricles_are_small(prepared_heads, monkeypatch):
    # Fold 3 has not seen this head, of whose inner mask a thirtieth is pure fluid.
    scan, mask = rendered(prepared_heads, "head09", seed=99, power=1.0)
    segmenter = Segmenter(Options(structures=("icv",), device="cpu", folds=(3,)))
    found = segmenter.segment(scan).icv.array > 0
    assert found.sum() == pytest.approx(mask.sum(), rel=0.02)
    # At the twentieth voxel from below, brain is taken for fluid.
    monkeypatch.setattr(intensity, "FLUID_QUANTILE", 0.05)
    monkeypatch.setattr(intensity, "FLUID_OVER_QUANTILE", 1.0)
    with_brain = segmenter.segment(scan).icv.array > 0
    assert with_brain.sum() < 0.975 * mask.sum()
