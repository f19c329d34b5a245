"""The module ``ctk``: the widgets of the Common Toolkit that a segmentation panel uses."""
# ruff: noqa: N801, N802, N815 (names of the Common Toolkit)

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from .stand_in import StandIn

_TITLE_HEIGHT = 22
_NO_LIMIT = 16_777_215  # QWIDGETSIZE_MAX, which PySide6 does not name
_SLIDER_STEPS = 1000


class ctkCollapsibleButton(StandIn, QtWidgets.QAbstractButton):
    """A section whose title is a button that folds its content away; checked means open."""

    properties = {"collapsed": False}
    contentsCollapsed = QtCore.Signal(bool)

    def __init__(self, *arguments: Any) -> None:
        """Take a title, a parent, or both."""
        super().__init__(*[each for each in arguments if not isinstance(each, str)])
        for title in arguments:
            if isinstance(title, str):
                self.setText(title)
        self._wanted_visible: dict[QtWidgets.QWidget, bool] = {}
        self._folding = False
        self.setContentsMargins(0, _TITLE_HEIGHT, 0, 0)
        self.setMinimumHeight(_TITLE_HEIGHT)
        self.setCheckable(True)
        self.setChecked(True)
        self.toggled.connect(self._follow_checked)

    def _follow_checked(self, checked: bool) -> None:
        self.setCollapsed(not checked)

    def _collapsed_changed(self) -> None:
        self._folding = True
        for child in self.children():
            if isinstance(child, QtWidgets.QWidget):
                self._watch(child)
                child.setVisible(self._wanted_visible[child] and not self.collapsed)
        self._folding = False
        self.setMaximumHeight(_TITLE_HEIGHT if self.collapsed else _NO_LIMIT)
        self.updateGeometry()
        self.setChecked(not self.collapsed)
        self.contentsCollapsed.emit(self.collapsed)

    def _watch(self, child: QtWidgets.QWidget) -> None:
        if child not in self._wanted_visible:
            self._wanted_visible[child] = not child.isHidden()
            child.installEventFilter(self)

    def childEvent(self, event: QtCore.QChildEvent) -> None:
        super().childEvent(event)
        # Not when it is added: then it is a QObject still, and Python would keep it as one.
        if event.polished() and isinstance(event.child(), QtWidgets.QWidget):
            self._watch(event.child())
            if self.collapsed:
                self._hide(event.child())

    def eventFilter(self, child: QtCore.QObject, event: QtCore.QEvent) -> bool:
        """Note what the module shows and hides while the section is folded, for when it opens."""
        kinds = QtCore.QEvent.Type
        shown = event.type() == kinds.ShowToParent
        if not self._folding and (shown or event.type() == kinds.HideToParent):
            self._wanted_visible[child] = shown
            if shown and self.collapsed:
                self._hide(child)
        return False

    def _hide(self, child: QtWidgets.QWidget) -> None:
        self._folding = True
        child.setVisible(False)
        self._folding = False

    def hitButton(self, position: QtCore.QPoint) -> bool:
        return position.y() < _TITLE_HEIGHT

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        styles, style = QtWidgets.QStyle, self.style()
        painter = QtGui.QPainter(self)
        bar = QtWidgets.QStyleOptionButton()
        bar.initFrom(self)
        bar.rect = QtCore.QRect(0, 0, self.width, _TITLE_HEIGHT - 2)
        style.drawControl(styles.ControlElement.CE_PushButtonBevel, bar, painter, self)
        arrow = QtWidgets.QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QtCore.QRect(4, 3, 14, 14)
        kinds = styles.PrimitiveElement
        kind = kinds.PE_IndicatorArrowRight if self.collapsed else kinds.PE_IndicatorArrowDown
        style.drawPrimitive(kind, arrow, painter, self)
        title = QtCore.QRect(24, 0, max(self.width - 24, 0), _TITLE_HEIGHT - 2)
        painter.drawText(title, QtCore.Qt.AlignmentFlag.AlignVCenter, self.text)
        painter.end()


class ctkSliderWidget(StandIn, QtWidgets.QWidget):
    """A slider and a spin box that show one number."""

    valueChanged = QtCore.Signal(float)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        self._slider.setRange(0, _SLIDER_STEPS)
        self._box = QtWidgets.QDoubleSpinBox()
        self._box.setRange(0.0, 99.0)
        layout.addWidget(self._slider)
        layout.addWidget(self._box)
        self._box.valueChanged.connect(self._follow_box)
        self._slider.valueChanged.connect(self._follow_slider)

    def _follow_box(self, value: float) -> None:
        self._show_on_slider()
        self.valueChanged.emit(value)

    def _show_on_slider(self) -> None:
        width = self.maximum - self.minimum
        blocked = self._slider.blockSignals(True)
        position = (self.value - self.minimum) / width if width else 0.0
        self._slider.setValue(round(position * _SLIDER_STEPS))
        self._slider.blockSignals(blocked)

    def _follow_slider(self, position: int) -> None:
        self.value = self.minimum + position / _SLIDER_STEPS * (self.maximum - self.minimum)

    def setValue(self, value: float) -> None:
        self._box.setValue(float(value))

    def setMinimum(self, minimum: float) -> None:
        self._box.setMinimum(float(minimum))
        self._show_on_slider()

    def setMaximum(self, maximum: float) -> None:
        self._box.setMaximum(float(maximum))
        self._show_on_slider()

    def setSingleStep(self, step: float) -> None:
        self._box.setSingleStep(float(step))

    value = QtCore.Property(float, lambda self: self._box.value, setValue)
    minimum = QtCore.Property(float, lambda self: self._box.minimum, setMinimum)
    maximum = QtCore.Property(float, lambda self: self._box.maximum, setMaximum)
    singleStep = QtCore.Property(float, lambda self: self._box.singleStep, setSingleStep)


WIDGETS = [ctkCollapsibleButton, ctkSliderWidget]
# Slicer's parameterNodeWrapper mentions these, so they must be there when it is used itself.
NAMES_ONLY = [
    "ctkCheckBox",
    "ctkComboBox",
    "ctkPathLineEdit",
    "ctkCheckablePushButton",
    "ctkColorPickerButton",
    "ctkDirectoryButton",
    "ctkDoubleRangeSlider",
    "ctkDoubleSlider",
    "ctkDoubleSpinBox",
    "ctkRangeWidget",
]
