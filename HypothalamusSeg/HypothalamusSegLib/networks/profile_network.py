"""The network that locates the intracranial border on intensity profiles across it.

This module needs torch at import, as networks.py does.

Examples
--------
>>> points_mm = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
>>> mean_around(torch.ones(2, 1), points_mm).flatten().tolist()
[1.0, 1.0]
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

KERNEL = 7
# Profile features are also averaged over cells of this size and over the whole border.
CELL_MM = 6.0
PLACE_CHANNELS = 6


class ProfileNetwork(nn.Module):
    """Predicts how far each point of a surface must move along its normal.

    Convolutions along each profile score every position on it. The border is the mean position,
    weighted by the softmax of the scores (integral regression, Sun et al. 2018). Averages over
    neighboring profiles and over the whole surface are added to the features, so each point knows
    how dark the bone of this head is.

    Parameters
    ----------
    channels, samples : int
        Size of a profile; the number of samples is odd, with the middle one on the surface.
    step_mm : float
        Distance between samples.
    reach_mm : float
        The largest displacement.
    width : int
        Channels of the convolutions.
    context : int
        Number of averaged channels.
    """

    def __init__(
        self,
        channels: int,
        samples: int,
        step_mm: float,
        reach_mm: float,
        width: int,
        context: int,
    ) -> None:
        super().__init__()
        padding = KERNEL // 2
        self.first = nn.Conv1d(channels, width, KERNEL, padding=padding)
        self.second = nn.Conv1d(width, width, KERNEL, padding=padding)
        self.third = nn.Conv1d(width, width, KERNEL, padding=padding)
        self.score = nn.Conv1d(width, 1, 1)
        # Neighboring samples are similar: one in three is enough to describe a profile.
        self.describe = nn.Linear(width * len(range(1, samples, 3)), context)
        self.inform = nn.Linear(2 * context + PLACE_CHANNELS, width)
        nn.init.zeros_(self.inform.weight)
        nn.init.zeros_(self.inform.bias)
        steps = round(reach_mm / step_mm)
        positions = step_mm * torch.arange(-steps, steps + 1).float()
        self.margin = (samples - len(positions)) // 2
        self.register_buffer("positions_mm", positions, persistent=False)
        # Initially a normal distribution of 1 mm around the surface.
        self.prior = nn.Parameter(-0.5 * positions**2)

    def forward(self, profiles: Tensor, points_mm: Tensor, normals: Tensor) -> Tensor:
        """Predict the displacements of the surface of one head.

        Parameters
        ----------
        profiles : Tensor, shape (N, channels, samples)
            Along the normals from inside to outside.
        points_mm : Tensor, shape (N, 3)
            RAS; all points of one surface, or a representative sample.
        normals : Tensor, shape (N, 3)
            Unit vectors outwards.

        Returns
        -------
        Tensor, shape (N,)
            Millimeters along the normals.
        """
        features = _rectify(_along(self.first, profiles[:, :, None]))
        described = self.describe(features[:, :, 0, 1::3].flatten(1))
        described = _rectify(described)
        place = _place(points_mm, normals)
        everywhere = described.mean(0, keepdim=True).expand_as(described)
        known = torch.cat([mean_around(described, points_mm), everywhere, place], 1)
        features = _along(self.second, features).add_(self.inform(known)[:, :, None, None])
        features = _rectify(_along(self.third, _rectify(features)))
        scores = _along(self.score, features)[:, 0, 0].float()
        scores = scores[:, self.margin : scores.shape[1] - self.margin] + self.prior
        return (scores.softmax(1) * self.positions_mm).sum(1)


def _along(convolution: nn.Conv1d, profiles: Tensor) -> Tensor:
    """Convolution of (N, C, 1, S): with channels last, twice as fast as Conv1d."""
    return functional.conv2d(
        profiles.contiguous(memory_format=torch.channels_last),
        convolution.weight[:, :, None],
        convolution.bias,
        padding=(0, convolution.padding[0]),
    )


def _rectify(features: Tensor) -> Tensor:
    return functional.leaky_relu(features, 0.01, inplace=True)


def _place(points_mm: Tensor, normals: Tensor) -> Tensor:
    """Position within the bounding box, from −1 to 1, and normal; the same left and right."""
    low, high = points_mm.amin(0), points_mm.amax(0)
    position = 2 * (points_mm - low) / (high - low).clamp_min(1.0) - 1
    sides = torch.tensor([True, False, False], device=normals.device)
    return torch.cat([torch.where(sides, t.abs(), t) for t in (position, normals)], 1)


def mean_around(values: Tensor, points_mm: Tensor) -> Tensor:
    """Average the values (N, C) of the points around each point, over about two cells."""
    position = (points_mm - points_mm.amin(0)) / CELL_MM
    cell = position.long()
    size = (cell.amax(0) + 1).tolist()
    flat = (cell[:, 0] * size[1] + cell[:, 1]) * size[2] + cell[:, 2]
    # The last channel counts the points.
    values = torch.cat([values, torch.ones_like(values[:, :1])], 1).float()
    # Add element by element: adding whole rows takes four times as long.
    channels = values.shape[1]
    at = flat[:, None] * channels + torch.arange(channels, device=flat.device)
    sums = values.new_zeros(size[0] * size[1] * size[2] * channels)
    sums = sums.index_add(0, at.flatten(), values.flatten())
    sums = sums.view(-1, channels).T.view(1, -1, *size)
    sums = functional.pad(sums, (1,) * 6)
    for axis in (2, 3, 4):
        # Neighbors with half the weight.
        n = sums.shape[axis]
        low, middle, high = (sums.narrow(axis, start, n - 2) for start in (0, 1, 2))
        sums = 0.25 * low + 0.5 * middle + 0.25 * high
    # Between the middles of cells linearly; align_corners=False puts −1 at the first cell's edge.
    extent = torch.tensor(size, dtype=position.dtype, device=position.device)
    where = (2 * position / extent - 1).flip(-1)
    around = functional.grid_sample(
        sums, where[None, None, None], align_corners=False, padding_mode="border"
    )
    around = around[0, :, 0, 0].T
    return around[:, :-1] / around[:, -1:].clamp_min(1e-3)
