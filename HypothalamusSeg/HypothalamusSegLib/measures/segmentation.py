"""The complete result for one scan.

Examples
--------
>>> from dataclasses import fields
>>> [field.name for field in fields(Segmentation)][:4]
['scan', 'hypothalamus', 'subunits', 'icv']
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..geometry.voxel_image import VoxelImage
from ..reading import Scan
from .protocol import PUBLISHED, Protocol
from .quality import Quality
from .volumes import StructureVolume


@dataclass(frozen=True)
class Segmentation:
    """Label maps, volumes, quality and provenance of one scan."""

    scan: Scan
    hypothalamus: VoxelImage | None
    subunits: VoxelImage | None
    icv: VoxelImage | None
    volumes: tuple[StructureVolume, ...]
    quality: Quality
    provenance: dict
    stage_seconds: dict[str, float] = field(default_factory=dict)
    # With `Options.dicom`: sides, subunits and ICV on the grid of the scan.
    on_scan_grid: tuple[VoxelImage | None, ...] = ()
    protocol: Protocol = PUBLISHED
    spread: VoxelImage | None = None
