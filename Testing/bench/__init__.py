"""Benchmarks: `make bench`. Nothing is asserted."""
