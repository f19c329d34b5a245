"""A head of concentric balls, brain in fluid in bone, and its border as networks give it."""

from __future__ import annotations

import numpy as np
import torch
from HypothalamusSegLib.geometry.voxel_image import Grid
from HypothalamusSegLib.stages import intensity

SHAPE = (48, 52, 44)
GRID = Grid.axis_aligned(np.array([3.0, -11.0, 20.0]), SHAPE, 2.0)
FLUID, TISSUE, BONE = 50.0, 200.0, 10.0
SKULL_VOXELS, BRAIN_VOXELS, VENTRICLES_VOXELS = 18.0, 14.0, 6.0


def distance_voxels() -> np.ndarray:
    """From the grid's centre, in voxels of the coarse grid."""
    axes = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in SHAPE), indexing="ij")
    return np.sqrt(sum(a**2 for a in axes))


def ball(radius_voxels: float) -> np.ndarray:
    return distance_voxels() < radius_voxels


def soft_ball(radius_voxels: float) -> torch.Tensor:
    """A posterior that falls from 1 to 0 over two voxels."""
    return torch.from_numpy(0.5 + (radius_voxels - distance_voxels()) / 2).clamp(0, 1).float()


def ball_head() -> np.ndarray:
    """Brain in fluid in bone, with ventricles; a quarter of the fluid is darker (noise)."""
    image = np.full(SHAPE, BONE, np.float32)
    image[ball(SKULL_VOXELS)] = FLUID
    image[ball(BRAIN_VOXELS)] = TISSUE
    image[ball(VENTRICLES_VOXELS)] = FLUID
    darker = np.flatnonzero(image == FLUID)[::4]
    image.flat[darker] = FLUID / intensity.FLUID_OVER_QUANTILE
    return image


def ball_posterior() -> np.ndarray:
    """Of the inside of the skull, as the first network gives it."""
    return np.where(ball(SKULL_VOXELS), 0.97, 0.02).astype(np.float32)
