"""Three buttons below “Export”: report as PDF, DICOM SEG, and DICOM SR with its SEG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from ..export import dicom_objects, highdicom_setup
from ..export.report_file import export_report
from ..export.subject import ExportError, MayReplace
from ..scene.result_nodes import ResultNodes
from ..volumes.rows import VolumeRow

Write = Callable[[str], "list[Path]"]


class DicomSection:
    """Writes the result that is shown; ``rows`` gives those of its table.

    The widgets are made here and put below those of the section “Export”.
    """

    def __init__(
        self, ui, rows: Callable[[], Sequence[VolumeRow]], may_replace: MayReplace
    ) -> None:
        self.ui = ui
        self._rows, self._may_replace = rows, may_replace
        self._nodes: ResultNodes | None = None
        self.target = qt.QComboBox()
        self.target.addItems([_("into a folder"), _("into the DICOM database")])
        self.target.setToolTip(_("Destination of DICOM objects"))
        self.report_button = self._button(
            _("Report (PDF)…"), _("One page: outlines, numbers, flags and review"), self._report
        )
        self.seg_button = self._button(
            _("DICOM SEG"), _("Segmentation object on the scan's own images"), self._seg
        )
        self.sr_button = self._button(
            _("DICOM SR"),
            _("Report with the numbers of the table, and the segmentation it refers to"),
            self._sr,
        )
        self._lay_out()
        self.show(None)

    def show(self, nodes: ResultNodes | None) -> None:
        self._nodes = nodes
        for widget in (self.report_button, self.seg_button, self.sr_button, self.target):
            widget.setEnabled(nodes is not None)

    def _button(self, text: str, tip: str, act: Callable[[], None]):
        button = qt.QPushButton(text)
        button.setToolTip(tip)
        button.connect("clicked(bool)", lambda checked=False: act())
        return button

    def _lay_out(self) -> None:
        line = qt.QHBoxLayout()
        for widget in (self.report_button, self.seg_button, self.sr_button, self.target):
            line.addWidget(widget)
        self.ui.exportCollapsible.layout().addLayout(line)

    def _report(self) -> None:
        self._to_folder(
            _("Folder for the report"),
            lambda folder: export_report(self._nodes, self._rows(), folder, self._may_replace),
        )

    def _seg(self) -> None:
        self._dicom(dicom_objects.SEG)

    def _sr(self) -> None:
        self._dicom(dicom_objects.SEG_AND_SR)

    def _dicom(self, kinds: tuple[str, ...]) -> None:
        try:
            if not highdicom_setup.ensure(slicer.util.confirmYesNoDisplay):
                return
        except ExportError as error:
            slicer.util.errorDisplay(str(error))
            return
        if self.target.currentIndex == 0:
            self._to_folder(
                _("Folder for DICOM objects"),
                lambda folder: dicom_objects.export_dicom(
                    self._nodes, self._rows(), folder, kinds, self._may_replace
                ),
            )
            return
        try:
            count = dicom_objects.add_to_database(self._nodes, self._rows(), kinds)
        except ExportError as error:
            slicer.util.errorDisplay(str(error))
            return
        self.ui.stepLabel.text = _("{count} objects are in the DICOM database").format(count=count)

    def _to_folder(self, title: str, write: Write) -> None:
        folder = qt.QFileDialog.getExistingDirectory(self.ui.exportButton, title)
        if not folder:
            return
        try:
            files = write(folder)
        except ExportError as error:
            slicer.util.errorDisplay(str(error))
            return
        words = _("{count} files written to {folder}") if files else _("Nothing was exported")
        self.ui.stepLabel.text = words.format(count=len(files), folder=folder)
