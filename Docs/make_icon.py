"""Draw the module's icon, a coronal section of the head: python Docs/make_icon.py [FILE.png]."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from HypothalamusSegLib.colours import LEFT_COLOUR, RIGHT_COLOUR
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

ICON = Path(__file__).parents[1] / "HypothalamusSeg/Resources/Icons/HypothalamusSeg.png"
SIZE_PX = 128
SKULL, FLUID, BRAIN, VENTRICLES = "#DCE5EE", "#1D2935", "#8FA3B8", "#566A7E"
# The overview picture's colours and convention: the patient's right is on the left.
LEFT, RIGHT, HALO = LEFT_COLOUR, RIGHT_COLOUR, "#FFFFFF"

# Right halves of closed outlines, clockwise from the top; the midline is x = 0, the icon ±1.
HEAD = [(0, 0.96), (0.5, 0.85), (0.84, 0.47), (0.92, 0.02), (0.76, -0.5), (0.44, -0.86), (0, -0.96)]
HEMISPHERE = [
    *((0.04, 0.62), (0.1, 0.76), (0.36, 0.72), (0.62, 0.5), (0.74, 0.16), (0.68, -0.06)),
    *((0.56, -0.08), (0.7, -0.22), (0.64, -0.5), (0.42, -0.62), (0.28, -0.46), (0.2, -0.3)),
    *((0.04, -0.42), (0.04, 0.1)),
]
VENTRICLE = [(0.04, 0.36), (0.2, 0.47), (0.36, 0.45), (0.24, 0.35), (0.04, 0.26)]
HYPOTHALAMUS = [(0.1, 0.1), (0.26, 0.02), (0.44, -0.2), (0.34, -0.42), (0.1, -0.46), (0.07, -0.2)]


def smooth(corners: list[tuple[float, float]], steps: int = 16) -> np.ndarray:
    """A closed Catmull-Rom curve through the corners."""
    p = np.array(corners)
    before, after, second = np.roll(p, 1, 0), np.roll(p, -1, 0), np.roll(p, -2, 0)
    t = np.linspace(0, 1, steps, endpoint=False)[:, None, None]
    curve = 2 * p + (after - before) * t + (2 * before - 5 * p + 4 * after - second) * t**2
    curve = (curve + (3 * p - before - 3 * after + second) * t**3) / 2
    return curve.transpose(1, 0, 2).reshape(-1, 2)


def draw(path: Path) -> None:
    figure = Figure((1, 1), dpi=SIZE_PX)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(-1, 1), ylim=(-1, 1))
    axes.set_axis_off()

    def fill(outline: np.ndarray, face: str, edge: str = "none", width: float = 0) -> None:
        axes.add_patch(Polygon(outline, facecolor=face, edgecolor=edge, linewidth=width))

    head = smooth(HEAD + [(-x, y) for x, y in HEAD[-2:0:-1]])
    fill(head, SKULL, FLUID, 1.2)
    fill(head * 0.86, FLUID)
    for side, colour in ((-1, RIGHT), (1, LEFT)):
        fill(smooth(HEMISPHERE) * (side, 1), BRAIN)
        fill(smooth(VENTRICLE) * (side, 1), VENTRICLES)
        fill(smooth(HYPOTHALAMUS) * (side, 1), colour, HALO, 1.4)
    figure.savefig(path, dpi=SIZE_PX, transparent=True, metadata={"Software": None})


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if sys.argv[1:] else ICON)
