"""Masks: what is done here in a fraction of ITK's time is voxel for voxel what ITK does."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from HypothalamusSegLib.geometry.masks import dilate, fill_holes

SHAPES = [(20, 25, 30), (1, 6, 9), (5, 5, 5)]


def as_image(mask: np.ndarray) -> sitk.Image:
    return sitk.GetImageFromArray(mask.astype(np.uint8))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [0.0, 0.4, 0.7, 0.9, 0.99, 1.0])
def test_holes_are_those_that_itk_fills(shape, share):
    mask = np.random.default_rng(1).random(shape) < share
    expected = sitk.GetArrayFromImage(sitk.BinaryFillhole(as_image(mask)))
    assert (fill_holes(mask) == expected.astype(bool)).all()


def test_a_hollow_that_opens_to_the_edge_of_the_image_is_no_hole():
    mask = np.zeros((9, 9, 9), bool)
    mask[2:7, 2:7, 2:7] = True
    mask[4, 4, 4:] = False
    assert (fill_holes(mask) == mask).all()
    mask[4, 4, 6] = True
    assert fill_holes(mask)[4, 4, 4:7].all()


def test_corners_alone_let_nothing_out():
    mask = np.ones((5, 5, 5), bool)
    mask[2, 2, 2] = mask[1, 1, 1] = mask[0, 0, 0] = False
    filled = fill_holes(mask)
    assert filled[2, 2, 2]
    assert filled[1, 1, 1]
    assert not filled[0, 0, 0]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("voxels", [1, 3])
def test_a_mask_grows_as_itks_does(shape, voxels):
    mask = np.random.default_rng(2).random(shape) < 0.02
    grown = sitk.BinaryDilate(as_image(mask), [voxels] * 3, sitk.sitkBall)
    assert (dilate(mask, voxels) == sitk.GetArrayFromImage(grown).astype(bool)).all()
