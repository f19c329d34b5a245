"""One canonical frame for all visits, so that the networks see them in the same way.

Examples
--------
>>> first, second = own_zooms(1.0, [880.0, 800.0])
>>> round((first / second) ** 3, 3)
1.1
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..geometry.canonical_frame import LARGEST_ZOOM, SMALLEST_ZOOM, CanonicalFrame


def pose_of(frame: CanonicalFrame) -> np.ndarray:
    """Rigid transform, shape (4, 4), from the pose of the template to the world of the scan."""
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = frame.rotation, frame.centre_mm
    return pose


def common_zoom(frames: Sequence[CanonicalFrame]) -> float:
    """Compute the geometric mean of the zooms that the visits had on their own."""
    return float(np.exp(np.mean([np.log(frame.zoom) for frame in frames])))


def frame_in(from_midspace: np.ndarray, zoom: float) -> CanonicalFrame:
    """Place the common frame in the world of one visit."""
    return CanonicalFrame(from_midspace[:3, 3], from_midspace[:3, :3], zoom)


def own_zooms(zoom: float, volumes_mm3: Sequence[float]) -> list[float]:
    """Zoom of each visit from the common zoom and what the visits measured with it.

    Their geometric mean stays the common zoom, so that the sizes of the visits and not their mean
    decide about the change. If a visit shows no hypothalamus, all keep the common zoom.
    """
    lengths = np.cbrt(np.asarray(volumes_mm3, float))
    if not (lengths > 0).all():
        return [zoom] * len(lengths)
    lengths = lengths / np.exp(np.log(lengths).mean())
    return [float(np.clip(zoom * ratio, SMALLEST_ZOOM, LARGEST_ZOOM)) for ratio in lengths]
