"""Which tests stay together in one of pytest-xdist's processes, and which of those start first."""

from __future__ import annotations

import pytest

# Files that share what takes seconds of processor time to start: Chromium, the session's server
# with the real engine, the process that has imported Gradio, of which every server is a fork, or
# networks. The folder comes first.
GROUPS = {
    "real page": ("web", "accessibility", "browser", "dicom", "viewer", "workers"),
    "stub page": (
        *("web", "answers_order", "api", "attacks", "connections", "deletion", "doors"),
        *("hostile_requests", "load", "options", "page_names", "protocol", "proxy", "safety"),
        *("series", "unusual_visits", "visits"),
    ),
    "trainings": ("training", "training", "evaluation", "adaptation", "adaptation_run"),
}
GROUP_OF_FILE = {
    f"Testing/{folder}/test_{name}.py": group
    for group, (folder, *names) in GROUPS.items()
    for name in names
}
# Fixtures behind which networks see a whole head; in the folder of the engine, the head itself.
NETWORK_FIXTURES = {"sample_run", "quick_run", "segmenter", "real_server"}
ENGINE_FIXTURES = NETWORK_FIXTURES | {"sample_path"}
# Of groups, processor time and waiting: the longest start first, or one process would work on alone
# at the end. Others start after these, in the order in which they are collected.
SECONDS = {
    "stub page": 150,
    "real page": 110,
    "trainings": 65,
    "Testing/engine/test_engine.py": 50,
    "Testing/engine/test_follow.py": 35,
    "Testing/slicer/test_panel.py": 30,
    "Testing/engine/test_segment_command.py": 26,
    "Testing/cohort/test_command.py": 22,
    "Testing/unit/test_devices_and_memory.py": 22,
    "Testing/engine/test_stopped_command.py": 22,
    "Testing/cohort/test_real.py": 16,
    "Testing/slicer/test_mutations.py": 15,
    "Testing/engine/test_worker.py": 15,
    "Testing/slicer/test_adapt_section.py": 15,
    "Testing/engine/test_overview.py": 12,
    "Testing/slicer/test_panel_runs.py": 12,
    "Testing/slicer/test_dicom_export.py": 11,
    "Testing/unit/test_midspace_registration.py": 10,
    "Testing/unit/test_report_page.py": 10,
    "Testing/engine/test_dicom_command.py": 10,
    "Testing/slicer/test_engine_run.py": 10,
    "Testing/cohort/test_containers.py": 10,
    "Testing/cohort/test_participant.py": 9,
    "Testing/slicer/test_pictures.py": 9,
    "Testing/slicer/test_worklist.py": 9,
    "Testing/slicer/test_engine_launcher.py": 9,
    "Testing/cohort/test_power_of_change.py": 8,
    "Testing/cohort/test_contact_sheet.py": 8,
    "Testing/slicer/test_patients.py": 8,
    "Testing/unit/test_icv_in_unusual_fluid.py": 7,
    "Testing/cohort/test_longitudinal.py": 7,
    "Testing/unit/test_dicom_source_headers.py": 7,
    "Testing/cohort/test_compare.py": 7,
    "Testing/engine/test_packaged_module.py": 7,
    "Testing/slicer/test_scene.py": 7,
    "Testing/slicer/test_protocol_results.py": 7,
    "Testing/cohort/test_group.py": 6,
    "Testing/cohort/test_scans_to_review.py": 6,
    "Testing/cohort/test_report_layout.py": 6,
    "Testing/unit/test_label_grids.py": 6,
}


def group_of(identifier: str) -> str:
    """The group of a test, by its node's identifier: its file, or one for several files."""
    file = identifier.split("::")[0]
    return GROUP_OF_FILE.get(file, file)


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
