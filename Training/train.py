"""Train one fold of one structure.

    python -m Training.train --structure hypothalamus --fold 0 --resume

Checkpoints, the validation log and the best weights go to Training/runs/STRUCTURE/foldK/. A stopped
run resumes with the same command and ends where it would have ended unstopped.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from HypothalamusSegLib.networks.weight_files import network_class
from HypothalamusSegLib.results.atomic_files import atomic_files

from .dataset import DatasetError
from .optimisation import AveragedWeights, build_optimisers, learning_rate_factor
from .prepare import PREPARED
from .splits import FOLDS
from .tasks import TASKS

RUNS = Path("Training/runs")
WARMUP_STEPS = 60
DECAY_SHARE = 0.7  # of the steps, at the end, over which the learning rate falls to zero
AVERAGE_DECAY = 0.995
CHECKPOINT_EVERY_S = 60.0


class RunConflictError(Exception):
    """The folder of this run contains another run."""


@dataclass(frozen=True)
class Plan:
    """Everything that determines a run's result.

    ``start`` names the weights that it begins with; None: random ones. They must come from the same
    fold, or they have seen the scans that this run is validated on. ``peak`` is the highest
    learning rate, as a share of the usual one.
    """

    structure: str
    fold: int
    steps: int
    batch: int
    seed: int
    augment: bool
    start: str | None = None
    peak: float = 1.0

    @property
    def name(self) -> str:
        return f"fold{self.fold}" + ("" if self.augment else "-plain")


def is_finished(run: Path) -> bool:
    """Whether a run's folder holds a checkpoint of its plan's last step."""
    if not (run / "last.pt").exists():
        return False
    state = torch.load(run / "last.pt", map_location="cpu")
    return state["step"] >= state["plan"]["steps"]


class Trainer:
    """A network, its optimizers and its data; can be stopped and resumed at any checkpoint."""

    def __init__(self, plan: Plan, prepared: Path, runs: Path, device: str) -> None:
        self.plan = plan
        self.device = torch.device(device)
        self.task = TASKS[plan.structure](prepared, plan.fold, runs)
        self.folder = runs / plan.structure / plan.name
        self.folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(plan.seed)
        network = network_class(plan.structure)(**self.task.network)
        if plan.start:
            network.load_state_dict(torch.load(plan.start, map_location="cpu"))
        layout = torch.channels_last_3d
        self.network = network.to(self.device, memory_format=layout)
        self.average = AveragedWeights(self.network, AVERAGE_DECAY)
        self.optimisers = build_optimisers(self.network)
        self.generator = torch.Generator().manual_seed(plan.seed)
        self.step = 0
        self.best_score = -math.inf
        self.seconds = 0.0

    def resume(self) -> bool:
        """Resume from the last checkpoint; False if there is none.

        Raises
        ------
        RunConflictError
            If the checkpoint was made with other options.
        """
        path = self.folder / "last.pt"
        if not path.exists():
            return False
        state = torch.load(path, map_location="cpu")
        if state["plan"] != asdict(self.plan):
            raise RunConflictError(
                f"{self.folder} was begun with other options ({state['plan']}). Repeat those, or "
                "remove the folder to begin anew."
            )
        self.network.load_state_dict(state["network"])
        self.average.network.load_state_dict(state["average"])
        self.average.updates = state["step"]
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.generator.set_state(state["generator"])
        self.step, self.best_score = state["step"], state["best_score"]
        self.seconds = state["seconds"]
        return True

    def save(self) -> None:
        state = {
            "network": self.network.state_dict(),
            "average": self.average.network.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "generator": self.generator.get_state(),
            "step": self.step,
            "best_score": self.best_score,
            "seconds": self.seconds,
            "plan": asdict(self.plan),
        }
        with atomic_files(self.folder) as stage:
            torch.save(state, stage / "last.pt")

    def run(self, validate_every: int) -> None:
        """Train to the plan's last step, validating and saving on the way."""
        started = last_saved = time.monotonic()
        before = self.seconds
        losses: list[float] = []
        while self.step < self.plan.steps:
            losses.append(self._train_step())
            self.step += 1
            now = time.monotonic()
            self.seconds = before + now - started
            at_end = self.step == self.plan.steps
            if self.step % validate_every == 0 or at_end:
                self._validate(sum(losses) / len(losses))
                losses = []
            if now - last_saved > CHECKPOINT_EVERY_S or at_end:
                self.save()
                last_saved = now

    def _train_step(self) -> float:
        plan = self.plan
        factor = learning_rate_factor(self.step, plan.steps, WARMUP_STEPS, DECAY_SHARE)
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
            for group in optimiser.param_groups:
                group["lr"] = plan.peak * factor * group["peak_lr"]
        batch = self.task.batch(plan.batch, self.generator, plan.augment)
        batch = [tensor.to(self.device) for tensor in batch]
        inputs, targets = batch[: self.task.inputs], batch[self.task.inputs :]
        half = {"dtype": torch.bfloat16, "enabled": self.task.half_precision}
        with torch.autocast(self.device.type, **half):
            answer = self.task.predict(self.network, *inputs)
        loss = self.task.loss(answer, *targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        for optimiser in self.optimisers:
            optimiser.step()
        self.average.update(self.network)
        return float(loss.detach())

    def _validate(self, training_loss: float) -> None:
        scores = self.task.validate(self.average.network, self.device)
        row = {
            "step": self.step,
            "seconds": round(self.seconds, 1),
            "loss": training_loss,
            **scores,
        }
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({k: round(v, 5) for k, v in row.items()}) + "\n")
        print(self.plan.structure, self.plan.name, json.dumps(row), flush=True)
        if scores and scores["score"] >= self.best_score:
            self.best_score = scores["score"]
            torch.save(self.average.network.state_dict(), self.folder / "best.pt")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m Training.train", description=__doc__)
    parser.add_argument("--structure", choices=sorted(TASKS), required=True)
    parser.add_argument("--fold", type=int, choices=range(FOLDS), required=True)
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--no-augmentation", action="store_true")
    parser.add_argument("--start", help="best.pt of an earlier run of this fold, to begin with")
    parser.add_argument("--peak", type=float, default=1.0, help="share of the usual learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--validate-every", type=int, default=250)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--prepared", type=Path, default=PREPARED)
    parser.add_argument("--runs", type=Path, default=RUNS)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    plan = Plan(
        structure=options.structure,
        fold=options.fold,
        steps=options.steps,
        batch=options.batch,
        seed=options.seed + options.fold,
        augment=not options.no_augmentation,
        start=options.start,
        peak=options.peak,
    )
    try:
        trainer = Trainer(plan, options.prepared, options.runs, options.device)
        if options.resume:
            if trainer.resume():
                print(f"resumed at step {trainer.step}", flush=True)
        elif (trainer.folder / "log.jsonl").exists():
            raise RunConflictError(
                f"{trainer.folder} holds a run already. Go on with --resume, or remove the folder."
            )
    except (RunConflictError, DatasetError) as error:
        print(error)
        return 1
    trainer.run(options.validate_every)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
