"""The border of the intracranial volume once more, by the grey values of this scan's own fluid.

Fluid and bone are both dark on T1, and how dark differs from scan to scan: the coarse networks,
standardised by the whole head, place the border by absolute darkness and miss it by a millimetre
where fluid is unusually dark (measured: −6 % of volume). Their mask is good enough to measure what
fluid looks like in this scan; small networks then see the head in units of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .intensity import fluid_and_tissue

if TYPE_CHECKING:
    from torch import Tensor, nn

CHANNELS = ("first_pass", "fluid_and_below", "fluid_to_tissue", "logarithm")
# Logits beyond this say no more about where the border is.
LARGEST_LOGIT = 8.0
# How much of the first pass' logit stays; the networks add the rest.
FIRST_PASS_SHARE = 0.5
# Room for the border to move outwards; what lies further from the first mask is left as it is.
MARGIN_VOXELS = 4


def border_channels(head: Tensor, logit: Tensor) -> Tensor:
    """What the networks see: the first pass' logit and the head in units of its fluid.

    Parameters
    ----------
    head : Tensor, shape (N, 1, I, J, K)
        Intensities of any unit on the coarse grid.
    logit : Tensor, shape (N, 1, I, J, K)
        Of the first pass, within ±``LARGEST_LOGIT``.

    Returns
    -------
    Tensor, shape (N, 4, I, J, K)
        In the order of ``CHANNELS``. Below the fluid's level the second channel runs from −2
        (black) to 0, the third from 0 (fluid) to 1 (tissue), the last is the logarithm of the
        intensity over the fluid's.
    """
    return _with_levels(head, logit, *fluid_and_tissue(head, logit))


def _with_levels(head: Tensor, logit: Tensor, fluid: Tensor, tissue: Tensor) -> Tensor:
    import torch

    ratio = head / fluid
    above = (head - fluid) / (tissue - fluid)
    return torch.cat(
        [
            logit / 4,
            (2 * ratio - 2).clamp(-2, 2),
            above.clamp(-1, 2),
            ratio.clamp(0.05, 20).log(),
        ],
        1,
    )


def first_logit(posterior: Tensor) -> Tensor:
    """The logit of a first pass' posterior, limited."""
    import torch

    return torch.logit(posterior, eps=1e-6).clamp(-LARGEST_LOGIT, LARGEST_LOGIT)


def corrected_logit(network: nn.Module, channels: Tensor) -> Tensor:
    """The logit of the intracranial volume, shape (N, 1, I, J, K), from `border_channels`."""
    return 4 * FIRST_PASS_SHARE * channels[:, :1] + network(channels).float()


def refine(
    networks: Sequence[nn.Module], image: np.ndarray, folds: np.ndarray, device: str
) -> np.ndarray:
    """Correct the border of each fold's intracranial posterior.

    Parameters
    ----------
    networks : sequence of Module
        One per fold.
    image : ndarray, shape (I, J, K)
        The head on the coarse grid, any unit.
    folds : ndarray, shape (F, I, J, K)
        Posteriors of the first pass.
    device : str

    Returns
    -------
    ndarray of float32, shape (F, I, J, K)
        As ``folds`` further than ``MARGIN_VOXELS`` from every fold's mask, and where there is none.
    """
    import torch

    found = (folds > 0.5).any(0)
    if not found.any():
        return folds
    box = _box(found, networks[0].stride)
    refined = folds.copy()
    with torch.inference_mode():
        head, mean = (
            torch.from_numpy(array)[None, None].to(device) for array in (image, folds.mean(0))
        )
        levels = fluid_and_tissue(head, first_logit(mean))
        head = head[(..., *box)]
        for fold, network in enumerate(networks):
            first = torch.from_numpy(folds[(fold, *box)].copy())[None, None].to(device)
            channels = _with_levels(head, first_logit(first), *levels)
            channels = channels.contiguous(memory_format=torch.channels_last_3d)
            refined[(fold, *box)] = corrected_logit(network, channels).sigmoid()[0, 0].cpu().numpy()
    return refined


def _box(mask: np.ndarray, stride: int) -> tuple[slice, ...]:
    """The bounding box of a mask with margin, its sides multiples of ``stride``."""
    box = []
    for axis, size in enumerate(mask.shape):
        filled = np.flatnonzero(mask.any(tuple(a for a in range(3) if a != axis)))
        low = max(0, filled[0] - MARGIN_VOXELS) // stride * stride
        high = -(-min(size, filled[-1] + 1 + MARGIN_VOXELS) // stride) * stride
        box.append(slice(low, high))
    return tuple(box)
