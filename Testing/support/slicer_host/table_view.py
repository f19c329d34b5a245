"""``qMRMLTableView`` and ``qMRMLPlotView``: a table node and a chart node in a panel."""
# ruff: noqa: N801, N802, N815 (names of Slicer)

from __future__ import annotations

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from .mrml_widgets import qMRMLWidget
from .observers import WidgetObserver
from .stand_in import StandIn

_EDITABLE = QtCore.Qt.ItemFlag.ItemIsEditable


class qMRMLTableView(StandIn, QtWidgets.QTableView):
    """The cells of a table node, which the user can edit unless the table is locked.

    Without column titles Slicer shows the columns' names as the first row; so does this.
    """

    properties = {"transposed": False, "firstRowLocked": False, "firstColumnLocked": False}
    mrmlSceneChanged = QtCore.Signal(object)
    selectionChangedSignal = QtCore.Signal()
    vtk_signals = {
        "mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged",
        "selectionChanged()": "selectionChangedSignal",
    }

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene = None
        self._node = None
        self._observer = WidgetObserver(self._refill)
        self._cells = _Cells(self)
        self.setModel(self._cells)
        self.selectionModel().selectionChanged.connect(
            lambda selected, deselected: self.selectionChangedSignal.emit()
        )

    def mrmlScene(self) -> slicer.vtkMRMLScene | None:
        return self._scene

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        self._scene = scene
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

    _transposed_changed = _refill


class _Cells(QtCore.QAbstractTableModel):
    """The model behind the view; reads the table node itself, so it is never out of date."""

    def __init__(self, view: qMRMLTableView) -> None:
        super().__init__(view)
        self._view = view

    def rowCount(self, parent: QtCore.QModelIndex | None = None) -> int:
        return self._size()[1 if self._view.transposed else 0]

    def columnCount(self, parent: QtCore.QModelIndex | None = None) -> int:
        return self._size()[0 if self._view.transposed else 1]

    def _size(self) -> tuple[int, int]:
        node = self._view.mrmlTableNode()
        if node is None:
            return 0, 0
        return node.GetNumberOfRows() + self._name_rows(), node.GetNumberOfColumns()

    def _name_rows(self) -> int:
        return 0 if self._view.mrmlTableNode().GetUseColumnTitleAsColumnHeader() else 1

    def _cell(self, index: QtCore.QModelIndex) -> tuple[int, int]:
        """Row and column in the table node; row -1 is that of the columns' names."""
        row, column = index.row(), index.column()
        if self._view.transposed:
            row, column = column, row
        return row - self._name_rows(), column

    def data(self, index: QtCore.QModelIndex, role: int = 0) -> object:
        roles = QtCore.Qt.ItemDataRole
        if role not in (roles.DisplayRole, roles.EditRole):
            return None
        node = self._view.mrmlTableNode()
        row, column = self._cell(index)
        return node.GetColumnName(column) if row < 0 else node.GetCellText(row, column)

    def setData(self, index: QtCore.QModelIndex, value: object, role: int = 0) -> bool:
        row, column = self._cell(index)
        if row < 0:
            return False
        return self._view.mrmlTableNode().SetCellText(row, column, str(value))

    def flags(self, index: QtCore.QModelIndex) -> QtCore.Qt.ItemFlag:
        flags = super().flags(index)
        row, column = self._cell(index)
        locked = self._view.mrmlTableNode().GetLocked()
        locked |= self._view.firstRowLocked and row == 0
        locked |= self._view.firstColumnLocked and column == 0
        return flags if locked else flags | _EDITABLE

    def headerData(self, section: int, orientation: QtCore.Qt.Orientation, role: int = 0) -> object:
        node = self._view.mrmlTableNode()
        along_columns = orientation == QtCore.Qt.Orientation.Horizontal
        if along_columns is bool(self._view.transposed) or self._name_rows():
            return super().headerData(section, orientation, role)
        name = node.GetColumnName(section)
        if role == QtCore.Qt.ItemDataRole.DisplayRole:
            return node.GetColumnTitle(name) or name
        if role == QtCore.Qt.ItemDataRole.ToolTipRole:
            return node.GetColumnDescription(name)
        return None


class qMRMLPlotView(qMRMLWidget):
    """Where Slicer would draw a chart; here only its place and its view node."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._view_node = None
        layout = QtWidgets.QVBoxLayout(self)
        layout.addWidget(QtWidgets.QLabel("Chart (not drawn by the tests' stand-in)"))

    def mrmlPlotViewNode(self) -> slicer.vtkMRMLPlotViewNode | None:
        return self._view_node

    def setMRMLPlotViewNode(self, node: slicer.vtkMRMLPlotViewNode | None) -> None:
        self._view_node = node

    def fitToContent(self) -> None:
        """Do nothing: nothing is drawn."""
