"""Simulated cohorts: how often the group level finds what is there, and what is not.

``python -m Testing.simulated_statistics`` prints every scenario; the tests repeat each with fewer
cohorts and bounds to match.
"""
