"""Units: results are in mm³, and an intracranial volume is shown in mL."""

from __future__ import annotations

MM3_PER_ML = 1000.0
