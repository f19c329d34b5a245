"""Degrees of freedom by the formula as it is published, with matrices of scans by scans."""

from __future__ import annotations

import numpy as np


def brute_force_df(design: np.ndarray, column: int) -> float:
    """Satterthwaite's degrees of freedom of HC2 under equal spread, with n × n matrices.

    The estimate is ε'Aε with A = M diag(a² / (1 − h)) M. Its mean is tr(A), its variance 2 tr(A²).
    """
    inverse = np.linalg.inv(design.T @ design)
    makes_residuals = np.eye(len(design)) - design @ inverse @ design.T
    influence = design @ inverse[:, column]
    weights = influence**2 / np.diag(makes_residuals)
    form = makes_residuals @ np.diag(weights) @ makes_residuals
    return float(np.trace(form) ** 2 / np.trace(form @ form))
