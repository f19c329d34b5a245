"""Cohorts with several sessions a subject: annualised change and the mixed model."""

from __future__ import annotations

from .scenario import Scenario

# One function a scenario, from the number of cohorts to its rates.
SCENARIOS: tuple[Scenario, ...] = ()
