"""Bland–Altman figures."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup
from matplotlib import rc_context

from ..number_format import format_signed
from ..report.plot_style import (
    BAND_OPACITY,
    COLOURS,
    FAINT,
    INK,
    MOST_VECTOR_POINTS,
    POINT_OPACITY,
    STYLE,
    new_figure,
    style_axes,
    svg_of,
)
from .agreement import PairAgreement, are_equal


def bland_altman(
    a: np.ndarray, b: np.ndarray, agreement: PairAgreement, title: str, unit: str, digits: int
) -> Markup:
    """Differences B − A against means, with bias and limits of agreement and their bands."""
    with rc_context(STYLE):
        figure, axes = new_figure(6.6, 3.9)
        axis = axes[0, 0]
        mean, difference = (a + b) / 2, b - a
        axis.scatter(
            mean,
            difference,
            s=24,
            color=COLOURS[1],
            alpha=POINT_OPACITY,
            linewidths=0,
            rasterized=len(mean) > MOST_VECTOR_POINTS,
        )
        axis.axhline(0, color=FAINT, linewidth=0.9)
        bias = (agreement.bias, agreement.bias_low, agreement.bias_high, "bias", "-")
        lines = [
            (agreement.upper, agreement.upper_low, agreement.upper_high, "+1.96 SD", "--"),
            bias,
            (agreement.lower, agreement.lower_low, agreement.lower_high, "−1.96 SD", "--"),
        ]
        if are_equal(a, b):
            # Rounding errors are no scale, and three lines would be one.
            axis.set_ylim(-(10.0**-digits), 10.0**-digits)
            lines = [bias]
        across = axis.get_yaxis_transform()
        for value, low, high, name, line in lines:
            axis.axhline(value, color=COLOURS[0], linestyle=line, linewidth=1.6)
            axis.axhspan(low, high, color=COLOURS[0], alpha=BAND_OPACITY, linewidth=0)
            label = f"{name}\n{format_signed(value, digits)}"
            axis.text(1.02, value, label, transform=across, color=INK, va="center")
        axis.set_title(title)
        axis.set_xlabel(f"Mean of both{f' / {unit}' if unit else ''}")
        axis.set_ylabel(f"B − A{f' / {unit}' if unit else ''}")
        style_axes(axis)
    return svg_of(figure, f"Bland-Altman figure of {title}")
