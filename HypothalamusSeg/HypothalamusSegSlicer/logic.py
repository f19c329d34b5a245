"""Segment a volume from a script or a notebook, without the panel."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import slicer
from HypothalamusSegLib.options import Options
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from .engine_run.job import JobResult, SegmentationJob
from .engine_run.loaded_engine import LoadedEngine
from .engine_run.outcome import EngineOutcome
from .engine_run.prior_job import Comparison, PriorJob
from .scene.patient import identify


class SegmentationFailedError(Exception):
    """The engine could not segment the volume; the message says why and what to do."""


def _ignore(*_: object) -> None:
    """For callbacks that were not given."""


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


class HypothalamusSegLogic(ScriptedLoadableModuleLogic):
    """The module's logic; the parameter node comes with its base class.

    Its engine stays loaded between runs: use one logic for many volumes.

    Examples
    --------
    In ``Slicer --no-main-window --python-script segment.py``::

        volume = slicer.util.loadVolume("head.nii.gz")
        result = HypothalamusSegLogic().process(volume)
        slicer.util.saveNode(result.hypothalamus, "head_hypothalamus.seg.nrrd")
        print([(row.name, row.value, row.unit) for row in result.rows])
    """

    def __init__(self, parent: object = None) -> None:
        ScriptedLoadableModuleLogic.__init__(self, parent)
        self._engine = LoadedEngine()

    @property
    def engine(self) -> LoadedEngine:
        """The processes that runs share."""
        return self._engine

    def close(self) -> None:
        """End the engine, and what it is doing."""
        self._engine.close()

    def process(
        self,
        volumeNode: slicer.vtkMRMLScalarVolumeNode,  # noqa: N803 – Slicer's spelling
        settings: Options | None = None,
        waitForCompletion: bool = True,  # noqa: N803
        on_progress: Callable[[float, str], None] = _ignore,
        on_log: Callable[[str], None] = _ignore,
        on_finished: Callable[[JobResult], None] = _ignore,
    ) -> JobResult | SegmentationJob:
        """Segment a volume.

        Parameters
        ----------
        volumeNode : vtkMRMLScalarVolumeNode
            A T1-weighted head; may lie under a transform.
        settings : Options or None
            None: both structures, 0.5 mm grid, all folds.
        waitForCompletion : bool
            False: return at once with the running job; ``on_finished`` is called at its end.

        Returns
        -------
        JobResult or SegmentationJob

        Raises
        ------
        SegmentationFailedError
            When waiting, if there is no result.
        HandoverError
            If the volume cannot be written for the engine.
        """
        options = settings or Options()
        job = SegmentationJob(volumeNode, options, self._engine, on_progress, on_log, on_finished)
        job.start()
        if not waitForCompletion:
            return job
        result = job.wait()
        if result.nodes is None:
            raise SegmentationFailedError(result.outcome.message)
        return result

    def compare_with_prior(
        self,
        current: slicer.vtkMRMLScalarVolumeNode,
        prior: slicer.vtkMRMLScalarVolumeNode,
        settings: Options | None = None,
        on_progress: Callable[[float, str], None] = _ignore,
        on_log: Callable[[str], None] = _ignore,
        on_finished: Callable[[Comparison | None, EngineOutcome], None] = _ignore,
    ) -> PriorJob:
        """Prepare a comparison of a volume with an earlier one of the same patient.

        Dates are those of the studies, where both are known.

        Returns
        -------
        PriorJob
            To be started; ``on_finished`` is called at its end.
        """
        days = identify(current).study_date, identify(prior).study_date
        if not all(map(_is_day, days)):
            days = "", ""
        options = settings or Options()
        return PriorJob(
            current, prior, days, options, self._engine, on_progress, on_log, on_finished
        )
