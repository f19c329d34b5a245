"""Which tests stay together in one of pytest-xdist's processes, and which of those start first."""

from __future__ import annotations

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
# Fixtures that cost so much that all who use them wait for one process to have made them.
COSTLY_FIXTURES = {"real_server": "real page"}
# Fixtures behind which networks see a whole head.
NETWORK_FIXTURES = {"sample_run", "segmenter", "real_server"}
# Of groups, waiting included: the longest start first, or one process would work on alone at the
# end. Others start after these, in the order in which they are collected.
SECONDS = {
    "real page": 120,
    "Testing/slicer/test_panel.py": 100,
    "Testing/training/test_training.py": 90,
    "Testing/web/test_accessibility.py": 45,
    "Testing/engine/test_segment_command.py": 70,
    "Testing/engine/test_engine.py": 60,
    "Testing/slicer/test_mutations.py": 40,
    "Testing/slicer/test_host.py": 40,
    "Testing/slicer/test_scene.py": 40,
    "Testing/cohort/test_real.py": 45,
    "Testing/cohort/test_command.py": 35,
    "Testing/web/test_attacks.py": 35,
    "Testing/web/test_browser.py": 30,
    "Testing/web/test_load.py": 30,
    "Testing/web/test_deletion.py": 60,
    "Testing/engine/test_worker.py": 40,
    "Testing/cohort/test_participant.py": 24,
    "Testing/cohort/test_statistics.py": 20,
    "Testing/cohort/test_group.py": 18,
}


def group_of(item: pytest.Item) -> str:
    """The name of those with which a test shares a process; without a costly fixture, its file."""
    for fixture, group in COSTLY_FIXTURES.items():
        if fixture in item.fixturenames:
            return group
    return item.path.relative_to(REPOSITORY).as_posix()


def arrange(items: list[pytest.Item]) -> None:
    """Mark groups for ``--dist loadgroup``, and sort them by what they cost."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))
    items.sort(key=lambda item: -SECONDS.get(group_of(item), 0))


def mark_slow(items: list[pytest.Item]) -> None:
    """Mark those that let networks see a whole head through a shared fixture."""
    for item in items:
        if NETWORK_FIXTURES & set(item.fixturenames):
            item.add_marker(pytest.mark.slow)
