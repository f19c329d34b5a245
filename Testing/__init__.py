"""Tests by the part that they test, what they share (support), and benchmarks (bench)."""
