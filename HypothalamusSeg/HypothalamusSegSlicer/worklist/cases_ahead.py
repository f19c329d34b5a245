"""The next cases, read and segmented in the background while one is reviewed.

Only the requested cases are kept; the others are dropped, with their files.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import qt
import slicer
from HypothalamusSegLib.options import Options

from ..engine_run import torch_setup
from ..engine_run.command_line import segment_request
from ..engine_run.handover import HandoverError, label_maps_in, write_scan
from ..engine_run.loaded_engine import LoadedEngine
from ..engine_run.outcome import EngineOutcome
from ..engine_run.process import EngineProcess, Run, weakly
from .case import Case, FinishedResult, WorklistError
from .case_nodes import read_volume
from .dicom_cases import stage_series

# Reading a scan blocks the window for a moment, so the previous case is drawn first.
PAUSE_MS = 50
OTHER_GEOMETRY = (
    "Slicer and the engine place the voxels of this series differently. Press Apply to segment "
    "what Slicer shows."
)


@dataclass(eq=False)
class PreparedCase:
    """A case outside the scene.

    Attributes
    ----------
    case : Case
    options : Options
    volume : vtkMRMLScalarVolumeNode or None
        In no scene until it is shown; None for a series.
    folder : Path or None
        Of the engine's files.
    outcome : EngineOutcome or None
        None while it is not segmented yet.
    failure : str
        Why it cannot be read; empty if it can.
    """

    case: Case
    options: Options
    volume: slicer.vtkMRMLScalarVolumeNode | None = None
    folder: Path | None = None
    outcome: EngineOutcome | None = None
    failure: str = ""

    @property
    def result(self) -> FinishedResult | None:
        """The result, from disk or from the engine; None if there is none (yet)."""
        if self.case.result is not None:
            return self.case.result
        if self.outcome is None or self.outcome.result is None:
            return None
        return FinishedResult(self.outcome.result, label_maps_in(self.folder))


class CasesAhead:
    """Prepares cases, one after another.

    Parameters
    ----------
    engine : LoadedEngine
    on_change : callable(PreparedCase)
        Told when a case was segmented or could not be.
    on_progress : callable(PreparedCase, fraction, step)
    """

    def __init__(
        self,
        engine: LoadedEngine,
        on_change: Callable[[PreparedCase], None],
        on_progress: Callable[[PreparedCase, float, str], None],
    ) -> None:
        self._engine = engine
        self._on_change, self._on_progress = on_change, on_progress
        self._prepared: dict[str, PreparedCase] = {}
        self._wanted: list[Case] = []
        self._options = Options()
        self._running: PreparedCase | None = None
        self._process: EngineProcess | None = None
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.connect("timeout()", weakly(self._step))

    def want(self, cases: Sequence[Case], options: Options) -> None:
        """Prepare these cases, the most urgent first, and drop all others."""
        self._wanted, self._options = list(cases), options
        wanted = {case.name for case in cases}
        for name, prepared in list(self._prepared.items()):
            is_stale = prepared.options != options and prepared.outcome is not None
            if (name not in wanted or is_stale) and prepared is not self._running:
                self._drop(prepared)
        self._timer.start()

    def get(self, case: Case) -> PreparedCase:
        """A case with its scan, which is read now if necessary."""
        prepared = self._prepared.get(case.name)
        if prepared is None:
            return self._read(case)
        if prepared.volume is None and not prepared.failure:
            self._read_volume(prepared)
        return prepared

    def release(self, case: Case) -> None:
        """Forget the volume of a case that left the scene; it is read again if needed."""
        if case.name in self._prepared:
            self._prepared[case.name].volume = None

    def set_aside(self, prepared: PreparedCase) -> None:
        """The engine's result does not fit what Slicer shows."""
        prepared.outcome = EngineOutcome(error_code="geometry", message=OTHER_GEOMETRY)

    @property
    def count(self) -> int:
        """How many cases are held."""
        return len(self._prepared)

    def is_to_come(self, case: Case) -> bool:
        """Whether the result of a case is being prepared."""
        prepared = self._prepared.get(case.name)
        return prepared is not None and self._is_open(prepared) and torch_setup.is_installed()

    def close(self) -> None:
        """Stop what is running, and drop everything."""
        self._timer.stop()
        self._wanted = []
        running, self._running = self._running, None
        if running is not None and self._process is not None:
            self._process.end_and_wait()
        for prepared in [*self._prepared.values(), *([running] if running else [])]:
            self._drop(prepared)

    def _step(self) -> None:
        """Read one case or start one run; the event loop runs in between."""
        for case in self._wanted:
            prepared = self._prepared.get(case.name)
            if prepared is None:
                self._read(case)
                self._timer.start()
                return
            if self._is_to_be_segmented(prepared):
                self._begin(prepared)
                self._timer.start()
                return

    def _is_to_be_segmented(self, prepared: PreparedCase) -> bool:
        return self._running is None and self.is_to_come(prepared.case)

    def _is_open(self, prepared: PreparedCase) -> bool:
        is_finished = prepared.case.result is not None or prepared.outcome is not None
        return not is_finished and not prepared.failure

    def _read(self, case: Case) -> PreparedCase:
        prepared = PreparedCase(case, self._options)
        self._prepared[case.name] = prepared
        self._read_volume(prepared)
        return prepared

    def _read_volume(self, prepared: PreparedCase) -> None:
        if prepared.case.series_uid:
            return  # Slicer's DICOM module reads series, into the scene
        try:
            prepared.volume = read_volume(prepared.case.scan)
        except (WorklistError, OSError) as error:
            prepared.failure = str(error)
            self._on_change(prepared)

    def _begin(self, prepared: PreparedCase) -> None:
        try:
            folder = tempfile.mkdtemp(prefix="hypothalamus-seg-", dir=slicer.app.temporaryPath)
            prepared.folder, prepared.options = Path(folder), self._options
            if prepared.case.series_uid:
                scan = stage_series(prepared.case, prepared.folder)
            else:
                scan = write_scan(self.get(prepared.case).volume, prepared.folder)
        except (HandoverError, OSError) as error:
            prepared.outcome = EngineOutcome(error_code="handover", message=str(error))
            self._on_change(prepared)
            return
        request = segment_request(self._options, scan, prepared.folder)
        tell_end = weakly(self._ended)
        tell_progress = weakly(self._progressed)
        run = Run(
            request,
            lambda fraction, step: tell_progress(prepared, fraction, step),
            lambda line: None,
            lambda outcome: tell_end(prepared, outcome),
        )
        self._running = prepared
        process = self._engine.begin(run)
        self._process = process if self._running is prepared else None

    def _progressed(self, prepared: PreparedCase, fraction: float, step: str) -> None:
        self._on_progress(prepared, fraction, step)

    def _ended(self, prepared: PreparedCase, outcome: EngineOutcome) -> None:
        if self._running is not prepared:
            return  # closed meanwhile
        self._running = self._process = None
        prepared.outcome = outcome
        if prepared.folder is not None:  # the copy for the engine is no longer needed
            shutil.rmtree(prepared.folder / "scan", ignore_errors=True)
            (prepared.folder / "scan.nrrd").unlink(missing_ok=True)
        if prepared.case.name not in {case.name for case in self._wanted}:
            self._drop(prepared)
        else:
            self._on_change(prepared)
        if self._wanted:
            self._timer.start()

    def _drop(self, prepared: PreparedCase) -> None:
        self._prepared.pop(prepared.case.name, None)
        prepared.volume = None
        if prepared.folder is not None:
            shutil.rmtree(prepared.folder, ignore_errors=True)
