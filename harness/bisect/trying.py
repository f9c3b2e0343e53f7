# SPDX-License-Identifier: GPL-2.0-only
"""Building a commit, and asking it in a guest, with the stages of the main job."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Protocol

from harness.bisect import known
from harness.bisect.state import Attempt, Kind, Symptom
from harness.bisect.trails import Course
from harness.build import find_kernel, kernel_digest, sources_of
from harness.errors import UserError
from harness.events import EventStream, Note
from harness.interfaces import Suite
from harness.model import OWN_TESTS, BuildFailure, Kernel, PlannedTest, Splat, Status, TestResult
from harness.pipeline import Job, base_cache
from harness.pipeline.kernels import KernelMaker
from harness.pipeline.plan import plan_tests
from harness.pipeline.testing import Findings, KernelTest
from harness.series import Applied
from harness.verdict import complete
from harness.vm.launch import Launcher

_TEXT = 4000  # characters of a report or of a test's output that are kept in the state; the logs have all


@dataclass(frozen=True)
class Built:
    """A kernel that can be asked. ``tests``: to be run, none: a boot will do. ``digest``: equal for equal kernels.

    ``sources``: files of the tree that took part in it, None if nobody knows.
    """

    kernel: Kernel
    applied: Applied
    job: Job
    tests: tuple[PlannedTest, ...]
    digest: str
    sources: frozenset[str] | None

    @property
    def reused(self) -> bool:
        return self.kernel.reused

    @property
    def suites(self) -> tuple[Suite, ...]:
        """Those that the tests belong to."""
        names = {test.suite for test in self.tests}
        return tuple(suite for suite in self.job.suites if suite.name in names)


@dataclass(frozen=True)
class Untestable:
    """``why``: in one line; a build failure, a fixup that does not apply, a test that is not there yet."""

    why: str
    tried: bool = False  # something was compiled


class Bench(Protocol):
    """Where commits are tried."""

    def build(self, commit: str, symptom: Symptom, directory: Path) -> Built | Untestable:
        """The kernel of ``commit``. Raises ``InfrastructureError``."""

    def attempt(self, built: Built, directory: Path, before: Sequence[Attempt]) -> Attempt:
        """What one more guest shows than those ``before``, of the same kernel. Raises ``InfrastructureError``."""

    def remember(self, built: Built, attempt: Attempt) -> None:
        """``attempt`` is worth being known to later walks."""


class Guests(Protocol):
    """``machine``: the accelerator that runs them, and the version of QEMU."""

    @property
    def machine(self) -> tuple[str, str]: ...

    def ask(self, built: Built, directory: Path) -> Findings:
        """Boot the kernel and run its tests. Raises ``InfrastructureError``."""


class RealGuests:
    """Guests under QEMU. ``accel``, ``thorough``: as ``dmabuf-harness run`` takes them."""

    def __init__(self, events: EventStream, accel: str, thorough: bool) -> None:
        self._events = events
        self._accel = accel
        self._thorough = thorough

    @cached_property
    def _launcher(self) -> Launcher:
        return Launcher(self._accel, lambda text: self._events.publish(Note("", text)), self._thorough, find_kernel)

    @property
    def machine(self) -> tuple[str, str]:
        return self._launcher.accelerator.name, self._launcher.qemu_version

    def ask(self, built: Built, directory: Path) -> Findings:
        request = replace(built.job.request, directory=directory, only=frozenset(test.name for test in built.tests))
        variant = built.job.variants[0]
        test = KernelTest(variant, built.kernel, self._launcher, self._events, request, built.applied)
        test.findings.planned = built.tests
        if built.suites:
            test.run(built.suites)
        else:
            test.boot()
        return test.findings


class PipelineBench:
    """Builds with the main job's stages, and asks ``guests``."""

    def __init__(self, course: Course, events: EventStream, guests: Guests) -> None:
        self._course = course
        self._events = events
        self._guests = guests

    # --- kernels ------------------------------------------------------------------------------

    def build(self, commit: str, symptom: Symptom, directory: Path) -> Built | Untestable:
        try:
            job = self._course.job(commit, directory)
            return self._build(job, symptom)
        except UserError as error:
            return Untestable(str(error))

    def _build(self, job: Job, symptom: Symptom) -> Built | Untestable:
        maker, times = KernelMaker(job, self._events), dict[str, float]()
        with maker.source() as applied:
            config = maker.resolve(job.variants[0], times)
            made = config if isinstance(config, BuildFailure) else maker.make(config, times)
            if isinstance(made, BuildFailure):
                return Untestable(f"does not build: {_told(made)}", tried=True)
            planned = plan_tests(job.suites, made, applied.tree.path)
        tests = wanted(symptom, planned)
        if not tests and symptom.needs_tests:
            return Untestable(f"there is no test {symptom.during or symptom} here", tried=not made.reused)
        return Built(made, applied, job, tests, kernel_digest(made), sources_of(made))

    # --- guests -------------------------------------------------------------------------------

    def attempt(self, built: Built, directory: Path, before: Sequence[Attempt]) -> Attempt:
        if not _asks_own(built) and (answer := known.recall(self._key(built), before)) is not None:
            return answer
        shutil.rmtree(directory, ignore_errors=True)  # of a guest that was cut off
        started = time.monotonic()
        found = self._guests.ask(built, directory)
        return _attempt(found, built.tests, time.monotonic() - started)

    def remember(self, built: Built, attempt: Attempt) -> None:
        if not _asks_own(built):
            known.keep(self._key(built), attempt)

    def _key(self, built: Built) -> str:
        asked = replace(built.job.request, only=frozenset(test.name for test in built.tests))
        kernel, suites = replace(built.kernel, key=built.digest), (suite.name for suite in built.suites)
        return base_cache.key(kernel, suites, asked, *self._guests.machine)


def _asks_own(built: Built) -> bool:
    """True if a test of the user's is among them: its answers are not remembered, as for ``base_cache.key``."""
    return any(test.suite.startswith(OWN_TESTS) for test in built.tests)


def wanted(symptom: Symptom, planned: tuple[PlannedTest, ...]) -> tuple[PlannedTest, ...]:
    """Those of ``planned`` that show whether ``symptom`` is there; none if a boot shows it.

    Raises ``UserError`` if the name of a test stands for several.
    """
    if not symptom.needs_tests:
        return ()
    if symptom.kind is Kind.SPLAT:
        return tuple(test for test in planned if _prints(test, symptom.during.removeprefix("after ")))
    covering = [
        test for test in planned if symptom.suite in ("", test.suite) and test.covers(_result(test.suite, symptom.name))
    ]
    if len({test.suite for test in covering}) > 1:
        suites = ", ".join(test.suite for test in covering)
        raise UserError("several suites have a test of that name", where=symptom.name, mend=f"name one: {suites}")
    return tuple(sorted(covering, key=lambda test: len(test.name))[-1:])


def _prints(test: PlannedTest, during: str) -> bool:
    """Is ``test`` what ``during`` names: "suite: test", a suite, a test of any suite, or empty: every one?"""
    suite, colon, name = during.partition(": ")
    if colon:
        return test.covers(_result(suite, name))
    return during in ("", test.suite) or test.covers(_result(test.suite, during))


def _result(suite: str, name: str) -> TestResult:
    return TestResult(suite, name, Status.FAIL)


def _told(failure: BuildFailure) -> str:
    first = next((f"{m.path}:{m.line}: {m.text}" for m in failure.messages), "")
    return first or (failure.tail.strip().splitlines() or [f"see {failure.log}"])[-1]


def _attempt(found: Findings, planned: tuple[PlannedTest, ...], seconds: float) -> Attempt:
    last = found.boots[-1]
    return Attempt(
        outcome=last.outcome,
        ended=last.ended,
        results=tuple(_short(result) for result in complete(planned, found.results)),
        splats=tuple(_short_splat(splat) for splat in found.splats),
        seconds=seconds,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _short(result: TestResult) -> TestResult:
    return replace(result, output=result.output[:_TEXT])


def _short_splat(splat: Splat) -> Splat:
    return replace(splat, text=splat.text[:_TEXT], stack=())
