"""Four ways to adjust a volume for head size.

A larger head holds a larger hypothalamus, but not in proportion: dividing by the intracranial
volume (ICV) over-corrects, and the result depends on head size again (Pintzka et al.
2015; Sanchis-Segura et al. 2020). No method is right for all data (O'Brien et al. 2011), so all
four are computed.

- ANCOVA: ICV is a covariate of the model; the volume stays as it is.
- Residuals: volume − b (ICV − mean ICV), b fitted on the controls by least squares.
- Power-corrected proportion (Liu et al. 2014): volume × (mean ICV / ICV)^b, b the slope of
  log volume on log ICV, fitted on the controls.
- Proportion: volume × mean ICV / ICV.

The mean is that of the controls, so that all four give mm³ at the same head size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ANCOVA, RESIDUALS, POWER_PROPORTION, PROPORTION = (
    "ancova",
    "residuals",
    "power_proportion",
    "proportion",
)
UNADJUSTED = "none"
ADJUSTMENTS = (ANCOVA, RESIDUALS, POWER_PROPORTION, PROPORTION)
TITLES = {
    ANCOVA: "ICV as covariate (ANCOVA)",
    RESIDUALS: "Residuals, fitted on controls",
    POWER_PROPORTION: "Power-corrected proportion",
    PROPORTION: "Proportion",
    UNADJUSTED: "Not adjusted for ICV",
}
# In running text.
SHORT_NAMES = {
    ANCOVA: "ICV as covariate (ANCOVA)",
    RESIDUALS: "residuals",
    POWER_PROPORTION: "power-corrected proportion",
    PROPORTION: "proportion",
}
FEWEST_CONTROLS = 3


@dataclass(frozen=True)
class IcvAdjustment:
    """How volumes of one structure are adjusted to a common head size.

    Attributes
    ----------
    method : str
        One of ``ADJUSTMENTS``, or ``UNADJUSTED``.
    reference_icv_mm3 : float
        The head size that adjusted volumes refer to; NaN if not adjusted.
    coefficient : float
        Slope in mm³ per mm³ (``RESIDUALS``), exponent (``POWER_PROPORTION``), 1 for
        ``PROPORTION``, else NaN.
    """

    method: str
    reference_icv_mm3: float = float("nan")
    coefficient: float = float("nan")

    def apply(self, volume_mm3: np.ndarray, icv_mm3: np.ndarray) -> np.ndarray:
        """Adjusted volumes in mm³; ``ANCOVA`` and ``UNADJUSTED`` leave them as they are."""
        if self.method == RESIDUALS:
            return volume_mm3 - self.coefficient * (icv_mm3 - self.reference_icv_mm3)
        if self.method in (POWER_PROPORTION, PROPORTION):
            return volume_mm3 * (self.reference_icv_mm3 / icv_mm3) ** self.coefficient
        return volume_mm3


def fit_adjustment(
    method: str, volume_mm3: np.ndarray, icv_mm3: np.ndarray, is_control: np.ndarray
) -> IcvAdjustment:
    """Fit the coefficient of an adjustment.

    Parameters
    ----------
    method : str
    volume_mm3, icv_mm3 : ndarray
        Of all scans; rows with a missing number are ignored.
    is_control : ndarray of bool
        On whom slope and exponent are fitted, and whose mean ICV is the reference: a disease that
        changes the volume must not shape the correction.
    """
    if method == UNADJUSTED:
        return IcvAdjustment(method)
    usable = is_control & np.isfinite(volume_mm3) & np.isfinite(icv_mm3) & (icv_mm3 > 0)
    volume, icv = volume_mm3[usable], icv_mm3[usable]
    if len(icv) < FEWEST_CONTROLS:
        return IcvAdjustment(method)
    reference = float(icv.mean())
    if method in (RESIDUALS, POWER_PROPORTION) and np.ptp(icv) == 0:
        return IcvAdjustment(method, reference)
    if method == RESIDUALS:
        return IcvAdjustment(method, reference, _slope(volume, icv / reference) / reference)
    if method == POWER_PROPORTION:
        positive = volume > 0
        if positive.sum() < FEWEST_CONTROLS:
            return IcvAdjustment(method)
        exponent = _slope(np.log(volume[positive]), np.log(icv[positive] / reference))
        return IcvAdjustment(method, reference, exponent)
    return IcvAdjustment(method, reference, 1.0 if method == PROPORTION else float("nan"))


def _slope(outcome: np.ndarray, predictor: np.ndarray) -> float:
    import statsmodels.api as sm

    return float(sm.OLS(outcome, sm.add_constant(predictor, has_constant="add")).fit().params[1])
