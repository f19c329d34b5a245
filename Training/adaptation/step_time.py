"""Time of a step on this machine, and whether half precision shortens it."""

from __future__ import annotations

import copy
import time

import torch
from torch import nn

BATCH, SHAPE = 2, (28, 28, 24)
TRIALS = 3
# Making the samples, and the optimisers' step.
OTHER_WORK = 1.3
# Only where it gains much: it has fewer digits, and is slow without hardware for it.
LEAST_GAIN = 1.5


def seconds_per_step(network: nn.Module) -> tuple[float, bool]:
    """Seconds of a step of fine-tuning, and whether to compute it in bfloat16."""
    full, half = (_seconds(copy.deepcopy(network), is_half) for is_half in (False, True))
    use_half = full > LEAST_GAIN * half
    return OTHER_WORK * (half if use_half else full), use_half


def _seconds(network: nn.Module, is_half: bool) -> float:
    network.requires_grad_(True)
    image = torch.randn(BATCH, 1, *SHAPE).contiguous(memory_format=torch.channels_last_3d)
    times = []
    for _ in range(TRIALS + 1):
        started = time.monotonic()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=is_half):
            answer = network(image).float()
        answer.log_softmax(1).mean().backward()
        times.append(time.monotonic() - started)
    return sorted(times[1:])[TRIALS // 2]
