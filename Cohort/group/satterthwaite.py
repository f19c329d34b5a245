"""Degrees of freedom of a linear mixed model's coefficients by Satterthwaite's approximation.

The variance of a coefficient is itself estimated; it is treated as a multiple of χ² whose degrees
of freedom give it the variance that it has by the information of restricted maximum likelihood
(Giesbrecht & Burns, Biometrics 1985;41:477–486; Fai & Cornelius, J Stat Comput Simul
1996;54:363–378). statsmodels has only the normal limit, which is too sure with few subjects.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement

import numpy as np

# Variance components whose information is smaller, relative to the largest, cannot be separated.
SMALLEST_INFORMATION = 1e-9


@dataclass(frozen=True)
class VarianceModel:
    """Design of a linear mixed model with independent subjects.

    Attributes
    ----------
    design : ndarray of shape (n, p)
        Fixed effects, of full rank.
    random : ndarray of shape (n, q)
        Design of each subject's random effects.
    subjects : ndarray of shape (n,)
        Whose row it is.
    """

    design: np.ndarray
    random: np.ndarray
    subjects: np.ndarray

    @cached_property
    def _blocks(self) -> list[np.ndarray]:
        """Rows of the subjects with equally many sessions, of shape (subjects, sessions)."""
        _, codes, counts = np.unique(self.subjects, return_inverse=True, return_counts=True)
        rows = np.split(np.argsort(codes, kind="stable"), np.cumsum(counts)[:-1])
        return [np.array([own for own in rows if len(own) == count]) for count in np.unique(counts)]

    def _derivatives(self, rows: np.ndarray) -> np.ndarray:
        """Of subjects' covariance matrices by each component: random effects, then residual.

        Parameters
        ----------
        rows : ndarray of shape (subjects, sessions)

        Returns
        -------
        ndarray of shape (subjects, components, sessions, sessions)
        """
        z = self.random[rows]
        parts = []
        for i, j in combinations_with_replacement(range(z.shape[2]), 2):
            product = z[:, :, None, i] * z[:, None, :, j]
            parts.append(product if i == j else product + product.transpose(0, 2, 1))
        residual = np.broadcast_to(np.eye(rows.shape[1]), parts[0].shape)
        return np.stack([*parts, residual], axis=1)

    def tells_components_apart(self) -> bool:
        """Whether data of this design identify every variance component.

        They do if no covariance matrix of the data can arise in two ways, that is, if the
        derivatives with respect to the components are linearly independent.
        """
        size = self.random.shape[1] * (self.random.shape[1] + 1) // 2 + 1
        products = np.zeros((size, size))
        for rows in self._blocks:
            flat = self._derivatives(rows).reshape(len(rows), size, -1)
            products += np.einsum("nki,nli->kl", flat, flat)
        scale = np.sqrt(np.diag(products))
        values = np.linalg.eigvalsh(products / np.outer(scale, scale))
        return bool(values[0] > SMALLEST_INFORMATION * values[-1])

    def degrees_of_freedom(
        self, random_covariance: np.ndarray, residual_variance: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Covariance and degrees of freedom of the coefficients at estimated variances.

        Parameters
        ----------
        random_covariance : ndarray of shape (q, q)
        residual_variance : float

        Returns
        -------
        covariance : ndarray of shape (p, p)
            Of the fixed effects, by generalised least squares.
        df : ndarray of shape (p,)
        """
        p = self.design.shape[1]
        blocks, information = [], np.zeros((p, p))
        for rows in self._blocks:
            x, z = self.design[rows], self.random[rows]
            variance = z @ random_covariance @ z.transpose(0, 2, 1)
            inverse = np.linalg.inv(variance + residual_variance * np.eye(rows.shape[1]))
            weighted = inverse @ x
            information += np.einsum("nia,nib->ab", x, weighted)
            blocks.append((inverse[:, None], weighted, self._derivatives(rows)))
        covariance = np.linalg.inv(information)
        # With V the covariance of the data and V' its derivatives: X'V⁻¹V'V⁻¹X, and the traces of
        # PV'PV' with P = V⁻¹ − V⁻¹X C X'V⁻¹, of which half is the information on the components.
        size = blocks[0][2].shape[1]
        slopes, traces = np.zeros((size, p, p)), np.zeros((size, size))
        for inverse, weighted, derivatives in blocks:
            halves = inverse @ derivatives
            traces += np.einsum("nkij,nlji->kl", halves, halves)
            inner = derivatives @ weighted[:, None]
            slopes += np.einsum("nia,nkib->kab", weighted, inner)
            traces -= 2 * np.einsum("nkia,nlia->kl", inverse @ inner, inner @ covariance)
        projected = slopes @ covariance
        traces += np.einsum("kab,lba->kl", projected, projected)
        components = np.linalg.pinv(traces / 2, rcond=SMALLEST_INFORMATION, hermitian=True)
        gradients = np.einsum("ai,kij,ja->ka", covariance, slopes, covariance)
        spread = np.einsum("ka,kl,la->a", gradients, components, gradients)
        return covariance, 2 * np.diag(covariance) ** 2 / spread
