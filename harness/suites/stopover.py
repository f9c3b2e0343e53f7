# SPDX-License-Identifier: GPL-2.0-only
"""A suite with stops around one of its tests: somebody looks into the guest before it runs, and after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from harness.identities import PlannedTest
from harness.interfaces import Guest, Suite, SuiteContext
from harness.model import Kernel, TestResult


class Stopover(Protocol):
    """Something that is done around a test."""

    def around(self, guest: Guest, context: SuiteContext, results: list[TestResult]) -> AbstractContextManager[None]:
        """Entered before the test, and left after it: ``results`` holds its results then. May raise ``GuestLost``."""


class StopoverSuite:
    """Implements ``harness.interfaces.Suite`` around another one.

    ``tests``: those of the suite that are stopped at; what else is to run is run before them, and apart.
    """

    def __init__(self, suite: Suite, tests: Sequence[PlannedTest], stops: Sequence[Stopover]) -> None:
        self._suite = suite
        self._tests = frozenset(test.name for test in tests if test.suite == suite.name)
        self._stops = stops

    @property
    def name(self) -> str:
        return self._suite.name

    def plan(self, kernel: Kernel, tree: Path) -> tuple[PlannedTest, ...]:
        return self._suite.plan(kernel, tree)

    def provoked(self, test: str) -> tuple[str, ...]:
        return self._suite.provoked(test)

    def run(self, guest: Guest, context: SuiteContext) -> Iterator[TestResult]:
        wanted = context.only or frozenset(context.planned)
        if before := wanted - self._tests:
            yield from self._suite.run(guest, replace(context, only=before))
        if not (mine := wanted & self._tests):
            return
        results: list[TestResult] = []
        with ExitStack() as stack:
            for stop in self._stops:
                stack.enter_context(stop.around(guest, context, results))
            for result in self._suite.run(guest, replace(context, only=mine)):
                results.append(result)
                yield result
