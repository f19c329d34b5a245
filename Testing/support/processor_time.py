"""Where the suite's processor time goes: ``pytest -p Testing.support.processor_time``.

Wall time of a test depends on what runs beside it; processor time does so far less. That of the
processes that a test started counts too. To look costs some milliseconds a test.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

import pytest

LINES = 40
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PROPERTY = "processor_s"
COLLECTIONS = pytest.StashKey[list[float]]()


class ProcessorClock:
    """Seconds, user and system, of this process and of all below it."""

    def __init__(self) -> None:
        self.parents: dict[int, int] = {}
        self.own: Counter[int] = Counter()  # by process, in ticks
        self.ended: Counter[int] = Counter()  # of the children that the process waited for
        self.passed_s()

    def passed_s(self) -> float:
        """Seconds since the last call, those of ended processes included.

        A process that nobody waited for (Chromium's, when it is killed) counts up to the last call
        that saw it.
        """
        parents_before, own_before, ended_before = self.parents, self.own, self.ended
        self._read()
        ticks = sum((self.own - own_before).values())
        ended = self.ended - ended_before
        # What was seen of them while they lived has been counted.
        for process in own_before.keys() - self.own.keys():
            waiting = process
            while waiting in parents_before and waiting not in self.own:
                waiting = parents_before[waiting]
            ended[waiting] -= own_before[process] + ended_before[process]
        return (ticks + sum(max(0, left) for left in ended.values())) / TICKS_PER_SECOND

    def _read(self) -> None:
        parents, fields_of = {}, {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rpartition(")")[2].split()
            except OSError:
                continue  # has ended meanwhile
            process = int(path.parent.name)
            parents[process], fields_of[process] = int(fields[1]), [int(i) for i in fields[11:15]]

        def is_mine(process: int) -> bool:
            while process not in (0, os.getpid()):
                process = parents.get(process, 0)
            return process != 0

        mine = {process: fields for process, fields in fields_of.items() if is_mine(process)}
        self.parents = {process: parents[process] for process in mine}
        self.own = Counter({process: sum(fields[:2]) for process, fields in mine.items()})
        self.ended = Counter({process: sum(fields[2:]) for process, fields in mine.items()})


class Recorder:
    """Runs in each of pytest-xdist's processes, or in the only one."""

    def __init__(self, config: pytest.Config) -> None:
        self.config, self.clock = config, ProcessorClock()

    @pytest.hookimpl
    def pytest_collection_finish(self):
        self.collection = time.process_time()
        self.clock.passed_s()

    def _phase(self, item: pytest.Item, name: str):
        try:
            return (yield)
        finally:
            item.user_properties.append((PROPERTY, (name, self.clock.passed_s())))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item):
        return (yield from self._phase(item, "set-up"))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item):
        return (yield from self._phase(item, "call"))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item):
        return (yield from self._phase(item, "tear-down"))

    def pytest_sessionfinish(self):
        if hasattr(self.config, "workeroutput"):
            self.config.workeroutput[PROPERTY] = self.collection
        else:
            self.config.stash[COLLECTIONS].append(self.collection)


class Summary:
    """Collects what the processes found; writes the table."""

    def __init__(self, config: pytest.Config) -> None:
        self.collections = config.stash.setdefault(COLLECTIONS, [])
        self.tests: dict[str, Counter] = {}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node):
        self.collections.append(node.workeroutput.get(PROPERTY, 0.0))

    def pytest_runtest_logreport(self, report):
        if report.when == "teardown":
            phases = [found for name, found in report.user_properties if name == PROPERTY]
            self.tests[report.nodeid] = Counter(dict(phases))

    def pytest_terminal_summary(self, terminalreporter):
        files = Counter()
        for test, phases in self.tests.items():
            files[test.split("::")[0]] += phases.total()
        write = terminalreporter.write_line
        terminalreporter.section("processor seconds")
        started = ", ".join(f"{spent:.1f}" for spent in self.collections)
        write(f"{files.total():8.1f} tests; imports and collection of each process: {started}")
        for file, spent in files.most_common(LINES):
            write(f"{spent:8.1f} {file}")
        slowest = sorted(self.tests.items(), key=lambda pair: -pair[1].total())
        for test, phases in slowest[:LINES]:
            parts = ", ".join(f"{name} {spent:.1f}" for name, spent in phases.items())
            write(f"{phases.total():8.1f} {test} ({parts})")


def pytest_configure(config):
    recorder = Recorder(config)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Summary(config))
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        config.pluginmanager.register(recorder)
