"""The canonical frame, in which every hypothalamus has the same position, pose and size.

Networks are biased toward the mean of their training data: small structures are overestimated,
large ones underestimated. Scaling each hypothalamus to the mean size removes this bias. The frame
is a similarity transform. It is fitted to the centers of the ten subunits and to the volume found
in a first pass, and it is undone before anything is measured.

Examples
--------
>>> quarter_turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
>>> round(rotation_angle_deg(quarter_turn))
90
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import labels
from .voxel_image import Grid

# Limits of the scaling: half to twice the volume of the template.
SMALLEST_ZOOM, LARGEST_ZOOM = 0.8, 1.25
# Larger tilts against the template are treated as errors.
LARGEST_ROTATION_DEG = 40.0
# Added to the correlation of found and template centers, in units of the template's own. If
# subunits are missing, rotations that the others do not determine stay zero.
ROTATION_PRIOR = 0.005
# Lower posteriors are ignored when centers are measured.
LEAST_POSTERIOR = 0.1


@dataclass(frozen=True)
class Template:
    """Mean size and shape of the hypothalami that the networks were trained on.

    Attributes
    ----------
    volume_mm3 : float
        Both sides.
    shares : ndarray, shape (10,)
        Share of each subunit in the volume; the sum is 1.
    centres_mm : ndarray, shape (10, 3)
        RAS centers of mass of the subunits, relative to the center of mass of all.
    """

    volume_mm3: float
    shares: np.ndarray
    centres_mm: np.ndarray

    def as_json(self) -> dict:
        """Convert to numbers and lists for manifest.json."""
        return {
            "volume_mm3": round(float(self.volume_mm3), 2),
            "shares": np.round(self.shares, 5).tolist(),
            "centres_mm": np.round(self.centres_mm, 4).tolist(),
        }

    @staticmethod
    def from_json(fields: dict) -> Template:
        """Create a template from the output of `as_json`.

        Raises
        ------
        KeyError, ValueError
            If a field is missing or has another shape.
        """
        count = len(labels.SUBUNIT_LABELS)
        return Template(
            volume_mm3=float(fields["volume_mm3"]),
            shares=np.array(fields["shares"], float).reshape(count),
            centres_mm=np.array(fields["centres_mm"], float).reshape(count, 3),
        )


@dataclass(frozen=True)
class Moments:
    """Volumes and centers of mass of the ten subunits of one hypothalamus.

    Attributes
    ----------
    volumes_mm3 : ndarray, shape (10,)
    centres_mm : ndarray, shape (10, 3)
        RAS; empty subunits get the center of the whole.
    """

    volumes_mm3: np.ndarray
    centres_mm: np.ndarray

    @property
    def volume_mm3(self) -> float:
        return float(self.volumes_mm3.sum())

    @property
    def centre_mm(self) -> np.ndarray:
        return self.volumes_mm3 @ self.centres_mm / self.volumes_mm3.sum()


@dataclass(frozen=True)
class CanonicalFrame:
    """Similarity from template space to RAS world space: center + zoom · rotation · x.

    Attributes
    ----------
    centre_mm : ndarray, shape (3,)
        RAS position of the center of the hypothalamus.
    rotation : ndarray, shape (3, 3)
    zoom : float
        Ratio of world length to template length.
    """

    centre_mm: np.ndarray
    rotation: np.ndarray
    zoom: float

    @staticmethod
    def upright(centre_mm: np.ndarray) -> CanonicalFrame:
        """Create the frame at a position before size and pose are known."""
        return CanonicalFrame(np.asarray(centre_mm, float), np.eye(3), 1.0)

    def grid(self, shape: tuple[int, int, int], spacing_mm: float) -> Grid:
        """Create the world-space grid of a region with voxels of ``spacing_mm`` in the template."""
        affine = np.eye(4)
        affine[:3, :3] = self.zoom * spacing_mm * self.rotation
        affine[:3, 3] = self.centre_mm - affine[:3, :3] @ ((np.asarray(shape) - 1) / 2)
        return Grid(shape, affine)


def measure_moments(posterior: np.ndarray, grid: Grid) -> Moments | None:
    """Measure volumes and centers of the subunits; None if there is no hypothalamus.

    Parameters
    ----------
    posterior : ndarray, shape (10, I, J, K) or (11, I, J, K)
        Subunits, with or without a leading background channel.
    grid : Grid
    """
    subunits = posterior[-len(labels.SUBUNIT_LABELS) :]
    counted = subunits * (subunits.sum(0) > LEAST_POSTERIOR)
    mass = counted.sum((1, 2, 3), dtype=np.float64)
    if mass.sum() < 1:
        return None
    sums = [
        np.tensordot(counted.sum(others), np.arange(counted.shape[axis]), axes=([1], [0]))
        for axis, others in ((1, (2, 3)), (2, (1, 3)), (3, (1, 2)))
    ]
    middle = np.stack(sums, 1) / np.maximum(mass, 1e-9)[:, None]
    everything = np.stack(sums, 1).sum(0) / mass.sum()
    middle[mass < 1] = everything
    return Moments(mass * grid.voxel_volume_mm3, grid.points_at(middle))


def fit_frame(moments: Moments, template: Template) -> CanonicalFrame:
    """Fit the frame that aligns a hypothalamus with the template.

    Center and zoom come from the whole. The rotation is the least-squares fit of the subunit
    centers (Kabsch 1976), weighted by the shares of the template.
    """
    centre = moments.centre_mm
    weights = template.shares * (moments.volumes_mm3 > 0)
    found = moments.centres_mm - centre
    wanted = template.centres_mm
    correlation = (found * weights[:, None]).T @ wanted
    scale = float((weights[:, None] * wanted**2).sum())
    # SciPy's `align_vectors` has no pull toward the identity, which few subunits need.
    u, _, vt = np.linalg.svd(correlation + ROTATION_PRIOR * scale * np.eye(3))
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ flip @ vt
    if rotation_angle_deg(rotation) > LARGEST_ROTATION_DEG:
        rotation = np.eye(3)
    zoom = (moments.volume_mm3 / template.volume_mm3) ** (1 / 3)
    return CanonicalFrame(centre, rotation, float(np.clip(zoom, SMALLEST_ZOOM, LARGEST_ZOOM)))


def rotation_angle_deg(rotation: np.ndarray) -> float:
    """Compute the angle of a rotation matrix about its axis.

    By the trace, one line: scipy would be another library to load in every reader of NIfTI.
    """
    return float(np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))))


def mean_template(population: list[Moments], rounds: int = 5) -> Template:
    """Compute the symmetric mean of hypothalami (generalized Procrustes, Gower 1975).

    Parameters
    ----------
    population : list of Moments
        In RAS; the pose of the template is their mean pose.
    """
    logs = [np.log(m.volume_mm3) for m in population]
    shares = np.mean([m.volumes_mm3 / m.volume_mm3 for m in population], 0)
    mirrored = np.array(labels.MIRRORED_CHANNELS[1:]) - 1
    shares = (shares + shares[mirrored]) / 2
    volume = float(np.exp(np.mean(logs)))
    sizes = [(m.volume_mm3 / volume) ** (1 / 3) for m in population]
    shapes = [(m.centres_mm - m.centre_mm) / s for m, s in zip(population, sizes, strict=True)]
    centres = _make_symmetric(np.mean(shapes, 0), mirrored)
    for _ in range(rounds):
        template = Template(volume, shares, centres)
        frames = [fit_frame(m, template) for m in population]
        turned = [s @ f.rotation for s, f in zip(shapes, frames, strict=True)]
        centres = _make_symmetric(np.mean(turned, 0), mirrored)
    centres = centres - shares @ centres
    return Template(volume, shares, centres)


def _make_symmetric(centres_mm: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    return (centres_mm + centres_mm[mirrored] * [-1.0, 1.0, 1.0]) / 2
