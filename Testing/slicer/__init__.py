"""Tests of the Slicer module."""
