"""Volumes with the spread of the networks, in Slicer's plot view."""

from __future__ import annotations

from collections.abc import Sequence

import slicer
import vtk

from ..scene.result_nodes import ResultNodes
from .rows import VolumeRow


def show_chart(nodes: ResultNodes, rows: Sequence[VolumeRow]) -> slicer.vtkMRMLPlotChartNode:
    """Make or update the chart of a result and show it in a plot view."""
    scene, name = nodes.volume.GetScene(), nodes.volume.GetName()
    shown = [row for row in rows if row.unit == "mm³"]
    table = nodes.make("vtkMRMLTableNode", "chart-data", f"{name} chart data", is_hidden=True)
    _fill(table, shown)
    chart = nodes.make("vtkMRMLPlotChartNode", "chart", f"{name} hypothalamus chart")
    chart.RemoveAllPlotSeriesNodeIDs()
    chart.SetTitle(f"{name}: volumes and spread of the networks (± 1 SD)")
    chart.SetYAxisTitle("mm³")
    chart.SetYAxisRangeAuto(True)
    for column, marker, colour in (
        ("volume", slicer.vtkMRMLPlotSeriesNode.MarkerStyleCircle, (0.1, 0.4, 0.7)),
        ("minus", slicer.vtkMRMLPlotSeriesNode.MarkerStyleCross, (0.55, 0.55, 0.55)),
        ("plus", slicer.vtkMRMLPlotSeriesNode.MarkerStyleCross, (0.55, 0.55, 0.55)),
    ):
        series = nodes.make("vtkMRMLPlotSeriesNode", f"chart-{column}", f"{name} {column}")
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetXColumnName("position")
        series.SetYColumnName(column)
        series.SetLabelColumnName("structure")
        series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
        series.SetLineStyle(slicer.vtkMRMLPlotSeriesNode.LineStyleNone)
        series.SetMarkerStyle(marker)
        series.SetColor(*colour)
        chart.AddAndObservePlotSeriesNodeID(series.GetID())
    selection = scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
    if selection is not None:
        selection.SetReferenceActivePlotChartID(chart.GetID())
    logic = slicer.modules.plots.logic()
    if hasattr(logic, "ShowChartInLayout"):
        logic.ShowChartInLayout(chart)
    return chart


def _fill(table: slicer.vtkMRMLTableNode, rows: Sequence[VolumeRow]) -> None:
    table.RemoveAllColumns()
    names = vtk.vtkStringArray()
    names.SetName("structure")
    numbers = {name: vtk.vtkDoubleArray() for name in ("position", "volume", "minus", "plus")}
    for position, row in enumerate(rows, start=1):
        spread = 0.0 if row.fold_sd != row.fold_sd else row.fold_sd
        names.InsertNextValue(row.name)
        values = (position, row.value, row.value - spread, row.value + spread)
        for name, value in zip(numbers, values, strict=True):
            numbers[name].InsertNextValue(value)
    table.AddColumn(names)
    for name, array in numbers.items():
        array.SetName(name)
        table.AddColumn(array)
