"""What says which tests start first names files that are there."""

from __future__ import annotations

from Testing.support.command_runs import REPOSITORY
from Testing.support.distribution import GROUP_OF_FILE, SECONDS, group_of


def test_every_file_that_is_named_exists():
    named = {name for name in SECONDS if name.startswith("Testing/")} | set(GROUP_OF_FILE)
    assert [name for name in named if not (REPOSITORY / name).is_file()] == []


def test_times_are_those_of_groups_and_the_longest_come_first():
    groups = {group_of(name) for name in GROUP_OF_FILE}
    assert groups <= set(SECONDS)
    assert not set(GROUP_OF_FILE) & set(SECONDS)
    assert list(SECONDS.values()) == sorted(SECONDS.values(), reverse=True)
