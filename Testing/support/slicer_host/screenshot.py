"""A picture of a panel beside the slice and 3-D views, as the application's window shows them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from PySide6 import QtGui, QtWidgets
from vtk.util.numpy_support import vtk_to_numpy

from .application import pump
from .views import SLICE_VIEWS, SliceView

_GAP = 2
_BAR_HEIGHT = 20
_SLICE_PLACES = {"Red": (0, 0), "Green": (1, 0), "Yellow": (1, 1)}
_THREE_D_PLACE = (0, 1)
_THREE_D_COLOUR = (0.45, 0.47, 0.74)
_DARK = {
    "Window": "#353535",
    "WindowText": "#f0f0f0",
    "Base": "#232323",
    "AlternateBase": "#2d2d2d",
    "Text": "#f0f0f0",
    "PlaceholderText": "#909090",
    "ToolTipBase": "#353535",
    "ToolTipText": "#f0f0f0",
    "Button": "#404040",
    "ButtonText": "#f0f0f0",
    "Light": "#505050",
    "Midlight": "#484848",
    "Mid": "#2a2a2a",
    "Dark": "#202020",
    "Shadow": "#101010",
    "Link": "#5aa0f0",
    "Highlight": "#2a70c8",
    "HighlightedText": "#ffffff",
}


def window_picture(
    panel: QtWidgets.QWidget | Any,
    path: str | Path,
    size: tuple[int, int] = (1300, 860),
    panel_width: int = 430,
    centre_ras: tuple[float, float, float] | None = None,
    field_of_view_mm: float | None = None,
    dark: bool = False,
) -> None:
    """Write a picture of a panel at the left and the four views at the right.

    The panel is lent for the picture: it goes back to its parent, or to being a window of its own.

    Parameters
    ----------
    panel
        The panel, ``module.widgetRepresentation()``, or the module's widget from `open_widget`.
    path
        The picture, a PNG file; folders are made.
    size
        Width and height of the picture, in pixels.
    panel_width
        Width of the panel, in pixels.
    centre_ras
        The point that the slices go through, in mm; by default where they are.
    field_of_view_mm
        Width of a slice view; by default that of the volume.
    dark
        Whether colours are those of a dark system.
    """
    if not isinstance(panel, QtWidgets.QWidget):
        panel = panel.parent
    view_size = ((size[0] - panel_width - 4 * _GAP) // 2, size[1] // 2 - 2 * _GAP - _BAR_HEIGHT)
    with _palette(dark), _lent(panel):
        window = _window(panel, size, panel_width)
        views = QtWidgets.QGridLayout()
        views.setSpacing(_GAP)
        for name, place in _SLICE_PLACES.items():
            view = slicer.app.layoutManager().slice_view(name)
            _aim(view, view_size, centre_ras, field_of_view_mm)
            title = f"{name[0]}   {view.position()}"
            views.addWidget(_framed(view.render(), title, SLICE_VIEWS[name][1]), *place)
        three_d = slicer.app.layoutManager().three_d_view()
        three_d.resize(*view_size)
        views.addWidget(_framed(three_d.render(), "1", _THREE_D_COLOUR), *_THREE_D_PLACE)
        window.layout().addLayout(views, 1)
        window.show()
        pump(100)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if not window.grab().save(str(path)):
            raise OSError(f"cannot write the picture {path}")
        window.findChild(QtWidgets.QScrollArea).takeWidget()
    window.deleteLater()
    pump(0)


def _window(panel: QtWidgets.QWidget, size: tuple[int, int], panel_width: int) -> QtWidgets.QWidget:
    window = QtWidgets.QWidget()
    window.setFixedSize(*size)
    layout = QtWidgets.QHBoxLayout(window)
    layout.setContentsMargins(_GAP, _GAP, _GAP, _GAP)
    layout.setSpacing(_GAP)
    scroll = QtWidgets.QScrollArea()
    scroll.setFixedWidth(panel_width)
    scroll.setWidgetResizable(True)
    scroll.setWidget(panel)
    layout.addWidget(scroll)
    return window


def _aim(
    view: SliceView,
    size: tuple[int, int],
    centre_ras: tuple[float, float, float] | None,
    field_of_view_mm: float | None,
) -> None:
    offset = view.node.GetSliceOffset()
    view.resize(*size)
    view.logic.FitSliceToBackground()
    view.node.SetSliceOffset(offset)
    if field_of_view_mm is not None:
        view.set_field_of_view(field_of_view_mm)
    if centre_ras is not None:
        view.centre(centre_ras)


def _framed(
    window: vtk.vtkRenderWindow, title: str, colour: tuple[float, float, float]
) -> QtWidgets.QWidget:
    """A view's image under a bar in the view's colour."""
    frame = QtWidgets.QWidget()
    layout = QtWidgets.QVBoxLayout(frame)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    bar, image = QtWidgets.QLabel(f" {title}"), QtWidgets.QLabel()
    bar.setFixedHeight(_BAR_HEIGHT)
    name = QtGui.QColor.fromRgbF(*colour).name()
    bar.setStyleSheet(f"background: {name}; color: black;")
    image.setPixmap(_pixmap(window))
    layout.addWidget(bar)
    layout.addWidget(image)
    return frame


def _pixmap(window: vtk.vtkRenderWindow) -> QtGui.QPixmap:
    grabber = vtk.vtkWindowToImageFilter()
    grabber.SetInput(window)
    grabber.ReadFrontBufferOff()
    grabber.Update()
    output = grabber.GetOutput()
    width, height, _ = output.GetDimensions()
    pixels = vtk_to_numpy(output.GetPointData().GetScalars()).reshape(height, width, -1)
    # VTK counts rows from the bottom.
    rgb = np.ascontiguousarray(pixels[::-1, :, :3])
    image = QtGui.QImage(rgb.data, width, height, 3 * width, QtGui.QImage.Format.Format_RGB888)
    return QtGui.QPixmap.fromImage(image)


@contextmanager
def _palette(dark: bool) -> Iterator[None]:
    """The application in dark colours for a while, if wanted."""
    if not dark:
        yield
        return
    before = QtWidgets.QApplication.palette()
    palette = QtGui.QPalette(before)
    groups, roles = QtGui.QPalette.ColorGroup, QtGui.QPalette.ColorRole
    for role, colour in _DARK.items():
        palette.setColor(getattr(roles, role), QtGui.QColor(colour))
    for role in ("WindowText", "Text", "ButtonText"):
        palette.setColor(groups.Disabled, getattr(roles, role), QtGui.QColor("#808080"))
    QtWidgets.QApplication.setPalette(palette)
    pump(0)
    try:
        yield
    finally:
        QtWidgets.QApplication.setPalette(before)
        pump(0)


@contextmanager
def _lent(panel: QtWidgets.QWidget) -> Iterator[None]:
    """Put a widget back where it was, when it was put elsewhere."""
    parent, size, was_hidden = panel.parentWidget(), panel.size, panel.isHidden()
    layout = parent.layout() if parent is not None else None
    place = layout.indexOf(panel) if isinstance(layout, QtWidgets.QBoxLayout) else -1
    try:
        yield
    finally:
        if place >= 0:
            layout.insertWidget(place, panel)
        else:
            panel.setParent(parent)
            panel.resize(size)
        panel.setVisible(not was_hidden)
