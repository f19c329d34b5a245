"""Volumes that stay true while segments are edited: voxels, rows, table and chart."""
