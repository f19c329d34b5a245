"""The head of balls of the tests of fluid and of the intracranial border; only to be read."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="session")
def head() -> np.ndarray:
    from Testing.support.ball_head import ball_head

    return ball_head()


@pytest.fixture(scope="session")
def posterior() -> np.ndarray:
    from Testing.support.ball_head import ball_posterior

    return ball_posterior()
