"""Units: results are in mm³, and an intracranial volume is shown in mL.

Examples
--------
>>> 1_500_000 / MM3_PER_ML
1500.0
"""

from __future__ import annotations

MM3_PER_ML = 1000.0
