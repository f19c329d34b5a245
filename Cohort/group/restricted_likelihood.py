"""Restricted maximum likelihood of a linear mixed model with independent subjects.

The likelihood is profiled over fixed effects and residual variance (Lindstrom & Bates, J Am Stat
Assoc 1988;83:1014–1022) and maximized over a triangular root of the random effects' covariance,
with its exact gradient, from two starts. statsmodels' MixedLM maximises the same likelihood, but in
8 of 60 simulated cohorts it reported convergence where the deviance was 8 to 37 too large (and
failed openly in 38); from good starts still in 4 of 30, where it was 0.1 to 3.3 too large. It takes
one subject after the other and so 12 to 29 times as long as one block of all with equally many
sessions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize

# Largest slope of the deviance, in the root's units, that counts as an optimum.
END_GRADIENT, OPTIMUM_GRADIENT = 1e-5, 1e-2


@dataclass(frozen=True)
class RestrictedFit:
    """Estimates at the optimum.

    Attributes
    ----------
    coefficients : ndarray of shape (p,)
    random_covariance : ndarray of shape (q, q)
    residual_variance : float
    deviance : float
        −2 log restricted likelihood, but for a constant that the data do not change.
    """

    coefficients: np.ndarray
    random_covariance: np.ndarray
    residual_variance: float
    deviance: float


@dataclass(frozen=True)
class _Point:
    deviance: float
    gradient: np.ndarray
    coefficients: np.ndarray
    residual_variance: float


class RestrictedLikelihood:
    """The likelihood of one model.

    Parameters
    ----------
    outcome : ndarray of shape (n,)
        Scaled to a standard deviation near 1.
    design : ndarray of shape (n, p)
        Fixed effects, of full rank.
    random : ndarray of shape (n, q)
        Design of each subject's random effects.
    subjects : ndarray of shape (n,)
        Whose row it is.
    """

    def __init__(
        self, outcome: np.ndarray, design: np.ndarray, random: np.ndarray, subjects: np.ndarray
    ) -> None:
        self._columns, self._size = design.shape[1], random.shape[1]
        self._lower = np.tril_indices(self._size)
        self._rest = len(outcome) - self._columns
        everything = np.column_stack([design, outcome, random])
        _, codes, counts = np.unique(subjects, return_inverse=True, return_counts=True)
        rows = np.split(np.argsort(codes, kind="stable"), np.cumsum(counts)[:-1])
        self._blocks = [
            everything[np.array([own for own in rows if len(own) == count])]
            for count in np.unique(counts)
        ]

    def maximise(self, starts: Sequence[np.ndarray]) -> RestrictedFit | None:
        """The optimum, or None if the search does not reach one.

        Parameters
        ----------
        starts : sequence of ndarray of shape (q, q)
            Covariances of the random effects, relative to the residual variance.
        """
        best, best_root = None, None
        for start in starts:
            found = optimize.minimize(
                self._deviance,
                np.linalg.cholesky(start)[self._lower],
                jac=True,
                method="BFGS",
                options={"gtol": END_GRADIENT},
            )
            try:
                point = self._at(found.x)
            except np.linalg.LinAlgError:
                continue
            if best is None or point.deviance < best.deviance:
                best, best_root = point, found.x
        if best is None or not np.abs(best.gradient).max() < OPTIMUM_GRADIENT:
            return None
        covariance = self._covariance(best_root) * best.residual_variance
        return RestrictedFit(best.coefficients, covariance, best.residual_variance, best.deviance)

    def deviance(self, random_covariance: np.ndarray) -> float:
        """−2 log restricted likelihood at a covariance relative to the residual variance."""
        return self._at(np.linalg.cholesky(random_covariance)[self._lower]).deviance

    def _deviance(self, root: np.ndarray) -> tuple[float, np.ndarray]:
        try:
            point = self._at(root)
        except np.linalg.LinAlgError:
            return np.inf, np.zeros_like(root)
        return point.deviance, point.gradient

    def _covariance(self, root: np.ndarray) -> np.ndarray:
        return self._triangle(root) @ self._triangle(root).T

    def _triangle(self, root: np.ndarray) -> np.ndarray:
        lower = np.zeros((self._size, self._size))
        lower[self._lower] = root
        return lower

    def _at(self, root: np.ndarray) -> _Point:
        p, covariance = self._columns, self._covariance(root)
        log_determinant, products, crossed = 0.0, 0.0, []
        for block in self._blocks:
            random = block[:, :, p + 1 :]
            variance = random @ covariance @ random.transpose(0, 2, 1) + np.eye(block.shape[1])
            log_determinant += np.linalg.slogdet(variance)[1].sum()
            weighted = np.linalg.solve(variance, block)
            both = block[:, :, : p + 1]
            products = products + np.einsum("nij,nik->jk", both, weighted[:, :, : p + 1])
            crossed.append(random.transpose(0, 2, 1) @ weighted)
        information, right = products[:p, :p], products[:p, p]
        inverse = np.linalg.inv(information)
        coefficients = inverse @ right
        squares = float(products[p, p] - right @ coefficients)
        of_random = np.concatenate(crossed)  # Z'V⁻¹ of design, outcome and Z, by subject
        of_design, of_outcome = of_random[:, :, :p], of_random[:, :, p]
        of_residuals = of_outcome - of_design @ coefficients
        slope = of_random[:, :, p + 1 :].sum(axis=0)
        slope -= np.einsum("nij,jk,nlk->il", of_design, inverse, of_design)
        slope -= self._rest / squares * of_residuals.T @ of_residuals
        deviance = log_determinant + np.linalg.slogdet(information)[1]
        deviance += self._rest * np.log(squares)
        gradient = (2 * slope @ self._triangle(root))[self._lower]
        return _Point(float(deviance), gradient, coefficients, squares / self._rest)
