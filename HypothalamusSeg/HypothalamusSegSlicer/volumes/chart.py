"""Volumes with the spread of the networks, in Slicer's plot view."""

from __future__ import annotations

import math
from collections.abc import Sequence

import slicer
import vtk
from HypothalamusSegLib.measures.protocol import protocol_name

from ..scene.result_nodes import ResultNodes
from ..scene.structures import NODE_PLANS
from .rows import VolumeRow

TITLE_POINTS = 14  # a longer name would be cut at the default size
TOTAL_COLOUR = (0.35, 0.35, 0.35)


def show_chart(nodes: ResultNodes, rows: Sequence[VolumeRow]) -> slicer.vtkMRMLPlotChartNode:
    """Make or update the chart of a result and show it in a plot view.

    Each structure is a series of its own, a bar from volume − SD to volume + SD: the axis of
    Slicer's charts cannot show names, but the legend does.
    """
    scene, name = nodes.volume.GetScene(), nodes.volume.GetName()
    shown = [row for row in rows if row.unit == "mm³" and not math.isnan(row.value)]
    table = nodes.make("vtkMRMLTableNode", "chart-data", f"{name} chart data", is_hidden=True)
    _fill(table, shown)
    chart = nodes.make("vtkMRMLPlotChartNode", "chart", f"{name} hypothalamus chart")
    chart.RemoveAllPlotSeriesNodeIDs()
    chart.SetTitle(name)
    chart.SetTitleFontSize(TITLE_POINTS)
    protocol = protocol_name(nodes.record.engine)
    chart.SetYAxisTitle(f"Volume (mm³) ± 1 SD of the networks, protocol {protocol}")
    chart.SetXAxisTitle("Number in the legend")
    chart.SetLegendVisibility(True)
    chart.SetYAxisRangeAuto(True)
    for position, row in enumerate(shown, start=1):
        chart.AddAndObservePlotSeriesNodeID(_series(nodes, table, position, row).GetID())
    selection = scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
    if selection is not None:
        selection.SetReferenceActivePlotChartID(chart.GetID())
    logic = slicer.modules.plots.logic()
    if hasattr(logic, "ShowChartInLayout"):
        logic.ShowChartInLayout(chart)
    return chart


def _series(nodes: ResultNodes, table, position: int, row: VolumeRow):
    colours = {s.identifier: s.colour for plan in NODE_PLANS for s in plan.segments}
    series = nodes.make("vtkMRMLPlotSeriesNode", f"chart-{row.structure}", row.name, is_hidden=True)
    series.SetName(f"{position} {row.name}")
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetXColumnName(f"position {row.structure}")
    series.SetYColumnName(row.structure)
    series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
    series.SetLineStyle(slicer.vtkMRMLPlotSeriesNode.LineStyleSolid)
    series.SetMarkerStyle(slicer.vtkMRMLPlotSeriesNode.MarkerStyleCircle)
    series.SetColor(*colours.get(row.structure, TOTAL_COLOUR))
    return series


def _fill(table: slicer.vtkMRMLTableNode, rows: Sequence[VolumeRow]) -> None:
    """Two columns for each structure: where it is on the axis, and volume − SD, volume, + SD."""
    table.RemoveAllColumns()
    for position, row in enumerate(rows, start=1):
        spread = 0.0 if math.isnan(row.fold_sd) else row.fold_sd
        values = (row.value - spread, row.value, row.value + spread)
        for name, column in (
            (f"position {row.structure}", (position,) * 3),
            (row.structure, values),
        ):
            array = vtk.vtkDoubleArray()
            array.SetName(name)
            for value in column:
                array.InsertNextValue(value)
            table.AddColumn(array)
