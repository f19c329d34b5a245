"""T1-like images of label heads with exact intracranial masks (after SynthSeg, Billot et al. 2023).

One warp of the label map, tissue means drawn around T1 values (or at random), texture, partial
volume from five positions in each voxel, then what publishers and scanners do: brains stripped,
faces cut off, fields of view that end early, ghosts, bias fields, noise.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from HypothalamusSegLib.geometry.head_box import COARSE_SHAPE, COARSE_SPACING_MM, head_grid
from HypothalamusSegLib.geometry.voxel_image import VoxelImage
from torch import Tensor
from torch.nn import functional

from . import augmentation
from .augmentation import chance, normal, uniform
from .child_heads import ChildHead
from .head_anatomy import FIRST_EXTRACRANIAL_LABEL, AnatomyChange, is_brain

WARP = augmentation.SpatialRange(
    rotation_sd=9.0, scale_sd=0.07, shift=10.0, elastic_sd=(0.3, 4.0), elastic_points=6
)
# Mean T1 intensity with white matter at 1, and its relative random range, by label (FreeSurfer
# below 500; see the data set's README for 500 and above).
CSF, WHITE, CORTEX = (0.24, 0.3), (1.0, 0.06), (0.68, 0.08)
T1_MEANS = {
    **dict.fromkeys((4, 5, 14, 15, 24, 43, 44, 72), CSF),
    **dict.fromkeys((2, 7, 41, 46), WHITE),
    **dict.fromkeys((3, 42, 17, 18, 26, 53, 54, 58, 136, 137, 163, 164), CORTEX),
    **dict.fromkeys((8, 47), (0.64, 0.08)),
    **dict.fromkeys((10, 49), (0.83, 0.06)),
    **dict.fromkeys((11, 12, 50, 51), (0.74, 0.06)),
    **dict.fromkeys((13, 52, 28, 60, 85), (0.88, 0.08)),
    16: (0.92, 0.06),
    **dict.fromkeys((25, 57, 30, 62), (0.5, 0.4)),
    507: (0.6, 0.35),
    511: (0.95, 0.35),
    514: (0.38, 0.45),
    515: (0.08, 0.7),
    516: (0.5, 0.25),
}
OTHER_MEAN = (0.5, 0.5)
MILD_STRENGTH = 0.4  # of noise, bias field and loss of resolution, in validation
# Labels drawn with one mean per tissue instead of per structure when contrast is random.
RANDOM_CONTRAST_CHANCE = 0.15
STRIP_CHANCE, DEFACE_CHANCE, CUT_CHANCE, GHOST_CHANCE = 0.25, 0.35, 0.35, 0.08
# Center and four corners of a cube: the mean of five is the partial volume of a voxel. An odd
# number, so that no voxel is half in and half out: with four, a mask of all above one half was 1 %
# too small.
PARTIAL_VOLUME_CORNERS = torch.tensor([[0, 0, 0], [1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
# Half the edge of that cube, in voxels, in a sharp image, and in one smoothed to this voxel size as
# the engine does (a Gaussian as wide as a voxel).
SHARP_REACH, SMOOTH_REACH = 0.25, 0.47
# What is true at 1 mm (`augmentation.random_intensity`'s own limits) is less on a coarser grid: its
# voxels average noise, and hardly show a resolution of 2 mm. Lengths in millimeters.
NOISE_AT_1_MM, COARSEST_MM = 0.05, 3.0


class LabelHeadSource:
    """A label head in memory, able to make any number of images.

    Parameters
    ----------
    path : Path
        ``heads/NAME.npz`` written by Training.prepare.
    """

    def __init__(self, path: Path) -> None:
        with np.load(path) as arrays:
            labels, self._numbers = arrays["labels"], arrays["numbers"]
            affine = np.diag([*arrays["spacing_mm"], 1.0])
            box = head_grid(VoxelImage((labels > 0).astype(np.float32), affine))
            self._centre = torch.tensor(box.centre_mm, dtype=torch.float32)
            self._spacing = torch.tensor(arrays["spacing_mm"], dtype=torch.float32)
            # One number holds everything about a voxel, so that one look-up is enough.
            coded = labels.astype(np.int32) | (arrays["icv"].astype(np.int32) << 7)
            coded |= (arrays["skull_steps"].astype(np.int32) + 128) << 8
            coded |= arrays["depth_steps"].astype(np.int32) << 16
            self._coded = torch.from_numpy(coded).contiguous()
            # Below a map that ends in the neck, its last section may be continued.
            self._ends_in_neck = not arrays["icv"][:, :, 0].any()

    def draw(
        self,
        generator: torch.Generator,
        mild: bool = False,
        spacing_mm: float = COARSE_SPACING_MM,
    ) -> tuple[Tensor, Tensor]:
        """Make one image of 192 × 224 × 208 mm.

        Parameters
        ----------
        generator : torch.Generator
        mild : bool
            T1 contrast, a small warp and no cuts, for validation.
        spacing_mm : float
            Voxel size; 2 mm is the coarse grid, 1 mm a common scan.

        Returns
        -------
        image, icv : Tensor, shape (1, 96, 112, 104) at 2 mm
            Non-negative intensities, and the intracranial share of each voxel.
        """
        strength = MILD_WARP if mild else WARP
        shape = tuple(round(n * COARSE_SPACING_MM / spacing_mm) for n in COARSE_SHAPE)
        points, _ = augmentation.warped_points(shape, spacing_mm, strength, generator)
        child = None if mild else ChildHead.draw(generator)
        means, deviations = self._tissue(generator, random=not mild)
        if child:
            points, means = child.points_mm(points), child.means(means, self._numbers.tolist())
        points = points + self._centre.view(3, 1, 1, 1)
        has_neck = child is not None and child.has_neck and self._ends_in_neck
        texture = _texture(shape, generator)
        change = None if mild else AnatomyChange.draw(self._numbers, shape, generator)
        image, icv, brain = torch.zeros(3, *shape)
        reach = SHARP_REACH if mild else uniform(SHARP_REACH, SMOOTH_REACH, generator)
        for offset in reach * PARTIAL_VOLUME_CORNERS:
            coded = self._look_up(points + spacing_mm * offset.view(3, 1, 1, 1), has_neck)
            label, inside = coded & 127, (coded >> 7) & 1
            if change:
                skull_steps, depth_steps = ((coded >> 8) & 255) - 128, coded >> 16
                label, inside = change.apply(label, inside, skull_steps, depth_steps)
            label = label.long()
            image += means[label] + deviations[label] * texture
            icv += inside
            brain += self._is_brain()[label]
        count = len(PARTIAL_VOLUME_CORNERS)
        image, icv, brain = (t[None] / count for t in (image.clamp_min(0), icv, brain))
        if not mild:
            image, icv = _publish(image, icv, brain, spacing_mm, generator)
        strength = MILD_STRENGTH if mild else uniform(0.0, 1.0, generator)
        noise, coarsest = NOISE_AT_1_MM / spacing_mm, max(1.0, min(2.0, COARSEST_MM / spacing_mm))
        return augmentation.random_intensity(image, generator, strength, noise, coarsest), icv

    def _look_up(self, points_mm: Tensor, has_neck: bool = False) -> Tensor:
        """What is known at points in millimeters from the first voxel; 0 outside.

        With a neck, the lowest section goes on below the map.
        """
        flat = torch.zeros(points_mm.shape[1:], dtype=torch.int32)
        inside = torch.ones(points_mm.shape[1:], dtype=torch.bool)
        for axis, size in enumerate(self._coded.shape):
            index = (points_mm[axis] / self._spacing[axis]).round().to(torch.int32)
            inside &= ((index >= 0) | (has_neck and axis == 2)) & (index < size)
            flat = flat * size + index.clamp(0, size - 1)
        return torch.where(inside, self._coded.view(-1)[flat.long()], 0)

    def _is_brain(self) -> Tensor:
        return torch.from_numpy(is_brain(self._numbers).astype(np.float32))

    def _tissue(self, generator: torch.Generator, random: bool) -> tuple[Tensor, Tensor]:
        """Mean and texture deviation of each label of this head."""
        drawn: dict[tuple[float, float], float] = {}
        means, deviations = [], []
        random_contrast = random and chance(RANDOM_CONTRAST_CHANCE, generator)
        for number in self._numbers.tolist():
            kind = T1_MEANS.get(number, OTHER_MEAN)
            # Left and right, and all parts of one tissue, share a mean; each part varies a little.
            if kind not in drawn or kind == OTHER_MEAN:
                mean, spread = kind
                drawn[kind] = mean * (1 + spread * uniform(-1, 1, generator))
                if random_contrast:
                    drawn[kind] = uniform(0.05, 1.0, generator)
            mean = drawn[kind] * (1 + normal(0.02, generator))
            extracranial = number >= FIRST_EXTRACRANIAL_LABEL
            share = uniform(0.1, 0.5, generator) if extracranial else uniform(0.01, 0.1, generator)
            if number == 0:
                mean, share = uniform(0.0, 0.03, generator), 0.3
            means.append(mean)
            deviations.append(share * mean)
        return torch.tensor(means), torch.tensor(deviations)


MILD_WARP = augmentation.SpatialRange(
    rotation_sd=5.0, scale_sd=0.03, shift=4.0, elastic_sd=(0.3, 1.0), elastic_points=6
)


def _texture(shape: tuple[int, int, int], generator: torch.Generator) -> Tensor:
    coarse = augmentation.smooth_field(shape, int(uniform(8, 20, generator)), generator)[0]
    fine = augmentation.smooth_field(shape, int(uniform(30, 60, generator)), generator)[0]
    grain = torch.randn(shape, generator=generator)
    return 0.6 * coarse + 0.8 * fine + 0.4 * grain


def _publish(
    image: Tensor, icv: Tensor, brain: Tensor, spacing_mm: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Strip, deface, cut and ghost an image; the mask follows where tissue is gone for good."""
    if chance(STRIP_CHANCE, generator):
        kept = _strip_mask(icv, brain, spacing_mm, generator)
        image, icv = image * kept, icv * kept
    elif chance(DEFACE_CHANCE, generator):
        image = image * _face_plane(icv, spacing_mm, generator)
    if chance(CUT_CHANCE, generator):
        kept = _field_of_view(icv, spacing_mm, generator)
        image, icv = image * kept, icv * kept
    if chance(GHOST_CHANCE, generator):
        from torchio import RandomGhosting  # Here, since its import takes 0.3 s.

        seed = int(torch.randint(2**31, (), generator=generator))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            image = RandomGhosting(num_ghosts=(2, 6), intensity=(0.1, 0.5))(image)
    return image, icv


def _strip_mask(
    icv: Tensor, brain: Tensor, spacing_mm: float, generator: torch.Generator
) -> Tensor:
    """What remains after brain extraction: the inner skull, or the brain with its sulci filled."""
    if chance(0.3, generator):
        return (icv > 0.5).float()
    reach = round(int(uniform(1, 4, generator)) * COARSE_SPACING_MM / spacing_mm)
    smooth = brain[None]
    for axis in range(3):
        width, padding = [1, 1, 1], [0, 0, 0]
        width[axis], padding[axis] = 2 * reach + 1, reach
        smooth = functional.avg_pool3d(smooth, width, stride=1, padding=padding)
    return (smooth[0] > uniform(0.2, 0.5, generator)).float()


def _positions_mm(shape: tuple[int, ...], spacing_mm: float) -> Tensor:
    axes = [(torch.arange(n) - (n - 1) / 2) * spacing_mm for n in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


def _face_plane(icv: Tensor, spacing_mm: float, generator: torch.Generator) -> Tensor:
    """1 behind a wavy plane in front of and below the brain, 0 where the face was."""
    down = uniform(0.3, 1.2, generator)
    normal_vector = functional.normalize(torch.tensor([normal(0.05, generator), 1.0, -down]), dim=0)
    height = torch.einsum("a,aijk->ijk", normal_vector, _positions_mm(icv.shape[1:], spacing_mm))
    brain_front = height[icv[0] > 0.5].max()
    wave = 2.0 * augmentation.smooth_field(tuple(icv.shape[1:]), 6, generator)[0]
    return (height + wave < brain_front + uniform(-2.0, 25.0, generator)).float()[None]


def _field_of_view(icv: Tensor, spacing_mm: float, generator: torch.Generator) -> Tensor:
    """1 inside a field of view that may end in the neck, in the brain or below the vertex."""
    height = _positions_mm(icv.shape[1:], spacing_mm)[2]
    inside = height[icv[0] > 0.5]
    low = inside.min() + uniform(-40.0, 25.0, generator)
    high = inside.max() + uniform(-8.0, 30.0, generator)
    return ((height > low) & (height < high)).float()[None]
