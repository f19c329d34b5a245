"""Standard errors for small and unequal groups: HC2 with Bell–McCaffrey degrees of freedom.

The variance of a combination of coefficients is estimated by HC2 (MacKinnon & White 1985): each
squared residual over 1 − leverage. Its degrees of freedom are Satterthwaite's, of that estimate as
a quadratic form in independent errors of equal spread (Bell & McCaffrey 2002; Imbens & Kolesár
2016). With a group of three they are about two, however many controls there are: n − k would make
the test far too sure. For two groups without covariates this is close to Welch's t test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

ALPHA = 0.05
# A scan with this leverage is fitted exactly, so its error is unknown.
FULL_LEVERAGE = 1 - 1e-9


@dataclass(frozen=True)
class Estimate:
    """A combination of a model's coefficients, in the outcome's unit.

    Attributes
    ----------
    value, standard_error, ci_low, ci_high : float
        HC2; 95 % limits.
    df : float
        Bell–McCaffrey degrees of freedom.
    p : float
        Two-sided, that it is 0.
    """

    value: float
    standard_error: float
    df: float
    p: float
    ci_low: float
    ci_high: float

    @property
    def t(self) -> float:
        return self.value / self.standard_error


class SmallSampleErrors:
    """Errors of one least-squares fit, for any combination of its coefficients.

    Parameters
    ----------
    design : ndarray of shape (n, k)
        Of full rank.
    coefficients : ndarray of shape (k,)
    residuals : ndarray of shape (n,)
    """

    def __init__(self, design: np.ndarray, coefficients: np.ndarray, residuals: np.ndarray):
        self._basis, self._triangle = np.linalg.qr(design)
        self._leverage = np.sum(self._basis**2, axis=1)
        self._coefficients, self._residuals = coefficients, residuals

    def estimate(self, combination: np.ndarray) -> Estimate | None:
        """The combination with its error.

        Parameters
        ----------
        combination : ndarray of shape (k,)
            Weights of the coefficients.

        Returns
        -------
        Estimate or None
            None if it hangs on a scan that the model fits exactly, or the model fits all.
        """
        influence, weights, is_exact = self._weights(combination)
        if is_exact:
            return None
        error = float(np.sqrt(np.sum(weights * self._residuals**2)))
        value = float(combination @ self._coefficients)
        df = self._freedom(influence, weights)
        # Treat rounding errors as no residuals.
        if not (error > 1e-12 * (abs(value) + float(np.abs(self._coefficients).max())) and df > 0):
            return None
        # Student's t; what `scipy.stats.t` calls after half a millisecond of checks.
        half = float(stdtrit(df, 1 - ALPHA / 2)) * error
        p = float(2 * stdtr(df, -abs(value) / error))
        return Estimate(value, error, df, p, value - half, value + half)

    def degrees_of_freedom(self, combination: np.ndarray) -> float:
        """Bell–McCaffrey degrees of freedom of a combination of coefficients."""
        influence, weights, _ = self._weights(combination)
        return self._freedom(influence, weights)

    def t_of(self, outcomes: np.ndarray, combination: np.ndarray) -> np.ndarray:
        """Student's t of a combination in the same model of other outcomes.

        Parameters
        ----------
        outcomes : ndarray of shape (n, m)
        combination : ndarray of shape (k,)

        Returns
        -------
        ndarray of shape (m,)
        """
        influence, weights, _ = self._weights(combination)
        residuals = outcomes - self._basis @ (self._basis.T @ outcomes)
        return (influence @ outcomes) / np.sqrt(weights @ residuals**2)

    def _weights(self, combination: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
        """What each outcome adds to the combination, the square of it over 1 − leverage."""
        influence = self._basis @ np.linalg.solve(self._triangle.T, combination)
        full = self._leverage >= FULL_LEVERAGE
        is_exact = bool(np.any(np.abs(influence[full]) > 1e-9 * np.abs(influence).max()))
        rest = np.where(full, 1.0, 1 - self._leverage)
        return influence, np.where(full, 0.0, influence**2 / rest), is_exact

    def _freedom(self, influence: np.ndarray, weights: np.ndarray) -> float:
        # The estimate is e'We with e = Mε, M the maker of residuals. For ε of equal variance its
        # mean goes with tr(WM) = Σ influence², its variance with 2 tr(WMWM), and
        # Σᵢⱼ wᵢwⱼMᵢⱼ² = Σ wᵢ²(1 − 2hᵢ) + ‖Q'WQ‖².
        crossed = (self._basis * weights[:, None]).T @ self._basis
        variance = float(np.sum(weights**2 * (1 - 2 * self._leverage)) + np.sum(crossed**2))
        mean = float(np.sum(weights * (1 - self._leverage)))
        return mean**2 / variance if variance > 0 else 0.0
