"""What a network makes of a change that was planted into a case, and of its head turned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from HypothalamusSegLib.geometry.canonical_frame import Template
from HypothalamusSegLib.geometry.voxel_image import VoxelImage
from HypothalamusSegLib.reading import read_scan
from HypothalamusSegLib.stages.fine import segment_region
from HypothalamusSegLib.stages.orientation import turn
from torch import nn

from ..perturbations import rotate
from ..planted_scans import PlantingGround
from ..regions import posterior_grid
from .cases import Case

PLANTED_CHANGE = -0.1
# As people lie in scanners, and so that no voxel stays where it was.
TURN_DEGREES = (8.0, -4.0, 3.0)


@dataclass(frozen=True)
class Probe:
    """One case, one network.

    Attributes
    ----------
    share : float
        Of a planted change of the rater's hypothalamus, what was measured; 1 is right.
    turn_error : float
        Absolute logarithm of the ratio of the volumes of the turned scan and of the scan.
    """

    share: float
    turn_error: float


def probe_case(
    case: Case,
    networks: Sequence[nn.Module],
    frame_network: nn.Module,
    template: Template | None,
) -> list[Probe]:
    """Measure the case, its hypothalamus made a tenth smaller, and its head turned.

    Parameters
    ----------
    case : Case
    networks : sequence of Module
        Each alone.
    frame_network : Module
        Finds the frame, anew in each image.
    template : Template or None
    """
    volume = read_scan(case.file.scan).volume
    upright = volume if case.look.turned is None else turn(volume, case.look.turned)
    affine = posterior_grid(case.look.frame.centre_mm).affine
    planted = PlantingGround(upright, case.target, affine).atrophy(PLANTED_CHANGE)
    images = (upright, planted.volume, rotate(*TURN_DEGREES)(upright))
    probes = []
    for network in networks:
        first, smaller, turned = (
            math.log(_volume_mm3(image, case, network, frame_network, template)) for image in images
        )
        share = (smaller - first) / math.log(planted.total_ratio)
        probes.append(Probe(share, abs(turned - first)))
    return probes


def _volume_mm3(
    image: VoxelImage,
    case: Case,
    network: nn.Module,
    frame_network: nn.Module,
    template: Template | None,
) -> float:
    shape = case.look.regions.shape[1:]
    fine = segment_region(
        image, case.look.place_mm, [network], template, shape, "cpu", frame_network=frame_network
    )
    return max(1.0, float(fine.posterior[1:].sum(dtype=np.float64)) * fine.grid.voxel_volume_mm3)
