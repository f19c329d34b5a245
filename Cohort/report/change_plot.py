"""The report's figure of change over time: each subject's course, and the group's mean slope."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.axes import Axes
from scipy import stats

from ..group.linear_models import ALPHA
from ..structures import PERCENT, Structure, change_column
from .plot_style import BAND_OPACITY, COLOURS, FAINT, INK, STYLE, new_figure, style_axes, svg_of

COURSE_OPACITY = 0.45
FEWEST_FOR_BAND = 3
PANEL_WIDTH_IN, HEIGHT_IN = 4.2, 3.6


def change_over_time(
    dated: pd.DataFrame,
    changes: pd.DataFrame,
    structure: Structure,
    groups: Sequence[tuple[str, frozenset[str]]],
) -> Markup:
    """Volume in percent of each subject's first session, against the years since then.

    Parameters
    ----------
    dated : DataFrame
        One row per subject and session, with ``years``.
    changes : DataFrame
        One row per subject who has an annualized change.
    structure : Structure
    groups : sequence of tuple
        Name and participants; one panel each, to the same scale.

    Returns
    -------
    Markup
        SVG. The thick line has the group's mean slope, the band its 95 % limits (Student's t).
    """
    with rc_context(STYLE):
        width = 0.8 + PANEL_WIDTH_IN * len(groups)
        figure, axes = new_figure(width, HEIGHT_IN, 1, len(groups), sharex=True, sharey=True)
        for place, (name, members) in enumerate(groups):
            axis, colour = axes[0, place], COLOURS[place % 2]
            own = changes[changes["participant_id"].isin(members)]
            for subject in own["participant_id"]:
                course = dated[dated["participant_id"] == subject]
                course = course[["years", structure.column]].astype(float).dropna()
                years, volumes = course.sort_values("years").to_numpy().T
                axis.plot(
                    years - years[0],
                    100 * (volumes / volumes[0] - 1),
                    color=colour,
                    alpha=COURSE_OPACITY,
                    linewidth=0.9,
                    marker=".",
                    markersize=3,
                )
            slopes = own[change_column(structure, PERCENT)].dropna().to_numpy(float)
            _mean_slope(axis, slopes, float(own["years"].max()) if len(own) else 0.0)
            axis.axhline(0, color=FAINT, linewidth=0.8)
            axis.set_title(f"{name} (n = {len(slopes)})", wrap=True)
            axis.set_xlabel("Years since the first session")
            style_axes(axis, along=True)
        axes[0, 0].set_ylabel(f"{structure.title}, change / %")
    names = ", ".join(name for name, _ in groups)
    return svg_of(figure, f"{structure.title} over time in percent of the first session: {names}")


def _mean_slope(axis: Axes, slopes: np.ndarray, longest_years: float) -> None:
    if not len(slopes):
        return
    years = np.array([0.0, longest_years])
    mean = slopes.mean()
    axis.plot(years, mean * years, color=INK, linewidth=2.2)
    if len(slopes) >= FEWEST_FOR_BAND:
        half = stats.t.ppf(1 - ALPHA / 2, len(slopes) - 1) * stats.sem(slopes)
        low, high = (mean - half) * years, (mean + half) * years
        axis.fill_between(years, low, high, color=INK, alpha=BAND_OPACITY, linewidth=0)
