"""Run the folds of an ensemble on one input, seen from several views."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

LEFT_RIGHT_AXIS = 2  # of (N, C, I, J, K) on a grid along the RAS axes


def posteriors(
    networks: Sequence[nn.Module],
    image: Tensor,
    activation: Callable[[Tensor], Tensor],
    mirrored_channels: Sequence[int] | None,
    on_fold: Callable[[int], None] = lambda fold: None,
) -> Iterator[Tensor]:
    """Posterior of each fold, the mean of the image as it is and mirrored.

    A network is not exactly symmetric; the mean of both views is, so that a mirrored head gives
    the mirrored result.

    Parameters
    ----------
    networks : sequence of Module
        One per fold.
    image : Tensor, shape (N, 1, I, J, K)
        Standardised intensities on grids along the RAS axes.
    activation : callable
        From logits to posteriors.
    mirrored_channels : sequence of int or None
        For each channel the one it becomes when left and right are exchanged; None: see the image
        once only.
    on_fold : callable
        Told the index of each fold when it is done.

    Yields
    ------
    Tensor, shape (N, C, I, J, K)
        float32, one per fold.
    """
    import torch

    views = image
    if mirrored_channels is not None:
        views = torch.cat([image, image.flip(LEFT_RIGHT_AXIS)])
    views = views.contiguous(memory_format=torch.channels_last_3d)
    for index, network in enumerate(networks):
        with torch.inference_mode():
            # One view at a time: the same arithmetic, half the memory.
            posterior = torch.cat([activation(network(view[None]).float()) for view in views])
            if mirrored_channels is not None:
                seen, mirrored = posterior.chunk(2)
                mirrored = mirrored[:, list(mirrored_channels)].flip(LEFT_RIGHT_AXIS)
                posterior = (seen + mirrored) / 2
        on_fold(index)
        yield posterior
