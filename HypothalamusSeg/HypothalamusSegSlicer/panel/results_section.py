"""Section “Results” and “Volumes” of the panel."""

from __future__ import annotations

from collections.abc import Sequence

import qt
import slicer
from HypothalamusSegLib.measures.protocol import Protocol
from slicer.i18n import tr as _

from ..scene.navigation import look_at
from ..scene.result_nodes import ResultNodes
from ..scene.structures import DISPLAY_NAMES
from ..volumes.chart import show_chart
from ..volumes.rows import VolumeRow
from ..volumes.table import as_text, columns
from .protocol_text import result_protocol_text
from .quality_text import quality_html

SURFACE = "Closed surface"
TABLE_FILTER = "CSV (*.csv);;TSV (*.tsv)"
SEPARATORS = {".csv": ",", ".tsv": "\t"}


class ResultsSection:
    """Quality, display and the table of the volume that is shown."""

    def __init__(self, ui) -> None:
        self.ui = ui
        self._nodes: ResultNodes | None = None
        self._rows: Sequence[VolumeRow] = ()
        self._is_blinded = False
        self._lost: tuple[str, ...] = ()
        ui.tableView.verticalHeader().hide()
        ui.show3dButton.connect("toggled(bool)", self._show_3d)
        ui.opacitySlider.connect("valueChanged(double)", self._set_opacity)
        ui.allColumnsCheckBox.connect("toggled(bool)", self._show_columns)
        ui.copyButton.connect("clicked(bool)", self._copy)
        ui.saveTableButton.connect("clicked(bool)", self._save)
        ui.chartButton.connect("clicked(bool)", self._chart)

    def show(self, nodes: ResultNodes | None) -> None:
        self._nodes, self._lost = nodes, ()
        there = nodes is not None
        for name in (
            "show3dButton",
            "opacitySlider",
            "copyButton",
            "saveTableButton",
            "chartButton",
        ):
            getattr(self.ui, name).enabled = there
        self.ui.qualityBrowser.visible = there and not self._is_blinded
        self.ui.tableView.setMRMLTableNode(nodes.table if there else None)
        self.ui.resultProtocolLabel.visible = False
        if not there:
            self.ui.resultLabel.text = _("No result for this volume yet.")
            return
        self.show_names()
        self.ui.qualityBrowser.html = quality_html(nodes.record.engine["quality"])
        self.sync()

    def show_names(self) -> None:
        """Name the segmentations, or the structures whose network output is lost."""
        if self._nodes is None:
            return
        if self._lost:
            words = _(
                "▲ The networks' output of these structures was lost when the scene was saved or "
                "opened, or belongs to another scan: {names}. Edits are told by the volume alone, "
                "and cannot be reverted."
            )
            names = [DISPLAY_NAMES[structure] for structure in self._lost]
        else:
            words = _("Segmentations: {names}")
            names = [node.GetName() for _plan, node in self._nodes.segmentations()]
        self.ui.resultLabel.text = words.format(names=", ".join(names))

    def show_protocol(self, chosen: Protocol | None) -> None:
        """Say whose outlines the result has, and whether new ones would be others'."""
        record = self._nodes.record if self._nodes is not None else None
        text = result_protocol_text(record.engine, chosen) if record is not None else ""
        self.ui.resultProtocolLabel.text = text
        self.ui.resultProtocolLabel.visible = bool(text)

    def set_blinded(self, is_blinded: bool) -> None:
        """Hide what the networks say of a scan, or show it again."""
        self._is_blinded = is_blinded
        self.ui.qualityBrowser.visible = self._nodes is not None and not is_blinded
        self.ui.volumesCollapsible.visible = not is_blinded

    def sync(self) -> None:
        """Show what the display nodes say, whoever changed them."""
        node = self._surface_node()
        if node is None:
            return
        display, segmentation = node.GetDisplayNode(), node.GetSegmentation()
        shown = segmentation.ContainsRepresentation(SURFACE) and display.GetVisibility3D()
        for widget, name, value in (
            (self.ui.show3dButton, "checked", bool(shown)),
            (self.ui.opacitySlider, "value", display.GetOpacity2DFill()),
        ):
            was_blocked = widget.blockSignals(True)
            setattr(widget, name, value)
            widget.blockSignals(was_blocked)

    def _surface_node(self) -> slicer.vtkMRMLSegmentationNode | None:
        """What is shown in 3-D: the hypothalamus without the head around it, if there is one."""
        roles = ("subunits", "hypothalamus", "icv") if self._nodes is not None else ()
        found = (self._nodes.segmentation(role) for role in roles)
        return next((node for node in found if node is not None), None)

    def show_rows(self, rows: Sequence[VolumeRow]) -> None:
        """Take the rows of the table, which its node already holds."""
        self._rows = rows
        table = self._nodes.table if self._nodes is not None else None
        if self.ui.tableView.mrmlTableNode() is not table:
            self.ui.tableView.setMRMLTableNode(table)
        self._show_columns(self.ui.allColumnsCheckBox.checked)

    def _show_columns(self, every: bool) -> None:
        """Hide the details, so that the rest fits the panel's width."""
        if self.ui.tableView.mrmlTableNode() is None:
            return
        for index, column in enumerate(columns(self._nodes.record.engine["reference_icv_mm3"])):
            self.ui.tableView.setColumnHidden(index, column.is_detail and not every)
        self.ui.tableView.resizeColumnsToContents()
        # Without details the names take what is left, so that no column is out of sight.
        mode = qt.QHeaderView.Interactive if every else qt.QHeaderView.Stretch
        self.ui.tableView.horizontalHeader().setSectionResizeMode(0, mode)

    def show_lost(self, structures: Sequence[str]) -> None:
        """Say which structures cannot be compared with the networks' output."""
        self._lost = tuple(structures)
        self.show_names()

    def _show_3d(self, shown: bool) -> None:
        node = self._surface_node()
        if node is None:
            return
        if not shown:
            node.RemoveClosedSurfaceRepresentation()
            return
        with slicer.util.WaitCursor():
            node.CreateClosedSurfaceRepresentation()
        node.GetDisplayNode().SetVisibility3D(True)
        look_at(node)

    def _set_opacity(self, opacity: float) -> None:
        if self._nodes is not None:
            for _plan, node in self._nodes.segmentations():
                node.GetDisplayNode().SetOpacity2DFill(opacity)

    def _copy(self, checked: bool = False) -> None:
        text = as_text(self._rows, "\t")
        qt.QApplication.clipboard().setText(text)

    def _save(self, checked: bool = False) -> None:
        path = qt.QFileDialog.getSaveFileName(
            self.ui.tableView,
            _("Save volumes"),
            f"{self._nodes.volume.GetName()}_volumes.csv",
            TABLE_FILTER,
        )
        if path:
            self.save_table(path)

    def save_table(self, path: str) -> None:
        """Write the table as CSV or, by the file's ending, TSV."""
        suffix = ".tsv" if path.lower().endswith(".tsv") else ".csv"
        text = as_text(self._rows, SEPARATORS[suffix])
        try:
            with open(path, "w", encoding="utf-8", newline="") as stream:
                stream.write(text)
        except OSError as error:
            slicer.util.errorDisplay(
                _(
                    "The table could not be saved to {path}: {reason}. Choose another folder."
                ).format(path=path, reason=error.strerror)
            )

    def _chart(self, checked: bool = False) -> None:
        show_chart(self._nodes, self._rows)
