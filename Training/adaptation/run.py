"""The whole of an adaptation: read and check cases, fine-tune five folds, measure, write."""

from __future__ import annotations

import copy
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from HypothalamusSegLib.networks import weight_files
from HypothalamusSegLib.options import FOLDS, Options
from HypothalamusSegLib.pipeline import Segmenter
from HypothalamusSegLib.results.atomic_files import atomic_files
from torch import nn

from ..hypothalamus_samples import RegionSamples
from .case_files import find_case_files, with_labels
from .cases import (
    Case,
    assign_cases,
    read_cases,
    refuse_too_few,
    refuse_unusable,
)
from .figures import Figures, measure
from .fine_tuning import FoldAdaptation, FoldPlan, PairSampler
from .label_checks import LabelFinding
from .options import AdaptOptions
from .page import write_page
from .progress import LOOK_S, SCORE_S, AdaptProgress
from .protocol_map import difference_in_frame, disagreement_map
from .samples import memory_item, sample_item
from .step_time import seconds_per_step
from .weights_folder import write_weights

WORK_NAME, PLAN_NAME, PAGE_NAME = ".adapt-work", "plan.json", "adaptation.html"
# More steps were not better on simulated raters; fewer do not reach the rater (Docs/ADAPT.md).
MOST_STEPS, FEWEST_STEPS = 200, 60
PEAK = 0.2
MEMORY_SHARE = 0.2
# More scans without labels than this bring nothing but waiting.
MOST_MEMORY = 30
HYPOTHALAMUS = "hypothalamus"


@dataclass(frozen=True)
class AdaptResult:
    """What became of it.

    Attributes
    ----------
    figures : Figures
    page : Path
    manifest : Path or None
        None: adaptation has not helped, and nothing but the page was written.
    findings : tuple of LabelFinding
    """

    figures: Figures
    page: Path
    manifest: Path | None
    findings: tuple[LabelFinding, ...]


def adapt(options: AdaptOptions, progress: AdaptProgress) -> AdaptResult:
    """Adapt the five folds; goes on where an earlier run with the same options ended.

    Raises
    ------
    TrainingCasesError
        Cases or labels that cannot be used.
    OtherRunError
        The working folder holds another run.
    HypothalamusSegError
        A scan cannot be read, weights are damaged, the disk is full.
    """
    started = time.monotonic()
    work = options.output / WORK_NAME
    work.mkdir(parents=True, exist_ok=True)
    parent = Segmenter(
        Options(
            structures=(HYPOTHALAMUS,),
            device="cpu",
            threads=options.threads,
            weights=options.weights,
        )
    )
    cases, memory, findings = _read(options, parent, work, progress)
    before = parent.networks[HYPOTHALAMUS]
    plans = _plans(options, parent, cases, memory, work, time.monotonic() - started)
    after = _fine_tune(plans, cases, memory, before, work, progress)
    done_s = progress.done_s
    figures = measure(
        cases,
        before,
        after,
        parent.frame_network or before[0],
        parent.ensembles[HYPOTHALAMUS].template,
        lambda count: progress.at(done_s + count * SCORE_S, f"measuring case {count}"),
    )
    return _write(options, plans[0], cases, memory, findings, figures, before, after)


def _read(
    options: AdaptOptions, parent: Segmenter, work: Path, progress: AdaptProgress
) -> tuple[list[Case], list[Case], list[LabelFinding]]:
    """Cases with parts, scans without labels, and what is wrong with labels."""
    files = options.cases
    if isinstance(files, Path):
        files = find_case_files(files, options.rater)
    labelled = with_labels(files)
    refuse_too_few(labelled)  # before the first look, which takes seconds a scan
    names = {file.name for file in labelled}
    bare = [file for file in files if file.name not in names][:MOST_MEMORY]
    progress.expect(60 * options.minutes)
    read, findings = read_cases(
        [*labelled, *bare],
        parent,
        work,
        options.labels,
        lambda count: progress.at(count * LOOK_S, f"looking at scan {count}"),
    )
    cases = [case for case in read if case.target is not None]
    findings = refuse_unusable(cases, findings, options.skip_bad)
    return assign_cases(cases), read[len(labelled) :], findings


def _plans(
    options: AdaptOptions,
    parent: Segmenter,
    cases: Sequence[Case],
    memory: Sequence[Case],
    work: Path,
    spent_s: float,
) -> list[FoldPlan]:
    """What is done to each fold; an interrupted run keeps its number of steps."""
    path = work / PLAN_NAME
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
    else:
        step_s, half = seconds_per_step(parent.networks[HYPOTHALAMUS][0])
        left_s = 60 * options.minutes - spent_s - SCORE_S * len(cases)
        steps = int(min(MOST_STEPS, max(FEWEST_STEPS, left_s / step_s / len(FOLDS))))
        kept = {"steps": steps, "half_precision": half, "step_s": step_s}
        with atomic_files(work) as stage:
            (stage / PLAN_NAME).write_text(json.dumps(kept), encoding="utf-8")
    sums = {fold.fold: fold.sha256 for fold in parent.ensembles[HYPOTHALAMUS].folds}
    return [
        FoldPlan(
            fold=fold,
            steps=kept["steps"],
            peak=PEAK,
            memory_share=MEMORY_SHARE,
            seed=options.seed + fold,
            half_precision=kept["half_precision"],
            parent_sha256=sums[fold],
            cases=tuple(sorted(c.scan_sha256 + c.label_sha256 for c in cases if c.part != fold)),
            memory=tuple(sorted(case.scan_sha256 for case in memory)),
        )
        for fold in FOLDS
    ]


def _fine_tune(
    plans: Sequence[FoldPlan],
    cases: Sequence[Case],
    memory: Sequence[Case],
    before: Sequence[nn.Module],
    work: Path,
    progress: AdaptProgress,
) -> list[nn.Module]:
    step_s = json.loads((work / PLAN_NAME).read_text(encoding="utf-8"))["step_s"]
    done_s = (len(cases) + len(memory)) * LOOK_S
    progress.expect(done_s + sum(plan.steps for plan in plans) * step_s + len(cases) * SCORE_S)
    items = [sample_item(case.look, case.target) for case in cases]
    differences = [
        difference_in_frame(case.target, case.look.posterior, case.look.frame) for case in cases
    ]
    adapted = []
    for plan in plans:
        # Its own map and samples: what a held-out case teaches must not reach this fold.
        shown = [index for index, case in enumerate(cases) if case.part != plan.fold]
        differs = disagreement_map([differences[index] for index in shown])
        sampler = PairSampler(
            RegionSamples([items[index] for index in shown]),
            RegionSamples([memory_item(case.look, differs) for case in memory]),
            plan.memory_share,
        )
        network = copy.deepcopy(before[plan.fold])
        run = FoldAdaptation(plan, network, sampler, work / f"fold{plan.fold}.pt")
        run.resume()

        def on_step(step: int, plan: FoldPlan = plan, before_s: float = done_s) -> None:
            words = f"fold {plan.fold + 1} of {len(plans)}, step {step} of {plan.steps}"
            progress.at(before_s + step * step_s, words, plan.fold + 1)

        trained = run.run(on_step)
        done_s += plan.steps * step_s
        adapted.append(trained.eval().to(memory_format=torch.channels_last_3d))
    progress.at(done_s, "measuring")
    return adapted


def _write(
    options: AdaptOptions,
    plan: FoldPlan,
    cases: Sequence[Case],
    memory: Sequence[Case],
    findings: Sequence[LabelFinding],
    figures: Figures,
    before: Sequence[nn.Module],
    after: Sequence[nn.Module],
) -> AdaptResult:
    manifest = None
    if figures.has_helped or options.write_anyway:
        how = {"steps": plan.steps, "peak": plan.peak, "memory_share": plan.memory_share}
        manifest = write_weights(
            weight_files.weights_folder(options.weights),
            options.output,
            options.name,
            after,
            cases,
            memory,
            figures,
            {**how, "seed": options.seed, "half_precision": plan.half_precision},
            options.with_names,
        )
    page = options.output / PAGE_NAME
    write_page(page, options.name, cases, memory, findings, figures, before, after, manifest)
    # It holds parts of the scans.
    shutil.rmtree(options.output / WORK_NAME, ignore_errors=True)
    return AdaptResult(figures, page, manifest, tuple(findings))
