"""ICV by the networks in heads whose fluid is darker or rarer than usual."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from HypothalamusSegLib.geometry.masks import dice
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from HypothalamusSegLib.options import Options
from HypothalamusSegLib.pipeline import Segmenter
from HypothalamusSegLib.reading import Scan

from Training import head_anatomy, prepare
from Training.head_generator import LabelHeadSource

# A third of the voxels of 1 mm, and the thin layers of fluid are still there; at 2 mm they are not.
SPACING_MM = 1.5


@pytest.fixture(scope="module")
def prepared_heads(shared_data, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("heads")
    for name in ("head09", "head12"):
        for kind in ("dseg", "icv_mask"):
            file = f"{name}_{kind}.nii.gz"
            (folder / file).symlink_to(shared_data / "heads" / file)
    with pytest.MonkeyPatch.context() as patch:
        # They are for random skulls and atrophy, which a mild image has not.
        for name in ("skull_distance_steps", "brain_depth_steps"):
            patch.setattr(
                head_anatomy, name, lambda array, spacing_mm: np.zeros_like(array, np.uint8)
            )
        assert prepare.main(["--heads", str(folder), "--output", str(folder / "prepared")]) == 0
    return folder / "prepared" / "heads"


def rendered(prepared_heads: Path, name: str, seed: int, power: float) -> tuple[Scan, np.ndarray]:
    """An image of a label head, its contrast raised to a power, and its exact mask."""
    generator = torch.Generator().manual_seed(seed)
    source = LabelHeadSource(prepared_heads / f"{name}.npz")
    image, icv = source.draw(generator, mild=True, spacing_mm=SPACING_MM)
    grid = Grid.axis_aligned(np.zeros(3), tuple(image.shape[1:]), SPACING_MM)
    volume = VoxelImage((image[0].clamp_min(0) ** power).numpy(), grid.affine)
    return Scan(volume, name, Path(name), "", ()), icv[0].numpy() > 0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "seed", "power", "bound"),
    [
        pytest.param("head12", 3, 1.3, 0.02, id="fluid an eighth as bright as white matter"),
        pytest.param("head09", 99, 1.0, 0.02, id="ventricles of a thirtieth of the mask"),
    ],
)
def test_icv_is_right_in_unusual_fluid(prepared_heads, name, seed, power, bound):
    scan, mask = rendered(prepared_heads, name, seed, power)
    # No network of this fold has seen either head.
    segmenter = Segmenter(Options(structures=("icv",), device="cpu", folds=(3,)))
    found = segmenter.segment(scan).icv.array > 0
    assert found.sum() == pytest.approx(mask.sum(), rel=bound)
    assert dice(found, mask) > 0.98
