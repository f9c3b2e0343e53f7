# SPDX-License-Identifier: GPL-2.0-only
"""A kselftest collection, run program by program as kselftest/runner.sh does, but watched from the host."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from harness.causes import Cause
from harness.guest.marks import LISTEN
from harness.interfaces import Guest, GuestLost, SuiteContext
from harness.model import Kernel, PlannedTest, Status, TestResult
from harness.suites.commands import log_file
from harness.suites.program_run import HUGE_PAGES, STRESS_LIMIT, ProgramRun
from harness.suites.suite_folder import Program, SuiteFolder

_LIST = "kselftest-list.txt"
_SPARE_MEMORY = 96 << 10  # KiB that must be left when huge pages are reserved


class KselftestSuite:
    """Implements ``harness.interfaces.Suite`` for one folder of ``kselftest-wrappers/``.

    A planned test is a program ("dmabuf-heaps/dmabuf-heap"); what it prints comes as results below its name.
    """

    def __init__(self, folder: SuiteFolder) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        return self._folder.name

    def plan(self, kernel: Kernel, tree: Path) -> tuple[PlannedTest, ...]:
        """The programs that ``suite.toml`` expects and those that the tree under test has besides."""
        installed = _installed(kernel, self._folder.collection)
        expected = [program.name for program in self._folder.programs]
        names = [*expected, *(name for name in installed if name not in expected)]
        return tuple(PlannedTest(self.name, f"{self._folder.collection}/{name}") for name in names)

    def provoked(self, test: str) -> tuple[str, ...]:
        return ()

    def run(self, guest: Guest, context: SuiteContext) -> Iterator[TestResult]:
        installed = _installed(guest.kernel, self._folder.collection)
        for test in self.plan(guest.kernel, Path()):
            if context.only and test.name not in context.only:
                continue
            program = self._folder.program(test.name.rpartition("/")[2])
            if program.name not in installed:
                why = _not_built(guest.kernel, test.name)
                yield TestResult(self.name, test.name, Status.ERROR, message=why, cause=Cause.NOT_BUILT)
            else:
                yield from self._run_program(guest, context, test.name, program)

    def _run_program(self, guest: Guest, context: SuiteContext, test: str, program: Program) -> Iterator[TestResult]:
        log = log_file(context.logs, test)
        attempt = ProgramRun(self.name, test, program, f"{context.log_prefix}/{log.name}")
        limit = self._limit(guest)
        shortened = program.quick_results is not None and context.leaves_out_slow_tests(guest)
        try:
            if shortened:
                yield from attempt.run(guest, self._command(guest, test, program, STRESS_LIMIT), STRESS_LIMIT, log)
            if not shortened or attempt.must_go_on:
                yield from attempt.run(guest, self._command(guest, test, program, limit), limit, log)
                if (longer := attempt.fair_limit) is not None:
                    yield from attempt.run(guest, self._command(guest, test, program, longer), longer, log)
        except GuestLost as lost:
            yield lost.result(self.name, test, attempt.log)
            raise
        verdict = attempt.verdict()
        yield attempt.result(replace(verdict, lost=(*verdict.lost, *self._lost(guest.kernel))))

    def _lost(self, kernel: Kernel) -> tuple[str, ...]:
        absent = [one for one in self._folder.features if kernel.config_value(one.symbol) not in ("y", "m")]
        return tuple(f"{feature.lost} (CONFIG_{feature.symbol} is off)" for feature in absent)

    # --- the command --------------------------------------------------------------------------

    def command(self, guest: Guest, test: str) -> str:
        """Shell command that runs the program of ``test`` once, as ``run`` does; empty if it was not built."""
        program = self._folder.program(test.rpartition("/")[2])
        built = program.name in _installed(guest.kernel, self._folder.collection)
        return self._command(guest, test, program, self._limit(guest)) if built else ""

    def _limit(self, guest: Guest) -> float:
        """Seconds for one program: the tree's ``settings`` or ours, stretched as slow as the guest is."""
        assert guest.kernel.kselftests is not None
        settings = guest.kernel.kselftests / self._folder.collection / "settings"
        return (_settings_timeout(settings) or self._folder.time_limit) * guest.slowness

    def _command(self, guest: Guest, test: str, program: Program, limit: float) -> str:
        """Like ``run_one`` of kselftest/runner.sh: from its own directory, lines unbuffered, both streams in order."""
        assert guest.kernel.kselftests is not None
        directory = guest.kernel.kselftests / self._folder.collection
        runner = f"{shlex.quote(str(self._folder.runner))} " if self._folder.runner is not None else ""
        stdbuf = "$([ -x /usr/bin/stdbuf ] && echo /usr/bin/stdbuf --output=L)"
        return "\n".join(
            (
                f"echo {shlex.quote(f'dmabuf-harness: start {test}')} > /dev/kmsg",
                LISTEN,
                *(_reserve(program.huge_pages) if program.huge_pages else ()),
                f"cd {shlex.quote(str(directory))} || exit 1",
                f"timeout --kill-after=10 {limit:.0f} {stdbuf} {runner}{shlex.quote(f'./{program.name}')} 2>&1",
                "status=$?",
                *(("echo 0 > /proc/sys/vm/nr_hugepages",) if program.huge_pages else ()),
                f"echo {shlex.quote(f'dmabuf-harness: end {test}')} > /dev/kmsg",
                "exit $status",
            )
        )


def _reserve(count: int) -> tuple[str, ...]:
    """Shell lines that reserve huge pages if there is memory to spare, and say how many there are."""
    file = "/proc/sys/vm/nr_hugepages"
    available = r"$(sed -n 's/^MemAvailable: *\([0-9]*\).*/\1/p' /proc/meminfo)"
    needed = (count << 11) + _SPARE_MEMORY
    return (
        f'[ -e {file} ] && [ "{available}" -ge {needed} ] && echo {count} > {file}',
        f'echo "{HUGE_PAGES}$(cat {file} 2> /dev/null || echo 0)"',
    )


def _installed(kernel: Kernel, collection: str) -> tuple[str, ...]:
    """Programs of ``collection`` that were built and installed, in the order in which the list names them."""
    listing = kernel.kselftests / _LIST if kernel.kselftests is not None else None
    if listing is None or not listing.is_file():
        return ()
    pairs = (line.strip().partition(":") for line in listing.read_text().splitlines())
    return tuple(name for group, _, name in pairs if group == collection and name)


def _not_built(kernel: Kernel, test: str) -> str:
    about = [note for note in kernel.notes if "selftest" in note]
    return about[0] if about else f"{test} was not built from this tree"


def _settings_timeout(file: Path) -> float | None:
    """``timeout=`` of a collection's ``settings``; None if it sets none (0 means no limit: not with us)."""
    if not file.is_file():
        return None
    for line in file.read_text().splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "timeout" and value.strip().isdigit() and int(value) > 0:
            return float(value)
    return None
