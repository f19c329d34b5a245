"""Volume changes with a known truth, planted by smooth deformations.

Used twice: as augmentation (what a network must learn is how a volume changes, and natural
differences between labels teach it only in part), and to measure how much of a change the engine
reads (planted_scans.py).

A change is a displacement u = grad φ whose divergence is given: constant in the structure, and
taken up by fluid nearby or by all that surrounds it. φ solves Poisson's equation, here by FFT on a
periodic box much larger than the structure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from HypothalamusSegLib import labels
from scipy import fft, ndimage

# Smooths the divergence, so that displacements have no kinks at the label's border.
SMOOTHING_MM = 0.7
# Fluid is darker than this share of white matter; changes are taken up within this reach.
FLUID_SHARE, REACH_MM = 0.45, 14.0
FLUID_DECAY_MM, SURROUNDINGS_DECAY_MM = 5.0, 6.0
# White matter is the brightest tissue of T1: this quantile of the voxels near the structure.
WHITE_MATTER_QUANTILE, WHITE_MATTER_REACH_MM = 0.9, 20.0
COMPENSATIONS = ("fluid", "surroundings")


class FoldedError(ValueError):
    """A change so large that its deformation would fold the image."""


def displacement(
    divergence: np.ndarray, spacing_mm: float, smoothing_mm: float = SMOOTHING_MM
) -> np.ndarray:
    """The irrotational displacement with a given divergence, smoothed by a Gaussian.

    Parameters
    ----------
    divergence : ndarray, shape (I, J, K)
        Relative volume change per voxel; its mean is taken off.
    spacing_mm : float
        Isotropic.
    smoothing_mm : float
        Standard deviation.

    Returns
    -------
    ndarray of float32, shape (3, I, J, K)
        In millimeters along i, j, k.
    """
    spectrum = fft.rfftn(divergence - divergence.mean())
    waves = [2 * np.pi * fft.fftfreq(n, spacing_mm) for n in divergence.shape[:2]]
    waves.append(2 * np.pi * fft.rfftfreq(divergence.shape[2], spacing_mm))
    k = np.meshgrid(*waves, indexing="ij", sparse=True)
    squared = k[0] ** 2 + k[1] ** 2 + k[2] ** 2
    squared[0, 0, 0] = 1.0
    potential = -spectrum / squared * np.exp(-squared * smoothing_mm**2 / 2)
    parts = [fft.irfftn(1j * axis * potential, divergence.shape) for axis in k]
    return np.stack(parts).astype(np.float32)


def compensation_weights(
    side: np.ndarray, hypothalamus: np.ndarray, image: np.ndarray, spacing_mm: float
) -> dict[str, np.ndarray]:
    """Where the surroundings of one side take up its change; each map adds up to 1.

    Parameters
    ----------
    side, hypothalamus : ndarray, shape (I, J, K)
        Posterior of one side and of both, 0–1.
    image : ndarray, shape (I, J, K)
        T1 intensities.

    Returns
    -------
    dict
        By name of `COMPENSATIONS`. Where there is no fluid, "fluid" is "surroundings".
    """
    outside = np.clip(1 - hypothalamus, 0, 1) * (hypothalamus < 0.5)
    distance_mm = ndimage.distance_transform_edt(side < 0.5) * spacing_mm
    near = distance_mm < REACH_MM
    tissue = image[distance_mm < WHITE_MATTER_REACH_MM]
    white = np.quantile(tissue[tissue > 0], WHITE_MATTER_QUANTILE) if (tissue > 0).any() else 0.0
    around = outside * near * np.exp(-distance_mm / SURROUNDINGS_DECAY_MM)
    fluid = outside * near * (image < FLUID_SHARE * white) * np.exp(-distance_mm / FLUID_DECAY_MM)
    if fluid.sum() * spacing_mm**3 < 1:
        fluid = around
    return {"fluid": fluid / fluid.sum(), "surroundings": around / around.sum()}


def unit_displacements(
    subunits: np.ndarray, image: np.ndarray, spacing_mm: float, compensations: Sequence[str]
) -> np.ndarray:
    """Displacements with a divergence of 1 in one subunit each.

    Poisson's equation is linear: any mixture of changes is the same mixture of these.

    Parameters
    ----------
    subunits : ndarray, shape (10, I, J, K)
        Posteriors.
    image : ndarray, shape (I, J, K)
    spacing_mm : float
    compensations : sequence of str
        Any of `COMPENSATIONS`.

    Returns
    -------
    ndarray of float32, shape (len(compensations), 10, 3, I, J, K)
    """
    hypothalamus = subunits.sum(0)
    half = labels.SUBUNITS_PER_SIDE
    fields = np.zeros((len(compensations), 2 * half, 3, *image.shape), np.float32)
    for side in (slice(0, half), slice(half, 2 * half)):
        weights = compensation_weights(subunits[side].sum(0), hypothalamus, image, spacing_mm)
        around = [displacement(weights[name], spacing_mm) for name in compensations]
        for index in range(side.start, side.stop):
            grown, volume = displacement(subunits[index], spacing_mm), subunits[index].sum()
            for row, taken_up in enumerate(around):
                fields[row, index] = grown - volume * taken_up
    return fields


def jacobian_determinant(displacement_mm: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Volume ratio at each voxel of x → x + u(x); (3, I, J, K) → (I, J, K)."""
    rows = [np.gradient(component, spacing_mm) for component in displacement_mm]
    for axis, row in enumerate(rows):
        row[axis][...] += 1
    (a, b, c), (d, e, f), (g, h, i) = rows
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


def volume_after(weight: np.ndarray, displacement_mm: np.ndarray, spacing_mm: float) -> float:
    """Volume in mm³ of a structure after x → x + u(x): the Jacobian's integral over it.

    Parameters
    ----------
    weight : ndarray, shape (I, J, K)
        The structure before the change, 0–1.
    displacement_mm : ndarray, shape (3, I, J, K)
    """
    boxes = ndimage.find_objects((weight != 0).astype(np.uint8))
    # With the neighbors that differences are taken from.
    box = tuple(slice(max(0, side.start - 1), side.stop + 1) for side in boxes[0]) if boxes else ()
    ratio = jacobian_determinant(displacement_mm[(slice(None), *box)], spacing_mm)
    return float((weight[box] * ratio).sum() * spacing_mm**3)


def scale_to(
    displacement_mm: np.ndarray, weight: np.ndarray, spacing_mm: float, relative_change: float
) -> np.ndarray:
    """A displacement times the factor that changes a structure's volume by a given share.

    Raises
    ------
    FoldedError
        If the displacement folds space before it reaches the change.
    """
    before = float(weight.sum() * spacing_mm**3)
    factor = relative_change
    for _ in range(8):
        reached = volume_after(weight, factor * displacement_mm, spacing_mm) / before - 1
        factor *= relative_change / reached
        if abs(reached / relative_change - 1) < 1e-4:
            break
    scaled = factor * displacement_mm
    if jacobian_determinant(scaled, spacing_mm).min() <= 0:
        raise FoldedError(f"A change of {100 * relative_change:.0f} % would fold the image.")
    return scaled
