"""The frame in which every hypothalamus has the same place, pose and size.

A network pulls what it measures towards the mean of what it was trained on: a small structure is
reported as larger, a large one as smaller. Shown at the mean size, nothing is left to pull. The
frame is a similarity transform. It is fitted to the centres of the ten subunits and to the volume
that a first look finds, and undone before anything is measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import labels
from .voxel_image import Grid

# Lengths may be scaled by this much: volumes of half to twice the template's.
SMALLEST_ZOOM, LARGEST_ZOOM = 0.8, 1.25
# A head may be tilted by this much against the template before its pose is taken for an error.
LARGEST_ROTATION_DEG = 40.0
# Added to the correlation of found and template centres, in units of the template's own: where
# subunits are missing, a rotation that they do not determine stays zero.
ROTATION_PRIOR = 0.005
# Posterior below this is not counted as hypothalamus when centres are measured.
LEAST_POSTERIOR = 0.1


@dataclass(frozen=True)
class Template:
    """Mean size and shape of the hypothalami that the networks were trained on.

    Attributes
    ----------
    volume_mm3 : float
        Both sides.
    shares : ndarray, shape (10,)
        Of each subunit in the volume; they add up to 1.
    centres_mm : ndarray, shape (10, 3)
        Centres of mass of the subunits along RAS, from the centre of mass of all.
    """

    volume_mm3: float
    shares: np.ndarray
    centres_mm: np.ndarray

    def as_json(self) -> dict:
        """The template as numbers and lists, as manifest.json holds it."""
        return {
            "volume_mm3": round(float(self.volume_mm3), 2),
            "shares": np.round(self.shares, 5).tolist(),
            "centres_mm": np.round(self.centres_mm, 4).tolist(),
        }

    @staticmethod
    def from_json(fields: dict) -> Template:
        """Read what `as_json` wrote.

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
    """Volumes and centres of mass of the ten subunits of one hypothalamus.

    Attributes
    ----------
    volumes_mm3 : ndarray, shape (10,)
    centres_mm : ndarray, shape (10, 3)
        RAS; the centre of all where a subunit is empty.
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
    """A similarity from the template's space to RAS world space: centre + zoom · rotation · x.

    Attributes
    ----------
    centre_mm : ndarray, shape (3,)
        RAS position of the hypothalamus' centre.
    rotation : ndarray, shape (3, 3)
    zoom : float
        World length over template length.
    """

    centre_mm: np.ndarray
    rotation: np.ndarray
    zoom: float

    @staticmethod
    def upright(centre_mm: np.ndarray) -> CanonicalFrame:
        """The frame at a place before anything is known of size and pose."""
        return CanonicalFrame(np.asarray(centre_mm, float), np.eye(3), 1.0)

    def grid(self, shape: tuple[int, int, int], spacing_mm: float) -> Grid:
        """World-space grid of a region whose voxels measure ``spacing_mm`` in the template."""
        affine = np.eye(4)
        affine[:3, :3] = self.zoom * spacing_mm * self.rotation
        affine[:3, 3] = self.centre_mm - affine[:3, :3] @ ((np.asarray(shape) - 1) / 2)
        return Grid(shape, affine)


def measure_moments(posterior: np.ndarray, grid: Grid) -> Moments | None:
    """Volumes and centres of the subunits in a posterior; None where there is no hypothalamus.

    Parameters
    ----------
    posterior : ndarray, shape (10, I, J, K) or (11, I, J, K)
        Subunits, with or without the background before them.
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
    """The frame that lays a hypothalamus on the template.

    Centre and zoom are those of the whole; the rotation is the least-squares one between the
    centres of the subunits (Kabsch 1976), weighted by the template's shares.
    """
    centre = moments.centre_mm
    weights = template.shares * (moments.volumes_mm3 > 0)
    found = moments.centres_mm - centre
    wanted = template.centres_mm
    correlation = (found * weights[:, None]).T @ wanted
    scale = float((weights[:, None] * wanted**2).sum())
    u, _, vt = np.linalg.svd(correlation + ROTATION_PRIOR * scale * np.eye(3))
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ flip @ vt
    if rotation_angle_deg(rotation) > LARGEST_ROTATION_DEG:
        rotation = np.eye(3)
    zoom = (moments.volume_mm3 / template.volume_mm3) ** (1 / 3)
    return CanonicalFrame(centre, rotation, float(np.clip(zoom, SMALLEST_ZOOM, LARGEST_ZOOM)))


def rotation_angle_deg(rotation: np.ndarray) -> float:
    """Angle of a rotation matrix about its axis."""
    return float(np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))))


def mean_template(population: list[Moments], rounds: int = 5) -> Template:
    """Mean size and shape of some hypothalami, symmetric (generalised Procrustes, Gower 1975).

    Parameters
    ----------
    population : list of Moments
        In RAS; the template's pose is their mean pose.
    """
    logs = [np.log(m.volume_mm3) for m in population]
    shares = np.mean([m.volumes_mm3 / m.volume_mm3 for m in population], 0)
    mirrored = np.array(labels.MIRRORED_CHANNELS[1:]) - 1
    shares = (shares + shares[mirrored]) / 2
    volume = float(np.exp(np.mean(logs)))
    sizes = [(m.volume_mm3 / volume) ** (1 / 3) for m in population]
    shapes = [(m.centres_mm - m.centre_mm) / s for m, s in zip(population, sizes, strict=True)]
    centres = _symmetric(np.mean(shapes, 0), mirrored)
    for _ in range(rounds):
        template = Template(volume, shares, centres)
        frames = [fit_frame(m, template) for m in population]
        turned = [s @ f.rotation for s, f in zip(shapes, frames, strict=True)]
        centres = _symmetric(np.mean(turned, 0), mirrored)
    centres = centres - shares @ centres
    return Template(volume, shares, centres)


def _symmetric(centres_mm: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    return (centres_mm + centres_mm[mirrored] * [-1.0, 1.0, 1.0]) / 2
