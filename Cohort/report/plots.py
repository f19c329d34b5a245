"""The report's figures: volumes by group, against ICV and age, and effects over structures."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from textwrap import wrap

import numpy as np
import pandas as pd
import statsmodels.api as sm
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ..number_format import format_signed, interval, p_value
from ..structures import Structure
from .plot_style import (
    BAND_OPACITY,
    COLOURS,
    FAINT,
    FIRST,
    INK,
    LINES,
    MARKERS,
    MOST_VECTOR_POINTS,
    POINT_OPACITY,
    STYLE,
    new_figure,
    style_axes,
    svg_of,
)

FEWEST_FOR_LINE = 4
# As many characters as the figures have room for.
TICK_CHARACTERS, LEGEND_CHARACTERS, AXIS_CHARACTERS = 9, 60, 50
SHORT_LEGEND_CHARACTERS = 18
FEW_POINTS = 80


@dataclass(frozen=True)
class Series:
    """One group in a figure."""

    name: str
    frame: pd.DataFrame


@dataclass(frozen=True)
class Panel:
    """One pair of axes: the column it shows and its title; equal scales share limits."""

    title: str
    column: str
    unit: str
    scale: str


@dataclass(frozen=True)
class ForestRow:
    """One line of a forest plot: a standardized difference with its limits."""

    label: str
    g: float
    low: float
    high: float
    p: float
    p_fdr: float
    bold: bool = False


def volumes_by_group(groups: list[Series], panels: list[Panel]) -> Markup:
    """Every scan as a point beside its group's box (quartiles; whiskers to 1.5 times their range).

    Parameters
    ----------
    groups : list of Series
    panels : list of Panel
    """
    with rc_context(STYLE):
        figure, axes = new_figure(2.35 * len(panels), 3.7, 1, len(panels))
        for place, panel in enumerate(panels):
            # Measures with the same unit and size are drawn to the same scale.
            twins = [i for i, p in enumerate(panels[:place]) if p.scale == panel.scale]
            if twins:
                axes[0, place].sharey(axes[0, twins[0]])
        for axis, panel in zip(axes[0], panels, strict=True):
            for place, group in enumerate(groups):
                values = group.frame[panel.column].dropna()
                _box_and_points(axis, place, values.to_numpy(float), place)
            counts = [group.frame[panel.column].notna().sum() for group in groups]
            names = [
                f"{_broken(group.name)}\nn = {n}" for group, n in zip(groups, counts, strict=True)
            ]
            axis.set_xticks(range(len(groups)), names)
            axis.set_xlim(-0.6, len(groups) - 0.4)
            axis.set_title(panel.title)
            axis.set_ylabel(panel.unit)
            style_axes(axis)
    return svg_of(figure, "Points and boxes by group: " + "; ".join(p.title for p in panels))


@dataclass(frozen=True)
class Predictor:
    """The x axis: a column, its name with the unit, and the divisor of its values."""

    column: str
    label: str
    per_unit: float = 1.0


def volume_against(groups: list[Series], structure: Structure, along: list[Predictor]) -> Markup:
    """Points, and a least-squares line with the 95 % band of its mean for each group.

    Parameters
    ----------
    groups : list of Series
    structure : Structure
    along : list of Predictor
        One panel each, with a common y axis.
    """
    with rc_context(STYLE):
        figure, axes = new_figure(1.0 + 4.2 * len(along), 4.1, 1, len(along), sharey=True)
        for axis, predictor in zip(axes[0], along, strict=True):
            for place, group in enumerate(groups):
                known = group.frame[[predictor.column, structure.column]].astype(float).dropna()
                x = known[predictor.column].to_numpy() / predictor.per_unit
                y = known[structure.column].to_numpy()
                colour = {"color": COLOURS[place % 2]}
                axis.scatter(
                    x,
                    y,
                    marker=MARKERS[place % 2],
                    linewidths=0,
                    **_point_look(len(x)),
                    rasterized=len(x) > MOST_VECTOR_POINTS,
                    **colour,
                )
                if len(x) >= FEWEST_FOR_LINE and np.ptp(x) > 0:
                    _line_with_band(axis, x, y, LINES[place % 2], colour)
            axis.set_xlabel(predictor.label)
            style_axes(axis, along=True)
        axes[0, 0].set_ylabel(f"{structure.title} / {structure.unit}")
        handles = [_legend_entry(group.name, place % 2) for place, group in enumerate(groups)]
        widest = max(len(handle.get_label()) for handle in handles)
        # Two long names do not fit side by side.
        columns = 2 if widest <= SHORT_LEGEND_CHARACTERS * len(along) else 1
        figure.legend(handles=handles, loc="outside upper left", ncols=columns)
    return svg_of(figure, f"{structure.title} against {', '.join(p.label for p in along)}")


def forest(rows: list[ForestRow], contrast_title: str) -> Markup:
    """Standardized differences over structures, with their numbers beside them."""
    with rc_context(STYLE):
        figure, axes = new_figure(
            10.0, 1.0 + 0.34 * len(rows), 1, 2, sharey=True, width_ratios=(5.2, 4.0)
        )
        axis, table = axes[0]
        heights = np.arange(len(rows))[::-1]
        limits = [v for row in rows for v in (row.low, row.high) if np.isfinite(v)] or [-1, 1]
        reach = 1.08 * max(abs(v) for v in (*limits, 0.5))
        axis.axvline(0, color=FAINT, linewidth=1.2)
        for height, row in zip(heights, rows, strict=True):
            if not np.isfinite(row.g):
                continue
            axis.plot((row.low, row.high), (height, height), color=FIRST, linewidth=2)
            size = 8 if row.bold else 6
            axis.plot(row.g, height, marker="s" if row.bold else "o", color=FIRST, markersize=size)
        axis.set_yticks(heights, [row.label for row in rows])
        for tick, row in zip(axis.get_yticklabels(), rows, strict=True):
            tick.set_fontweight("bold" if row.bold else "normal")
        axis.set_xlim(-reach, reach)
        axis.set_ylim(-0.7, len(rows) + 0.2)
        axis.set_xlabel(f"Hedges' g, {_cut(contrast_title, AXIS_CHARACTERS)}")
        style_axes(axis, across=False, along=True)
        axis.spines["left"].set_visible(False)
        _numbers_beside(table, heights, rows)
    return svg_of(figure, f"Forest plot of {contrast_title} over {len(rows)} structures")


def _point_look(count: int) -> dict[str, float]:
    """Size and opacity of points: smaller and fainter if many overlap."""
    crowd = max(1.0, count / FEW_POINTS)
    return {"s": max(24.0 / crowd**0.5, 5.0), "alpha": max(POINT_OPACITY / crowd**0.3, 0.35)}


def _legend_entry(name: str, look: int) -> Line2D:
    label = _cut(name, LEGEND_CHARACTERS)
    return Line2D(
        [], [], color=COLOURS[look], marker=MARKERS[look], linestyle=LINES[look], label=label
    )


def _cut(name: str, characters: int) -> str:
    return name if len(name) <= characters else f"{name[: characters - 1].rstrip()}…"


def _broken(name: str) -> str:
    """A group's name in at most three short lines, for the label of its box."""
    lines = wrap(name, TICK_CHARACTERS, max_lines=3, placeholder=" …", break_on_hyphens=False)
    return "\n".join(lines)


def _box_and_points(axis: Axes, place: int, values: np.ndarray, look: int) -> None:
    if not len(values):
        return
    colour, marker = COLOURS[look % 2], MARKERS[look % 2]
    line = {"color": colour, "linewidth": 1.6}
    axis.boxplot(
        values,
        positions=[place - 0.17],
        widths=0.26,
        showfliers=False,
        manage_ticks=False,
        boxprops=line,
        whiskerprops=line,
        capprops=line,
        medianprops={"color": colour, "linewidth": 3},
    )
    # The points have the same positions each time the report is made.
    generator = np.random.default_rng(zlib.crc32(values.tobytes()))
    x = place + 0.2 + generator.uniform(-0.11, 0.11, len(values))
    axis.scatter(
        x,
        values,
        marker=marker,
        color=colour,
        **_point_look(len(values)),
        linewidths=0,
        rasterized=len(values) > MOST_VECTOR_POINTS,
    )


def _numbers_beside(axis: Axes, heights: np.ndarray, rows: list[ForestRow]) -> None:
    axis.set_axis_off()
    axis.set_xlim(0, 1)
    has_fdr = any(np.isfinite(row.p_fdr) for row in rows)
    places = [(0.0, "left", "g (95 % CI)"), (0.78, "right", "p")]
    places += [(1.0, "right", "FDR p")] * has_fdr
    for x, side, title in places:
        axis.text(x, len(rows) - 0.15, title, color=FAINT, ha=side, va="center")
    for height, row in zip(heights, rows, strict=True):
        texts = [f"{format_signed(row.g, 2)} ({interval(row.low, row.high, 2)})", p_value(row.p)]
        texts.append(p_value(row.p_fdr) if np.isfinite(row.p_fdr) else "")
        for (x, side, _), text in zip(places, texts, strict=False):
            weight = "bold" if row.bold else "normal"
            axis.text(x, height, text, color=INK, ha=side, va="center", fontweight=weight)


def _line_with_band(axis: Axes, x: np.ndarray, y: np.ndarray, line: str, style: dict) -> None:
    centre = x.mean()
    fit = sm.OLS(y, sm.add_constant(x - centre)).fit()
    along = np.linspace(x.min(), x.max(), 60)
    prediction = fit.get_prediction(sm.add_constant(along - centre)).summary_frame(alpha=0.05)
    axis.plot(along, prediction["mean"], linestyle=line, linewidth=2, **style)
    low, high = prediction["mean_ci_lower"], prediction["mean_ci_upper"]
    axis.fill_between(along, low, high, alpha=BAND_OPACITY, linewidth=0, **style)
