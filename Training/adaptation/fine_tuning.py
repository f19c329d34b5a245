"""Fine-tuning of one fold: resumable, with the same result however often it was stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from HypothalamusSegLib.errors import HypothalamusSegError
from HypothalamusSegLib.machine.cancelling import cancel_between_steps
from HypothalamusSegLib.results.atomic_files import atomic_files
from HypothalamusSegLib.stages import intensity
from torch import Tensor, nn

from ..hypothalamus_samples import RegionSamples
from ..losses import hypothalamus_loss
from ..optimisation import AveragedWeights, build_optimisers, learning_rate_factor

WARMUP_STEPS = 20
DECAY_SHARE = 0.7
AVERAGE_DECAY = 0.98
GRADIENT_NORM = 5.0
# A process may be killed at any time; saving takes well below a tenth of a second.
SAVE_EVERY_S = 15.0


class OtherRunError(HypothalamusSegError):
    """A working folder holds an adaptation with other cases or options."""

    code = "other_adaptation"


@dataclass(frozen=True)
class FoldPlan:
    """Everything that determines the result of a fold.

    Attributes
    ----------
    fold : int
    steps : int
        Of two samples each.
    peak : float
        Highest learning rate, as a share of that of a training from random weights.
    memory_share : float
        Share of steps on scans without labels.
    seed : int
    half_precision : bool
        Whether it computes in bfloat16.
    parent_sha256 : str
        Of the weights that it begins with.
    cases : tuple of str
        Checksums of the cases that it is trained on.
    memory : tuple of str
        Checksums of the scans without labels.
    """

    fold: int
    steps: int
    peak: float
    memory_share: float
    seed: int
    half_precision: bool
    parent_sha256: str
    cases: tuple[str, ...]
    memory: tuple[str, ...] = ()


class PairSampler:
    """Pairs of versions of one scan, of a case or of a scan without labels."""

    def __init__(self, cases: RegionSamples, memory: RegionSamples | None, share: float) -> None:
        self._cases, self._memory = cases, memory
        self._share = share if memory is not None and len(memory) else 0.0

    def draw(self, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Image (2, 1, I, J, K), target (2, 11, I, J, K) and weight (2,).

        What a target leaves over to 1 is unknown.
        """
        from_memory = float(torch.rand((), generator=generator)) < self._share
        source = self._memory if from_memory else self._cases
        index = int(torch.randint(len(source), (), generator=generator))
        mirrored = float(torch.rand((), generator=generator)) < 0.5
        drawn = [source.draw_augmented(index, generator, mirrored) for _ in range(2)]
        images, targets, weights = zip(*drawn, strict=True)
        image = intensity.standardise_region(torch.stack(images))
        return image, torch.stack(targets), torch.tensor(weights)


class FoldAdaptation:
    """A network that begins as the parent's fold and learns from pairs of samples.

    Parameters
    ----------
    plan : FoldPlan
    network : Module
        The parent's fold; changed.
    sampler : PairSampler
    checkpoint : Path
    """

    def __init__(
        self, plan: FoldPlan, network: nn.Module, sampler: PairSampler, checkpoint: Path
    ) -> None:
        self.plan = plan
        self.network = network.train().requires_grad_(True)
        self.network.to(memory_format=torch.channels_last_3d)
        self.average = AveragedWeights(self.network, AVERAGE_DECAY)
        self.step = 0
        self._sampler, self._checkpoint = sampler, checkpoint
        self._optimisers = build_optimisers(self.network)
        self._generator = torch.Generator().manual_seed(plan.seed)

    @property
    def is_finished(self) -> bool:
        return self.step >= self.plan.steps

    def resume(self) -> bool:
        """Resume from the checkpoint; False if there is none.

        Raises
        ------
        OtherRunError
            If it was made with another plan.
        """
        if not self._checkpoint.exists():
            return False
        state = torch.load(self._checkpoint, map_location="cpu", weights_only=True)
        if state["plan"] != _as_saved(self.plan):
            raise OtherRunError(
                "{path} was started with other cases, options or weights. Use the same ones, or "
                "remove this folder to start over.",
                path=self._checkpoint.parent,
            )
        self.network.load_state_dict(state["network"])
        self.average.network.load_state_dict(state["average"])
        self.step = self.average.updates = state["step"]
        for optimiser, saved in zip(self._optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self._generator.set_state(state["generator"])
        return True

    def save(self) -> None:
        state = {
            "plan": _as_saved(self.plan),
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.network.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self._optimisers],
            "generator": self._generator.get_state(),
        }
        with atomic_files(self._checkpoint.parent) as stage:
            torch.save(state, stage / self._checkpoint.name)

    def run(self, on_step: Callable[[int], None] = lambda step: None) -> nn.Module:
        """Train to the last step; returns the averaged network.

        Parameters
        ----------
        on_step : callable
            Told the number of each finished step. If it raises, or a signal ends the run, the state
            after the last whole step is saved.
        """
        saved_s = time.monotonic()
        with cancel_between_steps() as check_cancelled:
            while not self.is_finished:
                self._train_step()
                try:
                    on_step(self.step)
                    check_cancelled()
                except BaseException:
                    self.save()
                    raise
                if time.monotonic() - saved_s > SAVE_EVERY_S:
                    self.save()
                    saved_s = time.monotonic()
            self.save()
        return self.average.network

    def _train_step(self) -> None:
        plan = self.plan
        warmup = min(WARMUP_STEPS, plan.steps // 4)
        factor = learning_rate_factor(self.step, plan.steps, warmup, DECAY_SHARE)
        for optimiser in self._optimisers:
            optimiser.zero_grad(set_to_none=True)
            for group in optimiser.param_groups:
                group["lr"] = plan.peak * factor * group["peak_lr"]
        image, target, weight = self._sampler.draw(self._generator)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=plan.half_precision):
            logits = self.network(image.contiguous(memory_format=torch.channels_last_3d)).float()
        # Where a target is unknown, the network's own answer is right.
        unknown = (1 - target.sum(1, keepdim=True)).clamp(0, 1)
        target = target + unknown * logits.detach().softmax(1)
        hypothalamus_loss(logits, target, weight).backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_NORM)
        for optimiser in self._optimisers:
            optimiser.step()
        self.average.update(self.network)
        self.step += 1


def _as_saved(plan: FoldPlan) -> dict:
    fields = asdict(plan)
    return {**fields, "cases": list(plan.cases), "memory": list(plan.memory)}
