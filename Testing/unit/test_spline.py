"""Cubic splines: what they pass through, what they keep, and how they are applied to an image."""

from __future__ import annotations

import numpy as np
import pytest
from HypothalamusSegLib.geometry.spline import refine, spline_matrix
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

counts = st.integers(2, 20)
seeds = st.integers(0, 2**16)


@settings(max_examples=30, deadline=None)
@given(count=counts)
def test_a_spline_passes_through_its_samples(count):
    np.testing.assert_allclose(
        spline_matrix(count, np.arange(count, dtype=float)), np.eye(count), atol=1e-6
    )


@settings(max_examples=30, deadline=None)
@given(count=counts, seed=seeds)
def test_a_spline_equals_that_of_scipy(count, seed):
    random = np.random.default_rng(seed)
    samples, places = random.normal(size=count), random.uniform(0, count - 1, 40)
    expected = map_coordinates(samples, places[None], order=3, mode="mirror")
    np.testing.assert_allclose(spline_matrix(count, places) @ samples, expected, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(count=counts, seed=seeds)
def test_a_spline_keeps_constants_and_continues_the_last_sample(count, seed):
    places = np.random.default_rng(seed).uniform(-3, count + 2, 40)
    matrix = spline_matrix(count, places)
    np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-5)
    inside = spline_matrix(count, np.clip(places, 0, count - 1))
    np.testing.assert_array_equal(matrix, inside)


@pytest.mark.parametrize("leading", [(), (3,), (2, 3)])
def test_refinement_applies_one_matrix_along_each_axis(leading):
    random = np.random.default_rng(8)
    array = random.normal(size=(*leading, 4, 5, 6)).astype(np.float32)
    matrices = tuple(random.normal(size=(m, n)) for m, n in ((7, 4), (9, 5), (8, 6)))
    expected = np.einsum("...ijk,ai,bj,ck->...abc", array, *matrices)
    np.testing.assert_allclose(refine(array, matrices), expected, rtol=1e-4, atol=1e-4)
