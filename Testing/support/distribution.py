"""Which tests stay together in one of pytest-xdist's processes, and which of those start first."""

from __future__ import annotations

import pytest

# Files that share the session's server with the real engine.
REAL_PAGE = {"test_accessibility.py", "test_browser.py", "test_viewer.py"}
# Fixtures behind which networks see a whole head; in the folder of the engine, the head itself.
NETWORK_FIXTURES = {"sample_run", "segmenter", "real_server"}
ENGINE_FIXTURES = NETWORK_FIXTURES | {"sample_path"}
# Of groups, waiting included: the longest start first, or one process would work on alone at the
# end. Others start after these, in the order in which they are collected.
SECONDS = {
    "real page": 200,
    "Testing/slicer/test_panel.py": 85,
    "Testing/engine/test_segment_command.py": 80,
    "Testing/web/test_attacks.py": 75,
    "Testing/training/test_training.py": 70,
    "Testing/web/test_deletion.py": 65,
    "Testing/web/test_load.py": 60,
    "Testing/slicer/test_scene.py": 55,
    "Testing/slicer/test_mutations.py": 50,
    "Testing/slicer/test_engine_run.py": 50,
    "Testing/engine/test_engine.py": 50,
    "Testing/cohort/test_participant.py": 50,
    "Testing/cohort/test_real.py": 45,
    "Testing/engine/test_follow.py": 60,
    "Testing/engine/test_worker.py": 40,
    "Testing/cohort/test_command.py": 40,
    "Testing/web/test_api.py": 40,
    "Testing/web/test_safety.py": 35,
    "Testing/unit/test_icv_border.py": 35,
    "Testing/cohort/test_group.py": 35,
    "Testing/unit/test_devices_and_memory.py": 30,
    "Testing/engine/test_overview.py": 25,
    "Testing/cohort/test_statistics.py": 20,
    "Testing/unit/test_report_page.py": 20,
    "Testing/slicer/test_headless.py": 20,
    "Testing/slicer/test_review.py": 20,
    "Testing/slicer/test_patients.py": 20,
    "Testing/slicer/test_display.py": 15,
    "Testing/engine/test_packaged_module.py": 15,
    "Testing/unit/test_label_grids.py": 15,
    "Testing/training/test_hypothalamus_training.py": 15,
}


def group_of(identifier: str) -> str:
    """The group of a test, by its node's identifier: its file, or one for several files."""
    file = identifier.split("::")[0]
    return "real page" if file.rsplit("/", 1)[-1] in REAL_PAGE else file


def sort(items: list[pytest.Item]) -> None:
    """Put the longest groups first."""
    items.sort(key=lambda item: -SECONDS.get(group_of(item.nodeid), 0))


def scheduler(config: pytest.Config, log: object) -> object | None:
    """What ``--dist loadfile`` hands out to pytest-xdist's processes: groups instead of files."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class GroupScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return GroupScheduling(config, log)


def mark_slow(items: list[pytest.Item]) -> None:
    """Mark those that let networks see a whole head, by the fixtures that they ask for."""
    for item in items:
        of_the_engine = item.path.parent.name == "engine"
        if (ENGINE_FIXTURES if of_the_engine else NETWORK_FIXTURES) & set(item.fixturenames):
            item.add_marker(pytest.mark.slow)
