"""Scores of one segmentation against its label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from HypothalamusSegLib import labels
from HypothalamusSegLib.geometry.masks import dice
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from HypothalamusSegLib.measures import label_grids
from HypothalamusSegLib.measures.segmentation import Segmentation
from HypothalamusSegLib.measures.volumes import StructureVolume
from HypothalamusSegLib.stages.fine import FineResult
from HypothalamusSegLib.units import MM3_PER_ML


@dataclass(frozen=True)
class HypothalamusScore:
    """Agreement with a labeled scan; Dice and distances are means of left and right."""

    subject: str
    dice: float
    subunit_dice: float
    hausdorff95_mm: float
    surface_distance_mm: float
    mask_volume_percent: float
    posterior_volume_percent: float
    swapped: bool
    volume_mm3: float
    label_volume_mm3: float
    stability: float | None
    fold_agreement: float
    confidence: float
    place_confidence: float
    structures: dict[str, dict[str, float | None]] = field(default_factory=dict)


def structure_volumes(
    measured: Sequence[StructureVolume], posteriors: np.ndarray, affine: np.ndarray
) -> dict[str, dict[str, float | None]]:
    """Volumes found and labeled of both sides, the total and the subunits, in mm³.

    Parameters
    ----------
    measured : sequence of StructureVolume
        Of the hypothalamus and its subunits, as the engine measures them.
    posteriors : ndarray, shape (10, I, J, K)
        The label.
    affine : ndarray, shape (4, 4)

    Returns
    -------
    dict
        By structure: ``found_mm3``, ``label_mm3`` and ``fold_sd_mm3`` (None for a single fold).
    """
    voxel_mm3 = Grid(posteriors.shape[1:], affine).voxel_volume_mm3
    subunits = posteriors.reshape(len(posteriors), -1).sum(1, dtype=np.float64) * voxel_mm3
    labelled = {
        labels.subunit_structure(label): float(volume)
        for label, volume in zip(labels.SUBUNIT_LABELS, subunits, strict=True)
    }
    labelled["hypothalamus_left"] = float(subunits[:5].sum())
    labelled["hypothalamus_right"] = float(subunits[5:].sum())
    labelled["hypothalamus_total"] = float(subunits.sum())
    return {
        volume.structure: {
            "found_mm3": volume.volume_mm3,
            "label_mm3": labelled[volume.structure],
            "fold_sd_mm3": volume.fold_sd_mm3,
        }
        for volume in measured
    }


def score_hypothalamus(
    subject: str,
    found: VoxelImage,
    found_subunits: VoxelImage,
    volume_mm3: float,
    posteriors: np.ndarray,
    affine: np.ndarray,
    stability: float | None,
    quality: tuple[float, float, float],
) -> HypothalamusScore:
    """Compare labels with a teacher's posteriors on the posteriors' own grid.

    The teacher's posteriors stay on their grid: moving them and then cutting at one half would
    shrink this thin structure by about 5 %.

    Parameters
    ----------
    found, found_subunits : VoxelImage
        Labels 1, 2 and 801–810 on the grid of ``posteriors``.
    volume_mm3 : float
        The posterior-weighted volume that the engine reports.
    posteriors : ndarray, shape (10, I, J, K)
    affine : ndarray, shape (4, 4)
    stability : float or None
        The teacher's agreement with itself.
    quality : tuple of float
        Fold agreement, confidence and place confidence, on which quality flags rest.
    """
    sides = np.stack([posteriors[:5].sum(0), posteriors[5:].sum(0)])
    with_background = np.concatenate([1 - sides.sum(0, keepdims=True), sides])
    wanted = with_background.argmax(0)
    background = 1 - posteriors.sum(0, keepdims=True)
    wanted_subunits = np.concatenate([background, posteriors]).argmax(0)
    voxel_mm3 = Grid(wanted.shape, affine).voxel_volume_mm3
    left, right = (found.array == n for n in (labels.LEFT, labels.RIGHT))
    crossed = dice(left, wanted == labels.RIGHT) + dice(right, wanted == labels.LEFT)
    side_dice = [dice(left, wanted == labels.LEFT), dice(right, wanted == labels.RIGHT)]
    subunit_dice = [
        dice(found_subunits.array == label, wanted_subunits == index)
        for index, label in enumerate(labels.SUBUNIT_LABELS, start=1)
    ]
    hausdorff, surface = _distances(found.array, wanted, np.linalg.norm(affine[:3, :3], axis=0))
    mask_mm3 = float((wanted > 0).sum()) * voxel_mm3
    label_mm3 = float(posteriors.sum()) * voxel_mm3
    return HypothalamusScore(
        subject=subject,
        dice=float(np.mean(side_dice)),
        subunit_dice=float(np.mean(subunit_dice)),
        hausdorff95_mm=hausdorff,
        surface_distance_mm=surface,
        mask_volume_percent=100 * (float((found.array > 0).sum()) * voxel_mm3 / mask_mm3 - 1),
        posterior_volume_percent=100 * (volume_mm3 / label_mm3 - 1),
        swapped=crossed > sum(side_dice),
        volume_mm3=volume_mm3,
        label_volume_mm3=label_mm3,
        stability=stability,
        fold_agreement=quality[0],
        confidence=quality[1],
        place_confidence=quality[2],
    )


def labels_on(fine: FineResult, grid: Grid) -> tuple[VoxelImage, VoxelImage]:
    """Side and subunit labels of a result on a label's grid."""
    return label_grids.side_and_subunit_labels(fine, grid)


def _distances(
    found: np.ndarray, wanted: np.ndarray, spacing_mm: np.ndarray
) -> tuple[float, float]:
    """HD95 and symmetric mean surface distance in mm, means of left and right.

    As MONAI defines both: infinite where one has no voxel of a side, NaN where neither has one.
    """
    sides = [
        _surface_distances_mm(found == side, wanted == side, spacing_mm)
        for side in (labels.LEFT, labels.RIGHT)
    ]
    with np.errstate(invalid="ignore"):  # between infinite distances
        hausdorff = [max(np.percentile(each, 95) for each in both) for both in sides]
    surface = [np.concatenate(both).mean() for both in sides]
    return float(np.mean(hausdorff)), float(np.mean(surface))


def _surface_distances_mm(
    one: np.ndarray, other: np.ndarray, spacing_mm: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """From each voxel on the surface of a mask to the nearest one of the other, both ways."""
    from scipy import ndimage, spatial

    box = ndimage.find_objects((one | other).astype(np.uint8))
    if not box:
        return np.array([np.nan]), np.array([np.nan])
    if not (one.any() and other.any()):
        return np.array([np.inf]), np.array([np.inf])
    inside = [mask[box[0]] for mask in (one, other)]
    first, second = (
        np.argwhere(mask & ~ndimage.binary_erosion(mask)) * spacing_mm for mask in inside
    )
    return spatial.KDTree(second).query(first)[0], spatial.KDTree(first).query(second)[0]


@dataclass(frozen=True)
class IcvScore:
    """Agreement with the mask of one image: rendered from a label head, or a scan.

    Attributes
    ----------
    image : str
    head : str
        The label head or the subject that the image is of; one head may have several images.
    dice, volume_percent : float
    volume_ml, label_ml : float
        Measured, and of the mask.
    fold_sd_ml : float or None
        Standard deviation between the networks; None with one network.
    """

    image: str
    head: str
    dice: float
    volume_percent: float
    volume_ml: float
    label_ml: float
    fold_sd_ml: float | None = None


def score_icv(image: str, head: str, result: Segmentation, mask: np.ndarray) -> IcvScore:
    """Compare an ICV mask with the true one on the same grid."""
    found = result.icv.array > 0
    measured = next(v for v in result.volumes if v.structure == "icv")
    reported, spread = measured.volume_mm3, measured.fold_sd_mm3
    true_mm3 = float(mask.sum()) * result.icv.voxel_volume_mm3
    return IcvScore(
        image=image,
        head=head,
        dice=dice(found, mask > 0),
        volume_percent=100 * (reported / true_mm3 - 1),
        volume_ml=reported / MM3_PER_ML,
        label_ml=true_mm3 / MM3_PER_ML,
        fold_sd_ml=None if spread is None else spread / MM3_PER_ML,
    )
