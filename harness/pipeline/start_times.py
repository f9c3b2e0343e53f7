# SPDX-License-Identifier: GPL-2.0-only
"""When the phases and the tests of a run began, read off its events."""

from __future__ import annotations

from dataclasses import replace

from harness.events import Event, PhaseStarted, TestEnded
from harness.model import VariantReport


class StartTimes:
    """A subscriber for ``EventStream``. A test is told of as it ends: it began as long before that as it took."""

    def __init__(self) -> None:
        self._phases: dict[str, dict[str, float]] = {}
        self._tests: dict[tuple[str, str, str], float] = {}

    def __call__(self, elapsed: float, event: Event) -> None:
        match event:
            case PhaseStarted(variant, phase):
                self._phases.setdefault(variant, {}).setdefault(phase, elapsed)
            case TestEnded(variant, result):
                began = max(0.0, elapsed - result.seconds)
                self._tests[variant, result.suite, result.name] = began  # the last: a test may be tried once more

    def added_to(self, report: VariantReport, label: str = "") -> VariantReport:
        """``report`` with all start times; in events the name of its variant stands behind ``label``."""
        name = label + report.variant.name
        results = [
            replace(result, started=self._tests.get((name, result.suite, result.name))) for result in report.results
        ]
        return replace(report, results=tuple(results), started=dict(self._phases.get(name, {})))
