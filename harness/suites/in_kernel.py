# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own dma-buf selftests: a module that tests while it loads, and speaks through the kernel log only.

Up to 6.x ``dmabuf_selftests`` (CONFIG_DMABUF_SELFTESTS), from 7.x KUnit's ``dmabuf_kunit`` (CONFIG_DMABUF_KUNIT_TEST).
Besides its tests the module itself is a planned test: it stands for modprobe's exit status.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from harness.causes import Cause
from harness.guest.marks import LISTEN
from harness.interfaces import Guest, GuestLost, SuiteContext
from harness.model import Kernel, PlannedTest, Status, TestResult
from harness.suites.commands import StreamedCommand, log_file
from harness.suites.kernel_tests import kunit_tests, module_tests
from harness.suites.loads import KUNIT, SELFTESTS, SLOW, Load, kunit_loads, selftest_loads
from harness.suites.module_log import Ended, KunitLog, SelftestLog

_TIME_LIMIT = 60.0  # seconds for one load of the module under KVM, where it takes two
_SILENCE_LIMIT = 45.0  # seconds under KVM without a line; under emulation wait_backward takes minutes
_ABSENT = "the kernel has no dma-buf selftests as a module (CONFIG_DMABUF_SELFTESTS=m, or from 7.x DMABUF_KUNIT_TEST=m)"
_TOO_SLOW = "takes more than a minute under software emulation: --thorough runs it"


class InKernelSuite:
    """Implements ``harness.interfaces.Suite``."""

    name = "in-kernel"

    def plan(self, kernel: Kernel, tree: Path) -> tuple[PlannedTest, ...]:
        """The tests in the source of the module that this kernel has; one test, to be skipped, if it has none."""
        module = _module(kernel)
        tests = {SELFTESTS: module_tests, KUNIT: kunit_tests}[module](tree) if module else ()
        return tuple(PlannedTest(self.name, name) for name in (*tests, module or self.name))

    def provoked(self, test: str) -> tuple[str, ...]:
        return ()

    def run(self, guest: Guest, context: SuiteContext) -> Iterator[TestResult]:
        module = _module(guest.kernel)
        if not module:
            yield TestResult(self.name, self.name, Status.SKIP, message=_ABSENT, lost_coverage=(_ABSENT,))
            return
        leave_out = context.leaves_out_slow_tests(guest)
        wanted = frozenset(context.planned) & (context.only or frozenset(context.planned))  # old trees lack some
        slow = SLOW[module] & wanted if leave_out else frozenset()
        for name in slow:
            yield TestResult(self.name, name, Status.SKIP, message=_TOO_SLOW, lost_coverage=(_TOO_SLOW,))
        only = context.only - slow
        if context.only and not only:
            return  # loaded without a name, the module would run all its tests
        loads = (selftest_loads if module == SELFTESTS else kunit_loads)(only, slow)
        log = log_file(context.logs, module)
        run = _Run(module, f"{context.log_prefix}/{log.name}", context.planned)
        for load in loads:
            try:
                yield from run.load(guest, load, log)
            except GuestLost as lost:
                yield from run.lost(lost)
                raise
        yield run.verdict()


class _Run:
    """All loads of one module, and what they amount to."""

    def __init__(self, module: str, log: str, planned: tuple[str, ...]) -> None:
        self._module = module
        self._log = log
        self._planned = planned
        self._reader: SelftestLog | KunitLog = SelftestLog()
        self._count = 0
        self._seconds = 0.0
        self._trouble: list[str] = []
        self._lost: list[str] = []

    def load(self, guest: Guest, load: Load, log: Path) -> Iterator[TestResult]:
        """Load the module once and yield what it tests. Raises ``GuestLost``."""
        mine = [name for name in self._planned if load.reports(name)]
        self._reader = SelftestLog() if self._module == SELFTESTS else KunitLog(mine)
        token = secrets.token_hex(4)
        limit, silence = _TIME_LIMIT * guest.slowness, _SILENCE_LIMIT * guest.slowness
        command = StreamedCommand(guest, _shell(self._module, load, token), limit, log, silence)
        status, said = None, ""
        for line in command:
            if line.startswith("modprobe: "):
                said = line
            if found := re.search(rf"dmabuf-harness: {token} ended with (\d+)$", line):
                status = int(found.group(1))
            for ended in self._reader.feed(line):
                yield from self._result(load, ended)
        if command.result.timed_out:
            seconds = command.result.seconds
            raise GuestLost(f"it hangs: {self._module} still ran after {seconds:.0f} s", Cause.SILENCE)
        self._seconds += command.result.seconds
        yield from self._after(load, status, said)

    def _after(self, load: Load, status: int | None, said: str) -> Iterator[TestResult]:
        """The command has ended; ``status``: modprobe's, None if it did not say."""
        if status is None:
            self._trouble.append("ended, and nobody knows how")
        elif status != 0:
            self._trouble.append(f"modprobe ended with {status}: {said or 'it said nothing'}")
        for ended in self._reader.finish(status == 0):
            yield from self._result(load, ended)

    def _result(self, load: Load, ended: Ended) -> Iterator[TestResult]:
        if not load.reports(ended.name):
            return
        self._count += 1
        self._lost += ended.lost
        yield TestResult(
            InKernelSuite.name,
            ended.name,
            ended.status,
            ended.seconds,
            ended.message,
            lost_coverage=ended.lost,
            log=self._log,
            cut_short=ended.cut_short,
        )

    def verdict(self) -> TestResult:
        """The module's own result."""
        if not self._count and not self._trouble:
            self._trouble.append("it loaded, but ran no test")
        return TestResult(
            InKernelSuite.name,
            self._module,
            Status.FAIL if self._trouble else Status.PASS,
            self._seconds,
            "; ".join(self._trouble),
            lost_coverage=tuple(self._lost),
            log=self._log,
        )

    def lost(self, lost: GuestLost) -> Iterator[TestResult]:
        """The guest died: the module and the test that ran have an error, and are not tried again."""
        for name in filter(None, (self._module, self._reader.current)):
            yield lost.result(InKernelSuite.name, name, self._log)


def _module(kernel: Kernel) -> str:
    """The module with the selftests that this kernel has, empty if none."""
    for symbol, module in (("DMABUF_SELFTESTS", SELFTESTS), ("DMABUF_KUNIT_TEST", KUNIT)):
        if kernel.config_value(symbol) == "m":
            return module
    return ""


def load_commands(kernel: Kernel, test: str) -> str:
    """Shell lines that load the module with ``test`` alone and show what it said; empty if ``kernel`` has none."""
    module = _module(kernel)
    if not module:
        return ""
    loads = (selftest_loads if module == SELFTESTS else kunit_loads)(frozenset({test}), frozenset())
    lines = [line for load in loads for line in (*load.setup, LISTEN, load.modprobe)]
    unload = f"modprobe -r {module}"
    return "\n".join((f"{unload} 2> /dev/null", *lines, "status=$?", unload, "dmesg | tail -n 30", "exit $status"))


def _shell(module: str, load: Load, token: str) -> str:
    """Load the module while its part of the kernel log is shown.

    The log is read up to our own last line. ``dmesg`` would then wait for one more: the second last command gives it
    one to break its pipe on. No ``$`` in sed: that makes it read ahead, and the last line would never be seen.
    """
    return "\n".join(
        (
            f"modprobe -r {module} 2> /dev/null",
            *load.setup,
            LISTEN,
            f"echo 'dmabuf-harness: {token} begins' > /dev/kmsg",
            f'( {load.modprobe}; echo "dmabuf-harness: {token} ended with $?" > /dev/kmsg ) 2>&1 &',
            f"dmesg --follow | {{ sed -un -e '/{token} begins/,/{token} ended/p' -e '/{token} ended/q'",
            "exec 0<&-; echo 'dmabuf-harness: log was read' > /dev/kmsg; }",
            f"wait; modprobe -r {module} 2> /dev/null; true",
        )
    )
