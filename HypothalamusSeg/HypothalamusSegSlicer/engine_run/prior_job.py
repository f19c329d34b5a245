"""Compare a volume with an earlier scan of the same patient, in the engine's process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import slicer
from HypothalamusSegLib.options import Options

from .command_line import follow_request
from .handover import write_scan
from .loaded_engine import LoadedEngine
from .outcome import EngineOutcome
from .scene_job import SceneJob

PRIOR, CURRENT = "prior", "current"


@dataclass(frozen=True)
class Comparison:
    """The engine's results for two scans.

    Attributes
    ----------
    description : dict
        The engine's; see `HypothalamusSegLib.longitudinal.files.describe`.
    current_from_prior : ndarray, shape (4, 4)
        Rigid, RAS, between the worlds of the two volumes without their parent transforms.
    prior, current : dict
        The visits in ``description``.
    """

    description: dict
    current_from_prior: np.ndarray
    prior: dict
    current: dict


def comparison_of(description: dict) -> Comparison:
    """Read the engine's description of two visits, in whatever order they are."""
    visits = {visit["scan"]: visit for visit in description["visits"]}
    prior, current = visits[PRIOR], visits[CURRENT]
    to_current = np.array(current["ras_from_midspace"])
    to_prior = np.array(prior["ras_from_midspace"])
    return Comparison(description, to_current @ np.linalg.inv(to_prior), prior, current)


class PriorJob(SceneJob):
    """A comparison of two volumes.

    Parameters
    ----------
    current, prior : vtkMRMLScalarVolumeNode
    dates : tuple of str
        Days of the current and the prior scan, ``YYYY-MM-DD``; empty where unknown.
    options, engine, on_progress, on_log
        As of `SceneJob`.
    on_finished : callable(Comparison or None, EngineOutcome)
    """

    def __init__(
        self,
        current: slicer.vtkMRMLScalarVolumeNode,
        prior: slicer.vtkMRMLScalarVolumeNode,
        dates: tuple[str, str],
        options: Options,
        engine: LoadedEngine,
        on_progress: Callable[[float, str], None],
        on_log: Callable[[str], None],
        on_finished: Callable[[Comparison | None, EngineOutcome], None],
    ) -> None:
        super().__init__([current, prior], options, engine, on_progress, on_log)
        self.current, self.prior = current, prior
        self._dates, self._on_finished = dates, on_finished

    def _write(self, folder: Path) -> dict:
        scans = [
            write_scan(self.prior, folder, PRIOR),
            write_scan(self.current, folder, CURRENT),
        ]
        current_day, prior_day = (day or None for day in self._dates)
        return follow_request(self.options, scans, [prior_day, current_day], folder)

    def _take(self, description: dict) -> Comparison:
        return comparison_of(description)

    def _finish(self, taken: Comparison | None, outcome: EngineOutcome) -> None:
        self._on_finished(taken, outcome)
