"""Checks of a rater's label map, before a network learns from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from HypothalamusSegLib import labels
from HypothalamusSegLib.geometry.masks import fill_holes, largest_component
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage

from .targets import SIDES, SIDES_AS_SUBUNITS, SUBUNITS, WHOLE, side_masks

# Limits of the checks. The first three are far beyond any two protocols.
FAR_FROM_PLACE_MM = 8.0
LEAST_OVERLAP = 0.3
LARGEST_SIDE_RATIO = 2.5
HOLES_SHARE, PIECES_SHARE = 0.01, 0.03
# A case's ratio to the parent's volume, against the median of all cases.
FAR_VOLUME_RATIO = 1.35


class UnknownValuesError(ValueError):
    """A label map whose values are neither sides nor subunits."""


@dataclass(frozen=True)
class LabelFinding:
    """A problem with a case.

    Attributes
    ----------
    case, code, message : str
    is_fatal : bool
        Whether nothing can be learned from this case.
    """

    case: str
    code: str
    message: str
    is_fatal: bool = True


def kind_of(values: Sequence[int], sides: tuple[int, int] | None = None) -> str:
    """What a label map's values say: the whole, the sides or the subunits.

    Parameters
    ----------
    values : sequence of int
        All but 0.
    sides : tuple of int or None
        Values of left and right, where the user has told them.

    Raises
    ------
    UnknownValuesError

    Examples
    --------
    >>> kind_of([1, 2]), kind_of([255]), kind_of([803, 808]), kind_of([801, 802, 806])
    ('sides', 'whole', 'sides', 'subunits')
    """
    found = set(values)
    if sides:
        if found <= set(sides):
            return SIDES
        raise UnknownValuesError(f"values {_listed(found)} beside those of --sides")
    if found <= {labels.LEFT, labels.RIGHT} and len(found) == 2:
        return SIDES
    if found <= set(SIDES_AS_SUBUNITS):
        return SIDES
    if found <= set(labels.SUBUNIT_LABELS):
        return SUBUNITS
    if len(found) == 1:
        return WHOLE
    raise UnknownValuesError(f"values {_listed(found)}")


def as_sides(label: VoxelImage, sides: tuple[int, int] | None) -> VoxelImage:
    """A label map of sides with 1 for left and 2 for right."""
    array = np.asarray(label.array)
    pairs = (sides, SIDES_AS_SUBUNITS, (labels.LEFT, labels.RIGHT))
    left, right = next(p for p in pairs if p and set(np.unique(array[array > 0])) <= set(p))
    drawn = np.zeros(array.shape, np.uint8)
    drawn[array == left], drawn[array == right] = labels.LEFT, labels.RIGHT
    return VoxelImage(drawn, label.affine)


def check_grid(case: str, label: VoxelImage, scan: Grid) -> list[LabelFinding]:
    """Whether the label lies on the scan; needs only both grids and the label."""
    drawn = np.argwhere(np.asarray(label.array) > 0)
    if not len(drawn):
        message = "the label map is empty. Save the case again, or leave it out."
        return [LabelFinding(case, "empty", message)]
    same_shape = label.grid.shape == scan.shape
    if same_shape and not np.allclose(label.affine, scan.affine, atol=0.01):
        message = (
            "the label map has the scan's number of voxels but another position or orientation. "
            "Its header was lost: export it again from the program in which it was drawn."
        )
        return [LabelFinding(case, "another_grid", message)]
    at = scan.indices_of(label.grid.points_at(drawn.astype(float)))
    inside = ((at > -0.5) & (at < np.array(scan.shape) - 0.5)).all(1)
    if inside.mean() < 0.99:
        message = (
            "the label lies outside the scan. It belongs to another scan, or its position was lost."
        )
        return [LabelFinding(case, "another_grid", message)]
    return []


def check_label(case: str, target: np.ndarray, answer: np.ndarray, grid: Grid, kind: str):
    """Compare what a label teaches with what the parent finds in the same scan.

    Parameters
    ----------
    case : str
    target : ndarray, shape (10, I, J, K)
        Of `targets.subunit_targets`.
    answer : ndarray, shape (10, I, J, K)
        Of the parent, 0–1.
    grid : Grid
        Of both.
    kind : {"whole", "sides", "subunits"}

    Returns
    -------
    list of LabelFinding
    """
    half = labels.SUBUNITS_PER_SIDE
    drawn = np.stack([target[:half].sum(0), target[half:].sum(0)])
    found = np.stack([answer[:half].sum(0), answer[half:].sum(0)])
    if drawn.sum() == 0 or _distance_mm(drawn.sum(0), found.sum(0), grid) > FAR_FROM_PLACE_MM:
        message = (
            "the label is not where the hypothalamus is, by more than "
            f"{FAR_FROM_PLACE_MM:.0f} mm. Check it on the scan. Is this the right scan?"
        )
        return [LabelFinding(case, "off_place", message)]
    volumes = drawn.sum((1, 2, 3)).clip(1e-6)
    ratio = float(volumes.max() / volumes.min())
    if ratio > LARGEST_SIDE_RATIO:
        side = labels.SIDES[int(np.argmin(volumes))]
        message = f"the {side} side is missing or far too small. Draw both sides."
        return [LabelFinding(case, "one_sided", message)]
    if kind != WHOLE:
        straight = float(np.minimum(drawn, found).sum())
        crossed = float(np.minimum(drawn, found[::-1]).sum())
        if crossed > straight:
            message = (
                "left and right are swapped. The left side (1, or 801–805) is the patient's "
                "left. Swap the values, or give them with --sides LEFT,RIGHT."
            )
            return [LabelFinding(case, "mirrored", message)]
    overlap = 2 * float(np.minimum(drawn.sum(0), found.sum(0)).sum())
    if overlap / float(drawn.sum() + found.sum()) < LEAST_OVERLAP:
        message = "the label hardly overlaps with the hypothalamus. Check it on the scan."
        return [LabelFinding(case, "off_place", message)]
    return []


def check_shape(case: str, label: VoxelImage, kind: str) -> list[LabelFinding]:
    """Holes, and pieces that lie apart, in the sides that were drawn; never fatal."""
    masks = side_masks(np.asarray(label.array), kind)
    if kind == SUBUNITS:
        half = labels.SUBUNITS_PER_SIDE
        masks = [np.any(masks[:half], axis=0), np.any(masks[half:], axis=0)]
    findings = []
    holes = sum(int(fill_holes(m).sum()) - int(m.sum()) for m in masks)
    count = sum(int(mask.sum()) for mask in masks)
    if holes > HOLES_SHARE * count:
        message = f"the label has holes ({holes} voxels). Fill them, unless they are intended."
        findings.append(LabelFinding(case, "holes", message, False))
    # Both sides of a whole label may or may not touch.
    pieces = [mask & ~largest_component(mask) for mask in masks]
    if kind == WHOLE:
        pieces = [piece & ~largest_component(piece) for piece in pieces]
    loose = sum(int(piece.sum()) for piece in pieces)
    if loose > PIECES_SHARE * count:
        message = (
            f"{loose} voxels are detached from the rest. Remove them, unless they are intended."
        )
        findings.append(LabelFinding(case, "pieces", message, False))
    return findings


def check_volumes(ratios: Mapping[str, float]) -> list[LabelFinding]:
    """Cases whose volume, over the parent's, is far from that of the others; never fatal.

    Parameters
    ----------
    ratios : mapping of str to float
        By case.
    """
    usual = float(np.median(list(ratios.values())))
    findings = []
    for case, ratio in ratios.items():
        if not 1 / FAR_VOLUME_RATIO < ratio / usual < FAR_VOLUME_RATIO:
            message = (
                f"its label is {100 * abs(ratio / usual - 1):.0f} % "
                f"{'larger' if ratio > usual else 'smaller'} than the other cases suggest. Was it "
                "drawn with the same protocol?"
            )
            findings.append(LabelFinding(case, "far_volume", message, False))
    return findings


def check_protocols(protocols: Mapping[str, str]) -> list[LabelFinding]:
    """Cases that were corrected from another protocol's outlines than most; never fatal.

    Parameters
    ----------
    protocols : mapping of str to str
        By case; empty where it is not known.
    """
    known = [name for name in protocols.values() if name]
    if not known:
        return []
    usual = max(sorted(set(known)), key=known.count)
    message = (
        "its label was corrected from outlines of the protocol “{own}”, others from “{usual}”. Is "
        "it drawn by your protocol throughout?"
    )
    return [
        LabelFinding(case, "other_protocol", message.format(own=own, usual=usual), False)
        for case, own in protocols.items()
        if own not in ("", usual)
    ]


def _distance_mm(first: np.ndarray, second: np.ndarray, grid: Grid) -> float:
    centres = []
    for weight in (first, second):
        axes = [np.arange(n) for n in weight.shape]
        sums = [weight.sum(tuple({0, 1, 2} - {axis})) @ axes[axis] for axis in range(3)]
        centres.append(grid.points_at(np.array(sums) / max(float(weight.sum()), 1e-6)))
    return float(np.linalg.norm(centres[0] - centres[1]))


def _listed(values: set[int]) -> str:
    shown = sorted(int(value) for value in values)
    return ", ".join(map(str, shown[:8])) + (" …" if len(shown) > 8 else "")
