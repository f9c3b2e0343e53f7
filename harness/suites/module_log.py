# SPDX-License-Identifier: GPL-2.0-only
"""Reading what the modules with the kernel's own dma-buf selftests write to the kernel log.

``dmabuf_selftests`` (up to 6.x, drivers/dma-buf/selftest.c) announces each test when it starts ("dma-buf: Running
dma_fence/test_wait"), says nothing when one passes, and after a failure ("dma-buf/dma_fence: test_wait failed with
error -22") runs no more. ``dmabuf_kunit`` (7.x) prints KTAP (lib/kunit/test.c).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from harness.kernel_stamp import stamped
from harness.ktap import KtapParser, KtapTest
from harness.model import Status

_RUNNING = re.compile(r"dma-buf: Running (\S+)$")
_SUBTEST = re.compile(r" {4}# Subtest: (\S+)$")  # deeper ones are of tests with parameters
_FAILED = re.compile(r"dma-buf/(\S+): (\S+) failed with error (-?\d+)$")
# st-dma-fence.c, test_wait_timeout(): returns success without having waited for the signal.
_GAVE_UP = re.compile(r"Timer did not fire within the jiffy")
# st-dma-fence.c gives its threads 50 ms. One that never ran by then is stopped with -EINTR (kernel/kthread.c,
# kthread()): that says how busy the host is, and nothing about fences.
_NEVER_RAN = re.compile(r"test_race_signal_callback: EXPECTATION FAILED .*\bret == -4 ")
TOO_BUSY = "a thread of it did not get to run within 50 ms: the host is too busy"


@dataclass(frozen=True)
class Ended:
    """A test that ended. ``seconds``: by the kernel's clock. ``lost``: what it says it did not test.

    ``cut_short``: as in ``TestResult``.
    """

    name: str
    status: Status
    seconds: float
    message: str = ""
    lost: tuple[str, ...] = ()
    cut_short: bool = False


@dataclass
class _Running:
    name: str
    since: float
    message: str = ""
    lost: list[str] = field(default_factory=list)


class SelftestLog:
    """Reads the log of ``dmabuf_selftests``: feed it what comes from where the module is loaded."""

    def __init__(self) -> None:
        self._running: _Running | None = None
        self._now = 0.0
        self._runs: Counter[str] = Counter()

    @property
    def current(self) -> str:
        """Name of the test that runs, empty between two."""
        return self._running.name if self._running is not None else ""

    def feed(self, line: str) -> Iterator[Ended]:
        """Take the next line; yields what ended with it."""
        found = stamped(line)
        if found is None:
            return
        self._now, text = found.seconds, found.text
        if running := _RUNNING.match(text):
            yield from self._start(running.group(1))
        elif failed := _FAILED.match(text):
            yield from self._fail(f"{failed.group(1)}/{failed.group(2)}", failed.group(3))
        elif self._running is not None and _GAVE_UP.search(text):
            self._running.lost.append(f"{self._running.name}: {text}")

    def _start(self, name: str) -> Iterator[Ended]:
        # "Running dma_fence" before "Running dma_fence/test_wait" announces the group, not a test.
        if self._running is not None and not name.startswith(self._running.name + "/"):
            yield self._end(Status.PASS)
        self._running = _Running(name, self._now)

    def _fail(self, name: str, error: str) -> Iterator[Ended]:
        if self._running is None or self._running.name != name:
            self._running = _Running(name, self._now)
        yield self._end(Status.FAIL, f"failed with error {error}")

    def finish(self, passed: bool) -> Iterator[Ended]:
        """The module is loaded (``passed``) or was refused. A test that did not fail by its own words, yet was the
        last before the module was refused, is not known to have passed."""
        if self._running is not None:
            yield self._end(
                Status.PASS if passed else Status.FAIL, "" if passed else "the module failed in or after it"
            )

    def _end(self, status: Status, message: str = "") -> Ended:
        assert self._running is not None
        running, self._running = self._running, None
        self._runs[running.name] += 1
        count = self._runs[running.name]
        name = running.name if count == 1 else f"{running.name}#{count}"  # dma_resv runs its tests once per usage
        return Ended(name, status, self._now - running.since, message, tuple(running.lost))


class KunitLog:
    """Reads the log of ``dmabuf_kunit``. KUnit names a test when it ends: what runs is the next one that is planned."""

    def __init__(self, planned: Sequence[str] = ()) -> None:
        """``planned``: "dma-buf-fence/test_wait", ..., each suite's in the order in which they run."""
        self._parser = KtapParser()
        self._now = 0.0
        self._left = list(planned)
        self._suite = ""

    @property
    def current(self) -> str:
        """Name of the test that runs, as far as the plan tells; empty between two suites."""
        mine = [name for name in self._left if name.startswith(self._suite + "/")]
        return mine[0] if self._suite and mine else ""

    def feed(self, line: str) -> Iterator[Ended]:
        """Take the next line; yields what ended with it."""
        found = stamped(line)
        if subtest := _SUBTEST.match(found.text if found else line):
            self._suite = subtest.group(1)
        before, self._now = self._now, found.seconds if found else self._now
        for test in self._parser.feed(line):
            yield from self._ended(test, self._now - before if before else 0.0)

    def _ended(self, test: KtapTest, seconds: float) -> Iterator[Ended]:
        """A suite is no test of ours, unless it fails by itself (its init does)."""
        said = any(child.status is Status.FAIL for child in test.children)
        if not test.parents:
            self._suite = ""
        if not test.parents and (test.status is not Status.FAIL or said):
            return
        lost = (f"{test.name}: {test.reason}",) if test.status is Status.SKIP else ()
        words = test.reason or (" ".join(test.diagnostics) if test.status is Status.FAIL else "")
        name = "/".join((*test.parents, test.name))
        if name in self._left:
            self._left.remove(name)
        if test.status is Status.FAIL and _NEVER_RAN.search(words):
            yield Ended(name, Status.SKIP, seconds, TOO_BUSY, (f"{test.name}: {TOO_BUSY}",), cut_short=True)
        else:
            yield Ended(name, test.status, seconds, words, lost)

    def finish(self, passed: bool) -> Iterator[Ended]:
        """Nothing is pending: what KUnit did not report did not end."""
        yield from ()
