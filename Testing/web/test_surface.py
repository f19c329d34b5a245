"""Surfaces of structures for the viewer."""

from __future__ import annotations

import numpy as np
import pytest
from HypothalamusSegLib.geometry.voxel_image import Grid

from Web.surface import surface_of
from Web.viewer_scene import Layer, surfaces_of


@pytest.mark.parametrize("centre", [(10.0, 11.0, 12.0), (10.3, 10.7, 11.1)])
def test_the_surface_of_a_ball_is_closed_and_has_its_volume(centre):
    radius = 7.5
    indices = np.indices((22, 23, 24)).transpose(1, 2, 3, 0)
    inside = radius - np.linalg.norm(indices - centre, axis=-1)
    vertices, triangles = surface_of(inside, 0.0)
    distance = np.linalg.norm(vertices - centre, axis=1)
    assert np.abs(distance - radius).max() < 0.2
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    volume = np.einsum("ij,ij->", a, np.cross(b, c)) / 6
    # Positive: seen from outside, triangles run counter-clockwise.
    assert volume == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.03)
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    there = {tuple(edge) for edge in edges}
    assert len(there) == len(edges)
    assert all((end, start) in there for start, end in there)


def test_the_surface_of_nothing_is_empty():
    surface = surface_of(np.zeros((5, 5, 5)), 0.5)
    assert len(surface.vertices) == len(surface.triangles) == 0


@pytest.mark.parametrize(("name", "step"), [("close/left", 1), ("head/icv", 3)])
def test_a_surface_lies_in_space_where_its_structure_is(name, step):
    """At the edge of a large grid, too, of which only a part is looked at."""
    grid = Grid.axis_aligned(np.array([10.0, -20.0, 30.0]), (90, 96, 99), 0.5 * step)
    centre = np.array([17.0, 50.0, 70.0])
    indices = np.indices(grid.shape).transpose(1, 2, 3, 0)
    ball = np.uint8(255) * (np.linalg.norm(indices - centre, axis=-1) < 14)
    vertices, triangles = surfaces_of([Layer(name, ball)], grid, grid)
    assert vertices.name == f"surface/{name.split('/')[1]}/vertices"
    radii = np.linalg.norm(vertices.array - grid.points_at(centre), axis=1) / grid.spacing_mm[0]
    assert radii.mean() == pytest.approx(14, abs=0.7)
    assert radii.std() < 0.5 * step
    assert triangles.array.max() < len(vertices.array)
    assert surfaces_of([Layer(name, np.zeros_like(ball))], grid, grid) == []
