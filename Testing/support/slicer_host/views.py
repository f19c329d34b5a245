"""Slice and 3-D views that Slicer's own displayable managers draw, offscreen, without Qt."""
# ruff: noqa: N802 (names of Slicer)

from __future__ import annotations

import slicer
import slicer.util
import vtk
from PySide6 import QtCore

from .scene import application_logic

# Name, orientation and colour of the views of the four-up layout.
SLICE_VIEWS = {
    "Red": ("Axial", (0.95, 0.29, 0.26)),
    "Green": ("Coronal", (0.43, 0.69, 0.29)),
    "Yellow": ("Sagittal", (0.93, 0.84, 0.30)),
}
# By axis of RAS: the orientation across it, and the names of its two directions.
_AXES = {"Sagittal": "RL", "Coronal": "AP", "Axial": "SI"}
_DEFAULT_SIZE = (400, 400)
_SLICE_MANAGERS = (
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
)
_THREE_D_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
)


class _OffscreenView:
    """A render window with a group of displayable managers."""

    def __init__(self, factory: vtk.vtkObject, managers: tuple[str, ...]) -> None:
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetSize(*_DEFAULT_SIZE)
        self.renderer = vtk.vtkRenderer()
        self.window.AddRenderer(self.renderer)
        self.interactor = vtk.vtkRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        self.interactor.Initialize()
        for name in managers:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        self.managers = slicer.vtkMRMLDisplayableManagerGroup()
        self.managers.SetRenderer(self.renderer)
        self.managers.Initialize(factory, self.renderer)


class SliceView(_OffscreenView):
    """A slice view of a slice logic.

    Parameters
    ----------
    logic
        The logic, whose node and images are shown.
    """

    def __init__(self, logic: slicer.vtkMRMLSliceLogic) -> None:
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        super().__init__(factory, _SLICE_MANAGERS)
        self.logic = logic
        self.node = logic.GetSliceNode()
        # The managers draw annotations into a second layer, over the image.
        overlay = vtk.vtkRenderer()
        overlay.SetLayer(1)
        self.window.SetNumberOfLayers(2)
        self.window.SetAlphaBitPlanes(1)
        self.window.AddRenderer(overlay)
        for renderer in (self.renderer, overlay):
            renderer.GetActiveCamera().ParallelProjectionOn()
        self.managers.SetMRMLDisplayableNode(self.node)
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        actor = vtk.vtkActor2D()
        actor.SetMapper(self._mapper)
        actor.GetProperty().SetDisplayLocationToBackground()
        self.renderer.AddViewProp(actor)

    def resize(self, width: int, height: int) -> None:
        self.window.SetSize(width, height)
        self.logic.ResizeSliceNode(width, height)

    def centre(self, centre_ras: tuple[float, float, float]) -> None:
        self.node.JumpSliceByCentering(*centre_ras)

    def position(self) -> str:
        """Where the slice lies, as Slicer's slider says it: "S: 12.5 mm"."""
        orientation = self.node.GetOrientation()
        if orientation not in _AXES:
            return orientation
        axis = list(_AXES).index(orientation)
        coordinate = self.node.GetSliceToRAS().GetElement(axis, 3)
        return f"{_AXES[orientation][coordinate < 0]}: {abs(coordinate):.1f} mm"

    def set_field_of_view(self, width_mm: float) -> None:
        width, height, depth = self.node.GetFieldOfView()
        self.node.SetFieldOfView(width_mm, height * width_mm / width, depth)

    def render(self) -> vtk.vtkRenderWindow:
        """Draw the view's present state."""
        # The connection changes with the layers that are shown.
        self._mapper.SetInputConnection(self.logic.GetImageDataConnection())
        self.window.Render()
        return self.window


class ThreeDView(_OffscreenView):
    """The 3-D view of a view logic.

    Parameters
    ----------
    logic
        The logic, whose node is shown.
    """

    def __init__(self, logic: slicer.vtkMRMLViewLogic) -> None:
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        super().__init__(factory, _THREE_D_MANAGERS)
        self.node = logic.GetViewNode()
        self.managers.SetMRMLDisplayableNode(self.node)

    def resize(self, width: int, height: int) -> None:
        self.window.SetSize(width, height)

    def render(self) -> vtk.vtkRenderWindow:
        """Draw the view's present state, with the camera on what is shown."""
        bounds = _surface_bounds()
        if bounds is None:
            self.renderer.ResetCamera()
        else:
            self.renderer.ResetCamera(bounds)
        self.window.Render()
        return self.window


def _surface_bounds() -> list[float] | None:
    """World bounds of the first segmentation that has surfaces, in mm."""
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        if node.GetSegmentation().ContainsRepresentation("Closed surface"):
            bounds = [0.0] * 6
            node.GetRASBounds(bounds)
            return bounds
    return None


class LayoutManager(QtCore.QObject):
    """``slicer.app.layoutManager()``: true layout and slice logics, of the four-up layout's views.

    Render windows are made when they are first asked for, because most tests need none.
    """

    def __init__(self) -> None:
        super().__init__()
        # Before the layout's logic, which would make nodes of its own for these views.
        self._logics = {name: _new_slice_logic(name) for name in SLICE_VIEWS}
        self._view_logic = _new_view_logic()
        self._layout_logic = slicer.vtkMRMLLayoutLogic()
        self._layout_logic.SetMRMLApplicationLogic(application_logic())
        self._layout_logic.SetMRMLScene(slicer.mrmlScene)
        self.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        self._slice_views: dict[str, SliceView] = {}
        self._three_d_view: ThreeDView | None = None

    def layoutLogic(self) -> slicer.vtkMRMLLayoutLogic:
        return self._layout_logic

    def setLayout(self, layout: int) -> None:
        self._layout_logic.GetLayoutNode().SetViewArrangement(layout)

    def _get_layout(self) -> int:
        return self._layout_logic.GetLayoutNode().GetViewArrangement()

    layout = QtCore.Property(int, _get_layout, setLayout)

    def sliceViewNames(self) -> tuple[str, ...]:
        return tuple(self._logics)

    def mrmlSliceLogics(self) -> vtk.vtkCollection:
        return application_logic().GetSliceLogics()

    def slice_view(self, name: str) -> SliceView:
        """The view of a name, with its render window."""
        if name not in self._slice_views:
            self._slice_views[name] = SliceView(self._logics[name])
        return self._slice_views[name]

    def three_d_view(self) -> ThreeDView:
        """The 3-D view, with its render window."""
        if self._three_d_view is None:
            self._three_d_view = ThreeDView(self._view_logic)
        return self._three_d_view


def _new_view_logic() -> slicer.vtkMRMLViewLogic:
    logic = slicer.vtkMRMLViewLogic()
    logic.SetMRMLApplicationLogic(application_logic())
    application_logic().GetViewLogics().AddItem(logic)
    logic.SetName("1")  # finds its node again by this, when the scene was closed
    logic.SetMRMLScene(slicer.mrmlScene)
    logic.AddViewNode("1")
    return logic


def _new_slice_logic(name: str) -> slicer.vtkMRMLSliceLogic:
    orientation, colour = SLICE_VIEWS[name]
    logic = slicer.vtkMRMLSliceLogic()
    logic.SetMRMLApplicationLogic(application_logic())
    application_logic().GetSliceLogics().AddItem(logic)
    logic.SetMRMLScene(slicer.mrmlScene)
    node = logic.AddSliceNode(name)
    node.SetLayoutColor(*colour)
    node.SetOrientation(orientation)
    logic.ResizeSliceNode(*_DEFAULT_SIZE)
    return logic
