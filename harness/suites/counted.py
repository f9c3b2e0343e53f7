# SPDX-License-Identifier: GPL-2.0-only
"""A suite on a kernel that counts: the same tests, and after each what it reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from harness.causes import Cause
from harness.guest import bundle, counters
from harness.guest.runner import REACH
from harness.guest.walks.choice import GROUP as WALKS
from harness.interfaces import Guest, GuestLost, Suite, SuiteContext
from harness.model import Kernel, PlannedTest, Status, TestResult
from harness.paths import write_atomic
from harness.suites.checks import ARCHIVE, ChecksSuite, ship
from harness.suites.in_kernel import InKernelSuite
from harness.suites.loads import KUNIT, SELFTESTS, SLOW

_LIMIT = 20.0  # seconds under KVM for reading all counters
_MODULES = frozenset({SELFTESTS, KUNIT})  # planned tests that stand for all others of the suite
_STRESS = "contract.row-20-stress-loses-no-notification-and-no-contents"
_TOO_SLOW = "takes more than a minute under software emulation"


class CounterFiles:
    """What the tests of one kernel left, raw, in files below ``directory``: a line with suite and name, one as
    ``guest.counters.pack`` makes it."""

    def __init__(self, directory: Path, variant: str) -> None:
        self._directory = directory / "counters" / variant

    def take(self, test: PlannedTest, files: Mapping[str, bytes]) -> None:
        """``files``: as in ``CounterSink``."""
        self._directory.mkdir(parents=True, exist_ok=True)
        name = f"{test.suite} {test.name}"
        text = f"{name}\n{counters.pack(dict(files))}\n"
        write_atomic(self._directory / f"{name.replace('/', '-').replace(' ', '-')}.counters", text)

    def read(self) -> dict[PlannedTest, Mapping[str, bytes]]:
        """Of each test what it left. Raises ``ValueError`` for a file that is damaged."""
        found: dict[PlannedTest, Mapping[str, bytes]] = {}
        for path in sorted(self._directory.glob("*.counters")):
            head, _, packed = path.read_text().partition("\n")
            suite, _, name = head.partition(" ")
            found[PlannedTest(suite, name)] = counters.unpack(packed.strip())
        return found


def is_module(test: PlannedTest) -> bool:
    """True for a test that stands for a whole module of tests: what it reaches, they do."""
    return test.suite == InKernelSuite.name and test.name in _MODULES


def is_slow(test: PlannedTest) -> bool:
    """True for a test that is left out under software emulation."""
    return test.suite == InKernelSuite.name and any(test.name in names for names in SLOW.values())


def is_drawn(test: PlannedTest) -> bool:
    """True for a test that draws something new each time: what it reached once says little of what it reaches next."""
    return test.name == _STRESS


def is_walk(test: PlannedTest) -> bool:
    """True for a test that draws what it does from a seed: with the same one it does the same again."""
    return test.suite == WALKS


class CountedSuite:
    """Implements ``harness.interfaces.Suite`` around another one."""

    def __init__(self, suite: Suite, sink: Callable[[PlannedTest, Mapping[str, bytes]], None]) -> None:
        self._suite = suite
        self._sink = sink

    @property
    def name(self) -> str:
        return self._suite.name

    def plan(self, kernel: Kernel, tree: Path) -> tuple[PlannedTest, ...]:
        """Those of the suite that are tests of their own."""
        return tuple(test for test in self._suite.plan(kernel, tree) if not is_module(test))

    def provoked(self, test: str) -> tuple[str, ...]:
        return self._suite.provoked(test)

    def run(self, guest: Guest, context: SuiteContext) -> Iterator[TestResult]:
        if isinstance(self._suite, ChecksSuite):
            context = replace(context, counters=lambda name, files: self._sink(self._test(name), files))
            yield from self._suite.run(guest, context)
            return
        ship(guest, context.logs / "counters.zip")
        _count(guest, "reset")
        for name in context.planned:
            if not context.only or name in context.only:
                yield from self._one(guest, context, name)

    def _one(self, guest: Guest, context: SuiteContext, name: str) -> Iterator[TestResult]:
        """Run the test ``name`` alone, and look at the counters, which are zero again after that: one start of a
        program between two tests, each of which takes seconds under emulation."""
        alone = replace(context, only=frozenset({name}), planned=(name,), in_parts=True)
        if is_slow(self._test(name)) and alone.leaves_out_slow_tests(guest):
            yield TestResult(self.name, name, Status.SKIP, message=_TOO_SLOW)
            return
        yield from (result for result in self._suite.run(guest, alone) if result.name not in _MODULES)
        yield from self._taken(guest, name)

    def _taken(self, guest: Guest, name: str) -> Iterator[TestResult]:
        """Hand on what ``name`` reached. A guest that is lost meanwhile is laid at its door: it has ended by then, and
        the next would be taken for the guilty one."""
        try:
            self._sink(self._test(name), _unpacked(_count(guest, "take")))
        except GuestLost as lost:
            yield lost.result(self.name, name)
            raise

    def _test(self, name: str) -> PlannedTest:
        return PlannedTest(self.name, name)


def _count(guest: Guest, what: str) -> str:
    """Raises ``GuestLost`` if that does not work."""
    done = guest.run(bundle.command(ARCHIVE, "--count", what), timeout=_LIMIT * guest.slowness)
    if not done.ok:
        said = (done.stderr.strip() or "no output").splitlines()[-1]
        raise GuestLost(f"its counters cannot be read: {said}", Cause.UNUSABLE)
    return done.stdout


def _unpacked(said: str) -> Mapping[str, bytes]:
    lines = [line.removeprefix(REACH) for line in said.splitlines() if line.startswith(REACH)]
    try:
        return counters.unpack(lines[-1])
    except (IndexError, ValueError) as error:
        raise GuestLost(f"its counters cannot be read: {error}", Cause.UNUSABLE) from error
