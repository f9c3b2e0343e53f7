# SPDX-License-Identifier: GPL-2.0-only
"""Building a commit, and asking it in a guest, with the stages of the main job."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from harness.bisect import result_cache
from harness.bisect.state import Attempt, Symptom, SymptomKind
from harness.bisect.targets import Target
from harness.build import kernel_digest, sources_of
from harness.errors import UserError
from harness.events import EventStream
from harness.executor import Executor, Findings, JobSource, KernelJob
from harness.identities import OWN_TESTS, covering
from harness.model import BuildFailure, Kernel, Moment, PlannedTest, Splat, TestResult
from harness.pipeline import RunJob, base_cache
from harness.pipeline.kernels import KernelMaker, held_source
from harness.pipeline.plan import plan_tests
from harness.series import Applied
from harness.verdict import complete

_TEXT = 4000  # characters of a report or of a test's output that are kept in the state; the logs have all


@dataclass(frozen=True)
class Built:
    """A kernel that can be asked. ``tests``: to be run, none: a boot will do. ``digest``: equal for equal kernels.

    ``sources``: files of the tree that took part in it, None if nobody knows.
    """

    kernel: Kernel
    applied: Applied
    job: RunJob
    tests: tuple[PlannedTest, ...]
    digest: str
    sources: frozenset[str] | None

    @property
    def reused(self) -> bool:
        return self.kernel.reused

    @property
    def kernel_job(self) -> KernelJob:
        """Its tests, or a boot."""
        job = self.job.kernel_job(self.job.variants[0], self.kernel, JobSource.of(self.applied))
        return job.narrowed_to(*self.tests)


@dataclass(frozen=True)
class Untestable:
    """``why``: in one line; a build failure, a fixup that does not apply, a test that is not there yet."""

    why: str
    tried: bool = False  # something was compiled


class CommitTester(Protocol):
    """Where commits are tried."""

    def build(self, commit: str, symptom: Symptom, directory: Path) -> Built | Untestable:
        """The kernel of ``commit``. Raises ``InfrastructureError``."""

    def attempt(self, built: Built, directory: Path, before: Sequence[Attempt]) -> Attempt:
        """What one more guest shows than those ``before``, of the same kernel. Raises ``InfrastructureError``."""

    def remember(self, built: Built, attempt: Attempt) -> None:
        """``attempt`` is worth being known to later walks."""


class PipelineTester:
    """Builds with the main job's stages, and has ``executor`` run the tests."""

    def __init__(self, target: Target, events: EventStream, executor: Executor) -> None:
        self._target = target
        self._events = events
        self._executor = executor

    # --- kernels ------------------------------------------------------------------------------

    def build(self, commit: str, symptom: Symptom, directory: Path) -> Built | Untestable:
        try:
            job = self._target.job(commit, directory)
            return self._build(job, symptom)
        except UserError as error:
            return Untestable(str(error))

    def _build(self, job: RunJob, symptom: Symptom) -> Built | Untestable:
        with held_source(job, self._events) as held:
            applied = held.applied
            made = KernelMaker(job, applied, self._events).kernel(job.variants[0])
            if isinstance(made, BuildFailure):
                return Untestable(f"does not build: {_told(made)}", tried=True)
            planned = plan_tests(job.suites, made, applied.tree.path)
        tests = wanted(symptom, planned)
        if not tests and symptom.needs_tests:
            return Untestable(f"there is no test {symptom.during or symptom} here", tried=not made.reused)
        return Built(made, applied, job, tests, kernel_digest(made), sources_of(made))

    # --- guests -------------------------------------------------------------------------------

    def attempt(self, built: Built, directory: Path, before: Sequence[Attempt]) -> Attempt:
        if not _asks_own(built) and (answer := result_cache.recall(self._key(built), before)) is not None:
            return answer
        shutil.rmtree(directory, ignore_errors=True)  # of a guest that was cut off
        started = time.monotonic()
        found = self._executor.run(built.kernel_job, directory)
        return attempt_of(found, built.tests, time.monotonic() - started)

    def remember(self, built: Built, attempt: Attempt) -> None:
        if not _asks_own(built):
            result_cache.keep(self._key(built), attempt)

    def _key(self, built: Built) -> str:
        by_content = replace(built.kernel_job, kernel=built.digest)
        return str(base_cache.key(by_content, self._executor.machine()))


def _asks_own(built: Built) -> bool:
    """True if a test of the user's is among them: its answers are not remembered, as for ``base_cache.key``."""
    return any(test.suite.startswith(OWN_TESTS) for test in built.tests)


def wanted(symptom: Symptom, planned: tuple[PlannedTest, ...]) -> tuple[PlannedTest, ...]:
    """Those of ``planned`` that show whether ``symptom`` is there; none if a boot shows it.

    Raises ``UserError`` if the name of a test stands for several.
    """
    if not symptom.needs_tests:
        return ()
    if symptom.kind is SymptomKind.SPLAT:
        return tuple(test for test in planned if _prints(test, symptom.moment))
    suites = dict.fromkeys(test.suite for test in planned if symptom.suite in ("", test.suite))
    found = [test for suite in suites if (test := covering(planned, PlannedTest(suite, symptom.name))) is not None]
    if len(found) > 1:
        named = ", ".join(test.suite for test in found)
        raise UserError("several suites have a test of that name", where=symptom.name, hint=f"name one: {named}")
    return tuple(found)


def _prints(test: PlannedTest, moment: Moment) -> bool:
    """Is ``test`` what ran then: a test of a suite, a suite, a test of any suite, or, if nobody knows, every one?"""
    if moment.test:
        return test.covers(PlannedTest(moment.suite, moment.test))
    return moment.around in ("", test.suite) or test.covers(PlannedTest(test.suite, moment.around))


def _told(failure: BuildFailure) -> str:
    first = next((f"{m.path}:{m.line}: {m.text}" for m in failure.messages), "")
    return first or (failure.tail.strip().splitlines() or [f"see {failure.log}"])[-1]


def attempt_of(found: Findings, planned: tuple[PlannedTest, ...], seconds: float) -> Attempt:
    """What ``found``, of the tests ``planned``, amounts to. ``seconds``: that it took."""
    last = found.boots[-1]
    return Attempt(
        outcome=last.outcome,
        ended=last.ended,
        results=tuple(_short(result) for result in complete(planned, found.results)),
        splats=tuple(_short_splat(splat) for splat in found.splats),
        seconds=seconds,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        cause=last.cause,
        hangs_in=last.hangs_in,
    )


def _short(result: TestResult) -> TestResult:
    return replace(result, output=result.output[:_TEXT])


def _short_splat(splat: Splat) -> Splat:
    return replace(splat, text=splat.text[:_TEXT], stack=())
