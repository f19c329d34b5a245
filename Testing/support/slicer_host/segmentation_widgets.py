"""The widgets of a segmentation: the list of its segments, and the button for 3-D."""
# ruff: noqa: N801, N802, N815 (names of Slicer)

from __future__ import annotations

import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets

from .mrml_widgets import qMRMLWidget
from .observers import WidgetObserver
from .stand_in import StandIn

_COLUMNS = ("", "Color", "Opacity", "Name")
_VISIBILITY, _COLOUR, _OPACITY, _NAME = range(4)
_EVENTS = (
    vtk.vtkCommand.ModifiedEvent,
    slicer.vtkSegmentation.SegmentAdded,
    slicer.vtkSegmentation.SegmentRemoved,
    slicer.vtkSegmentation.SegmentModified,
    slicer.vtkSegmentation.SegmentsOrderModified,
)


class qMRMLSegmentsTableView(qMRMLWidget):
    """The segments of a segmentation with visibility, colour, opacity and name."""

    properties = {
        "selectionMode": 3,
        "headerVisible": True,
        "visibilityColumnVisible": True,
        "colorColumnVisible": True,
        "opacityColumnVisible": True,
        "statusColumnVisible": False,
        "layerColumnVisible": False,
        "readOnly": False,
        "filterBarVisible": False,
        "textFilter": "",
        "jumpToSelectedSegmentEnabled": False,
        "useTerminologySelector": True,
    }
    selectionChanged = QtCore.Signal(QtCore.QItemSelection, QtCore.QItemSelection)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._table = QtWidgets.QTableWidget(0, len(_COLUMNS))
        self._table.setHorizontalHeaderLabels(_COLUMNS)
        self._table.setSelectionBehavior(QtWidgets.QTableView.SelectionBehavior.SelectRows)
        self._table.horizontalHeader().setStretchLastSection(True)
        self._table.verticalHeader().setVisible(False)
        for column, width in ((_VISIBILITY, 24), (_COLOUR, 44), (_OPACITY, 60)):
            self._table.setColumnWidth(column, width)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._table)
        self._node = None
        self._observer = WidgetObserver(self._refill)
        self._table.itemChanged.connect(self._edited)
        self._table.selectionModel().selectionChanged.connect(self.selectionChanged)

    def tableWidget(self) -> QtWidgets.QTableView:
        return self._table

    def segmentationNode(self) -> slicer.vtkMRMLSegmentationNode | None:
        return self._node

    def setSegmentationNode(self, node: slicer.vtkMRMLSegmentationNode | None) -> None:
        self._node = node
        self._observer.observe([] if node is None else [node], _EVENTS)
        self._refill()

    def _ids(self) -> list[str]:
        node = self.segmentationNode()
        return list(node.GetSegmentation().GetSegmentIDs()) if node is not None else []

    segmentCount = QtCore.Property(int, lambda self: len(self._ids()))

    def displayedSegmentIDs(self) -> list[str]:
        return self._ids()

    def rowForSegmentID(self, segment_id: str) -> int:
        return self._ids().index(segment_id) if segment_id in self._ids() else -1

    def segmentIDForRow(self, row: int) -> str:
        return self._ids()[row]

    def selectedSegmentIDs(self) -> list[str]:
        rows = {index.row() for index in self._table.selectionModel().selectedRows()}
        return [self._ids()[row] for row in sorted(rows)]

    def setSelectedSegmentIDs(self, segment_ids: list[str]) -> None:
        flags = QtCore.QItemSelectionModel.SelectionFlag
        selection = self._table.selectionModel()
        selection.clearSelection()
        for row in map(self.rowForSegmentID, segment_ids):
            index = self._table.model().index(row, _NAME)
            selection.select(index, flags.Select | flags.Rows)

    def clearSelection(self) -> None:
        self._table.clearSelection()

    def _refill(self, node: slicer.vtkMRMLSegmentationNode | None = None) -> None:
        ids = self._ids()
        blocked = self._table.blockSignals(True)
        self._table.setRowCount(len(ids))
        for row, segment_id in enumerate(ids):
            for column, item in enumerate(self._cells(segment_id)):
                if column != _NAME or self.readOnly:
                    item.setFlags(item.flags() & ~QtCore.Qt.ItemFlag.ItemIsEditable)
                self._table.setItem(row, column, item)
        self._table.blockSignals(blocked)

    def _cells(self, segment_id: str) -> list[QtWidgets.QTableWidgetItem]:
        node = self.segmentationNode()
        segment, display = node.GetSegmentation().GetSegment(segment_id), node.GetDisplayNode()
        visible = display is not None and display.GetSegmentVisibility(segment_id)
        opacity = f"{display.GetSegmentOpacity3D(segment_id):.2f}" if display is not None else ""
        colour = QtWidgets.QTableWidgetItem()
        colour.setBackground(QtGui.QColor.fromRgbF(*segment.GetColor()))
        texts = ("●" if visible else "○", opacity, segment.GetName())
        visibility, opacity_cell, name = map(QtWidgets.QTableWidgetItem, texts)
        return [visibility, colour, opacity_cell, name]

    def _edited(self, item: QtWidgets.QTableWidgetItem) -> None:
        if item.column() == _NAME:
            segment_id = self._ids()[item.row()]
            self.segmentationNode().GetSegmentation().GetSegment(segment_id).SetName(item.text())

    def _columns_changed(self) -> None:
        shown = (self.visibilityColumnVisible, self.colorColumnVisible, self.opacityColumnVisible)
        for column, visible in enumerate(shown):
            self._table.setColumnHidden(column, not visible)
        self._table.horizontalHeader().setVisible(self.headerVisible)

    _visibilityColumnVisible_changed = _colorColumnVisible_changed = _columns_changed
    _opacityColumnVisible_changed = _headerVisible_changed = _columns_changed
    _readOnly_changed = _refill


class qMRMLSegmentationShow3DButton(StandIn, QtWidgets.QPushButton):
    """Shows or hides a segmentation in 3-D."""

    properties = {"locked": False}

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__("Show 3D", parent)
        self.setCheckable(True)
        self._node = None
        self._observer = WidgetObserver(self._show_state)
        self.toggled.connect(self._toggled)
        self._show_state()

    def segmentationNode(self) -> slicer.vtkMRMLSegmentationNode | None:
        return self._node

    def setSegmentationNode(self, node: slicer.vtkMRMLSegmentationNode | None) -> None:
        self._node = node
        self._observer.observe([] if node is None else [node], [vtk.vtkCommand.ModifiedEvent])
        self._show_state()

    def _show_state(self, node: slicer.vtkMRMLSegmentationNode | None = None) -> None:
        node, surface = self.segmentationNode(), "Closed surface"
        blocked = self.blockSignals(True)
        self.setChecked(node is not None and node.GetSegmentation().ContainsRepresentation(surface))
        self.blockSignals(blocked)
        self.setEnabled(node is not None and not self.locked)

    _locked_changed = _show_state

    def _toggled(self, shown: bool) -> None:
        if shown:
            self.segmentationNode().CreateClosedSurfaceRepresentation()
        else:
            self.segmentationNode().RemoveClosedSurfaceRepresentation()
