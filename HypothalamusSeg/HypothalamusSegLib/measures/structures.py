"""Label maps and volumes of the structures that the networks found.

Examples
--------
>>> images = label_images(found, "0.5", True, False, False)  # doctest: +SKIP
>>> [volume.structure for volume in measure_structures(found, images)]  # doctest: +SKIP
['hypothalamus_left', 'hypothalamus_right', 'hypothalamus_total', 'icv']
"""

from __future__ import annotations

import numpy as np

from ..geometry.resampling import resample_mask
from ..geometry.voxel_image import Grid, VoxelImage
from ..stages.fine import FineResult
from ..stages.network_output import StageResults
from . import label_grids
from .fold_spread import measure_spread
from .volumes import StructureVolume, measure_hypothalamus, measure_icv, measure_subunits


def label_images(
    found: StageResults, grid_name: str, with_icv: bool, with_subunits: bool, with_spread: bool
) -> dict[str, VoxelImage]:
    """Draw what was found as label maps.

    Parameters
    ----------
    found : StageResults
    grid_name : {"0.5", "native", "ulm"}
        Grid of the hypothalamus and its subunits.
    with_icv, with_subunits, with_spread : bool
        Which images to make, if the networks for them ran.

    Returns
    -------
    dict of str to VoxelImage
        ``hypothalamus`` and ``subunits`` on the chosen grid, ``icv`` on the grid of the scan,
        ``spread`` (where the networks disagree); each with the head upright.
    """
    images, fine, native = {}, found.fine, found.volume.grid
    if fine is not None:
        grid = label_grids.output_grid(grid_name, fine.grid, native)
        images |= _hypothalamus_images(fine, grid, with_subunits)
        spread = measure_spread(fine) if with_spread else None
        if spread is not None:
            images["spread"] = spread
    if with_icv:
        posterior = VoxelImage(found.coarse.icv_posterior, found.coarse.grid.affine)
        images["icv"] = VoxelImage(resample_mask(posterior, native), native.affine)
    return images


def _hypothalamus_images(
    fine: FineResult, grid: Grid, with_subunits: bool
) -> dict[str, VoxelImage]:
    if not with_subunits:
        return {"hypothalamus": label_grids.hypothalamus_labels(fine, grid)}
    sides, subunits = label_grids.side_and_subunit_labels(fine, grid)
    return {"hypothalamus": sides, "subunits": subunits}


def labels_on_scan_grid(
    found: StageResults, images: dict[str, VoxelImage]
) -> tuple[VoxelImage | None, ...]:
    """Draw sides, subunits and ICV on the grid of the scan, for DICOM.

    Parameters
    ----------
    found : StageResults
    images : dict of str to VoxelImage
        From `label_images`; the ICV with the head as it lies in the scan.
    """
    labels_of: dict[str, VoxelImage | None] = dict.fromkeys(images)
    if found.fine is not None:
        labels_of |= _hypothalamus_images(found.fine, found.volume.grid, "subunits" in images)
    labels_of["icv"] = images.get("icv")
    return tuple(labels_of.get(name) for name in ("hypothalamus", "subunits", "icv"))


def measure_structures(found: StageResults, images: dict[str, VoxelImage]) -> list[StructureVolume]:
    """Measure the volume of each structure that has a label map.

    Parameters
    ----------
    found : StageResults
    images : dict of str to VoxelImage
        From `label_images`.
    """
    volumes: list[StructureVolume] = []
    icv_mm3 = found.coarse.icv_mm3 if "icv" in images else None
    for name, measure in (("hypothalamus", measure_hypothalamus), ("subunits", measure_subunits)):
        if name in images:
            image = images[name]
            volumes += measure(found.fine, image.array, image.voxel_volume_mm3, icv_mm3)
    if "icv" in images:
        image = images["icv"]
        mask_mm3 = float(np.count_nonzero(image.array)) * image.voxel_volume_mm3
        volumes.append(measure_icv(found.coarse, mask_mm3))
    return volumes
