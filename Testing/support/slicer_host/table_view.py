"""``qMRMLTableView``: the cells of a table node in a panel."""
# ruff: noqa: N801, N802, N815 (names of Slicer)

from __future__ import annotations

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from .observers import WidgetObserver
from .stand_in import StandIn


class qMRMLTableView(StandIn, QtWidgets.QTableView):
    """The cells of a locked table node, which is what the panel shows.

    Without column titles Slicer shows the columns' names as the first row; so does this.
    """

    mrmlSceneChanged = QtCore.Signal(object)
    vtk_signals = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged"}

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._node = None
        self._observer = WidgetObserver(self._refill)
        self._cells = _Cells(self)
        self.setModel(self._cells)

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        self.mrmlSceneChanged.emit(scene)

    def mrmlTableNode(self) -> slicer.vtkMRMLTableNode | None:
        return self._node

    def setMRMLTableNode(self, node: slicer.vtkMRMLTableNode | None) -> None:
        self._node = node
        self._observer.observe([] if node is None else [node], [vtk.vtkCommand.ModifiedEvent])
        self._refill()

    def _refill(self, node: slicer.vtkMRMLTableNode | None = None) -> None:
        self._cells.beginResetModel()
        self._cells.endResetModel()


class _Cells(QtCore.QAbstractTableModel):
    """The model behind the view; reads the table node itself, so it is never out of date."""

    def __init__(self, view: qMRMLTableView) -> None:
        super().__init__(view)
        self._view = view

    def rowCount(self, parent: QtCore.QModelIndex | None = None) -> int:
        node = self._view.mrmlTableNode()
        return 0 if node is None else node.GetNumberOfRows() + self._name_rows()

    def columnCount(self, parent: QtCore.QModelIndex | None = None) -> int:
        node = self._view.mrmlTableNode()
        return 0 if node is None else node.GetNumberOfColumns()

    def _name_rows(self) -> int:
        return 0 if self._view.mrmlTableNode().GetUseColumnTitleAsColumnHeader() else 1

    def data(self, index: QtCore.QModelIndex, role: int = 0) -> object:
        if role != QtCore.Qt.ItemDataRole.DisplayRole:
            return None
        node, column = self._view.mrmlTableNode(), index.column()
        row = index.row() - self._name_rows()
        return node.GetColumnName(column) if row < 0 else node.GetCellText(row, column)

    def headerData(self, section: int, orientation: QtCore.Qt.Orientation, role: int = 0) -> object:
        if orientation != QtCore.Qt.Orientation.Horizontal or self._name_rows():
            return super().headerData(section, orientation, role)
        node = self._view.mrmlTableNode()
        name = node.GetColumnName(section)
        if role == QtCore.Qt.ItemDataRole.DisplayRole:
            unit = node.GetColumnUnitLabel(name)
            title = node.GetColumnTitle(name) or name
            return f"{title} [{unit}]" if unit else title
        if role == QtCore.Qt.ItemDataRole.ToolTipRole:
            return node.GetColumnDescription(name)
        return None
