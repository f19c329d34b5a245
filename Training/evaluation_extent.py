"""How much an evaluation measures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Extent:
    """How much is measured; the report says it.

    Attributes
    ----------
    renders_per_head : int
        Images generated of each label head.
    render_spacing_mm : float
    repeatability_scans, repeatability_heads : int
        Test scans and heads that are perturbed.
    perturbations : tuple of str or None
        None: all of `perturbations.all_perturbations`.
    planted_scans : int or None
        Test scans with a stable label in which changes are planted; None: all.
    planted_changes : tuple of float
        Relative volume changes planted on both sides of a scan.
    """

    renders_per_head: int = 2
    render_spacing_mm: float = 1.0
    repeatability_scans: int = 4
    repeatability_heads: int = 1
    perturbations: tuple[str, ...] | None = None
    planted_scans: int | None = None
    planted_changes: tuple[float, ...] = (-0.2, -0.1, 0.1, 0.2)


FULL = Extent()
QUICK = Extent(1, 2.0, 1, 0, ("mirrored", "rotated 8° (pitch)"), 1, (-0.2,))
