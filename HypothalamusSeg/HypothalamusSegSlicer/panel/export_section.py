"""Section “Export” of the panel."""

from __future__ import annotations

from collections.abc import Sequence

import qt
import slicer
from slicer.i18n import tr as _

from ..export.result_files import ExportError, export_result
from ..export.training_case import save_training_case
from ..scene.result_nodes import ResultNodes
from ..volumes.rows import VolumeRow


class ExportSection:
    """Writes the result that is shown; ``rows`` are those of its table."""

    def __init__(self, ui) -> None:
        self.ui = ui
        self.rows: Sequence[VolumeRow] = ()
        self._nodes: ResultNodes | None = None
        ui.exportButton.connect("clicked(bool)", self._export)
        ui.trainingCaseButton.connect("clicked(bool)", self._save_training_case)

    def show(self, nodes: ResultNodes | None) -> None:
        self._nodes = nodes
        self.ui.exportButton.enabled = nodes is not None
        self.ui.trainingCaseButton.enabled = nodes is not None

    def _export(self, checked: bool = False) -> None:
        self._write(
            _("Export to folder"), lambda folder: export_result(self._nodes, self.rows, folder)
        )

    def _save_training_case(self, checked: bool = False) -> None:
        self._write(
            _("Folder for training cases"),
            lambda folder: save_training_case(self._nodes, folder),
        )

    def _write(self, title: str, write) -> None:
        folder = qt.QFileDialog.getExistingDirectory(self.ui.exportButton, title)
        if not folder:
            return
        try:
            files = write(folder)
        except ExportError as error:
            slicer.util.errorDisplay(str(error))
            return
        self.ui.stepLabel.text = _("{count} files written to {folder}").format(
            count=len(files), folder=folder
        )
