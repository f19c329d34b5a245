"""Section “Export” of the panel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from ..export.result_files import export_result
from ..export.subject import ExportError, export_subject
from ..export.training_case import save_training_case
from ..scene.result_nodes import ResultNodes
from ..volumes.rows import VolumeRow
from .dicom_section import DicomSection


class ExportSection:
    """Writes the result that is shown; ``rows`` are those of its table."""

    def __init__(self, ui) -> None:
        self.ui = ui
        self.rows: Sequence[VolumeRow] = ()
        self._nodes: ResultNodes | None = None
        ui.exportButton.connect("clicked(bool)", self._export)
        ui.trainingCaseButton.connect("clicked(bool)", self._save_training_case)
        ui.pseudonymLineEdit.connect("textEdited(QString)", self._rename)
        self.dicom = DicomSection(ui, lambda: self.rows, _may_replace)

    def show(self, nodes: ResultNodes | None) -> None:
        self._nodes = nodes
        self.dicom.show(nodes)
        for name in ("exportButton", "trainingCaseButton", "pseudonymLineEdit"):
            getattr(self.ui, name).enabled = nodes is not None
        self.ui.pseudonymLineEdit.text = nodes.record.pseudonym if nodes is not None else ""
        self._show_name()

    def _rename(self, pseudonym: str) -> None:
        if self._nodes is not None and self._nodes.record is not None:
            self._nodes.record.set_pseudonym(pseudonym.strip())
            self._show_name()

    def _show_name(self) -> None:
        there = self._nodes is not None
        self.ui.exportNameLabel.text = f"{export_subject(self._nodes).stem}_…" if there else ""

    def _export(self, checked: bool = False) -> None:
        self._write(
            _("Export to folder"),
            lambda folder: export_result(self._nodes, self.rows, folder, _may_replace),
        )

    def _save_training_case(self, checked: bool = False) -> None:
        self._write(
            _("Folder for training cases"),
            lambda folder: save_training_case(self._nodes, folder, _may_replace),
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
        if not files:
            self.ui.stepLabel.text = _("Nothing was exported")
            return
        self.ui.stepLabel.text = _("{count} files written to {folder}").format(
            count=len(files), folder=folder
        )


def _may_replace(files: Sequence[Path]) -> bool:
    return slicer.util.confirmYesNoDisplay(
        _("{count} files of this scan are already in the folder. Replace them?\n\n{names}").format(
            count=len(files), names="\n".join(path.name for path in files)
        )
    )
