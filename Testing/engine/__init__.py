"""Tests of the engine as a whole, from a file to results."""
