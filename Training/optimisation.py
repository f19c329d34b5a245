"""Optimiser, learning-rate schedule and averaged weights."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

# Quintic Newton–Schulz coefficients that drive singular values to 1 (Muon, Jordan et al. 2024).
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_STEPS = 5


def orthogonalise(matrix: Tensor) -> Tensor:
    """Replace the singular values of a matrix by about 1 (Newton–Schulz iteration of Muon)."""
    a, b, c = NEWTON_SCHULZ
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = wide / (wide.norm() + 1e-7)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x if matrix.shape[0] <= matrix.shape[1] else x.T


class ConvolutionMuon(torch.optim.Optimizer):
    """Muon for convolution kernels, taken as matrices of (out, in × kernel).

    torch.optim.Muon takes two-dimensional parameters only; this one flattens the kernel.
    """

    def __init__(self, parameters, lr: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["velocity"] = torch.zeros_like(parameter)
                velocity = state["velocity"].lerp_(parameter.grad, 1 - group["momentum"])
                update = parameter.grad.lerp(velocity, group["momentum"]).flatten(1)
                update = orthogonalise(update).view_as(parameter)
                scale = max(1.0, update.shape[0] / update.flatten(1).shape[1]) ** 0.5
                # Kernels before a normalization have no scale of their own: a fixed relative step.
                norm = parameter.norm().clamp_min(1e-6)
                parameter.add_(update, alpha=-group["lr"] * scale)
                parameter.mul_(norm / parameter.norm().clamp_min(1e-6))


def build_optimisers(network: nn.Module) -> list[torch.optim.Optimizer]:
    """Muon for the 3 × 3 × 3 kernels that a normalization follows, AdamW for all the rest."""
    kernels, rest = [], []
    for parameter in network.parameters():
        is_kernel = parameter.ndim == 5 and parameter.shape[-1] == 3
        (kernels if is_kernel else rest).append(parameter)
    optimisers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(rest, lr=2e-3, betas=(0.9, 0.98), weight_decay=1e-4)
    ]
    if kernels:
        optimisers.append(ConvolutionMuon(kernels, lr=0.02))
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["peak_lr"] = group["lr"]
    return optimisers


def learning_rate_factor(step: int, steps: int, warmup: int, decay_share: float) -> float:
    """Warm up linearly, stay, and fall linearly to zero over the last ``decay_share`` of steps."""
    decay_steps = decay_share * steps
    rise = min(1.0, (step + 1) / max(1, warmup))
    fall = min(1.0, (steps - step) / decay_steps) if decay_steps else 1.0
    return rise * fall


class AveragedWeights:
    """Exponential moving average of a network's weights, with a short memory at the start."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        self.updates += 1
        decay = min(self.decay, self.updates / (self.updates + 10))
        for mean, value in zip(self.network.parameters(), network.parameters(), strict=True):
            mean.lerp_(value, 1 - decay)
