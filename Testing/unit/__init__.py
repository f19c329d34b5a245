"""Tests of single parts of the engine."""
