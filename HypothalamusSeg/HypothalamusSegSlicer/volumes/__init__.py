"""Volumes that are updated while segments are edited: voxels, rows, table and chart."""
