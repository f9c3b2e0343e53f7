# SPDX-License-Identifier: GPL-2.0-only
"""The Python checks of the ioctl interfaces: one start of the interpreter in the guest, one KTAP line per check."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from harness.guest.registry import all_checks
from harness.guest.runner import TIME_LIMIT
from harness.interfaces import Guest, GuestLost, SuiteContext
from harness.ktap import KtapParser, KtapTest
from harness.model import Kernel, PlannedTest, Status, TestResult
from harness.paths import GUEST_CODE
from harness.suites.commands import StreamedCommand, log_file

_START = "# start "
_TIME = "time "


class ChecksSuite:
    """Implements ``harness.interfaces.Suite``."""

    name = "checks"

    def plan(self, kernel: Kernel, tree: Path) -> tuple[PlannedTest, ...]:
        return tuple(PlannedTest(self.name, check) for check in all_checks())

    def run(self, guest: Guest, context: SuiteContext) -> Iterator[TestResult]:
        names = [check for check in all_checks() if not context.only or check in context.only]
        # Every check has its own limit in the guest; here is only what a guest that stopped running them runs into.
        limit = TIME_LIMIT * (len(names) + 1) * guest.slowness
        log = log_file(context.logs, self.name)
        command = StreamedCommand(guest, _command(names if context.only else [], guest.slowness), limit, log)
        logged = f"{context.log_prefix}/{log.name}"
        parser, running = KtapParser(), ""
        try:
            for line in command:
                if line.startswith(_START):
                    running = line.removeprefix(_START)
                for ended in parser.feed(line):
                    running = ""
                    yield self._result(ended, logged)
        except GuestLost as lost:
            if running:
                yield TestResult(self.name, running, Status.ERROR, message=f"guest lost: {lost.reason}", log=logged)
            raise
        if running:
            yield TestResult(self.name, running, Status.FAIL, message=_how_it_ended(command), log=logged)

    def _result(self, test: KtapTest, log: str) -> TestResult:
        """The runner's comments before a result are what it says of it, the last one the time it took."""
        said = [line for line in test.diagnostics if not line.startswith(("start ", _TIME))]
        times = [line.removeprefix(_TIME) for line in test.diagnostics if line.startswith(_TIME)]
        skipped = test.status is Status.SKIP
        return TestResult(
            self.name,
            test.name,
            test.status,
            float(times[-1]) if times else 0.0,
            test.reason if skipped else "; ".join(said[:1]),
            output="\n".join(said),
            lost_coverage=(f"{test.name}: {test.reason}",) if skipped else (),
            log=log,
        )


def _command(names: list[str], factor: float) -> str:
    """``-I -S``: the interpreter starts in a third of the time, and nothing of the host's Python gets in."""
    script = str(GUEST_CODE / "run_checks.py")
    return shlex.join(["/usr/bin/python3", "-I", "-S", script, "--factor", f"{factor:g}", *names]) + " 2>&1"


def _how_it_ended(command: StreamedCommand) -> str:
    if command.result.timed_out:
        return f"still ran after {command.result.seconds:.0f} s"
    words = command.result.stdout.strip().splitlines()
    return f"the runner ended in it with status {command.result.status}: {words[-1] if words else 'no output'}"
