# SPDX-License-Identifier: GPL-2.0-only
"""How far a run is, read off its events: phases that run, and tests of each variant and suite."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from harness.events import Event, PhaseEnded, PhaseProgress, PhaseStarted, Planned, TestEnded
from harness.model import Status

_SUITE = "suite:"  # before the name of a suite, in that of its phase
_TELLING = 10  # tests after which the pace of a suite says how long the others take


@dataclass
class RunningPhase:
    """``started``: seconds of the run. ``text``: its last sign of life."""

    started: float
    text: str = ""


@dataclass
class SuiteTally:
    """Tests of a suite in a variant. ``planned``: names. ``ended``: name -> how; a test may be tried once more.

    ``started``: seconds of the run; None before. ``seconds``: what the suite took, once it is over.
    """

    planned: frozenset[str] = frozenset()
    ended: dict[str, Status] = field(default_factory=dict)
    started: float | None = None
    seconds: float | None = None

    @property
    def done(self) -> int:
        """Planned tests that ended: there are results for parts of some, too."""
        return sum(name in self.ended for name in self.planned)

    @property
    def bad(self) -> int:
        return sum(status.is_bad for status in self.ended.values())

    @property
    def counts(self) -> Counter[Status]:
        return Counter(self.ended.values())

    def left(self, elapsed: float) -> float | None:
        """Seconds that it may still take, at its own pace; None if that says nothing yet, or it does not run."""
        done = self.done
        if self.started is None or self.seconds is not None or done < max(_TELLING, len(self.planned) / 10):
            return None
        return (len(self.planned) - done) * (elapsed - self.started) / done


class RunState:
    """``phases``: (variant, phase) -> it, while it runs. ``suites``: variant -> suite -> its tests."""

    def __init__(self) -> None:
        self.phases: dict[tuple[str, str], RunningPhase] = {}
        self.suites: dict[str, dict[str, SuiteTally]] = {}
        self.planned: list[str] = []  # variants whose tests are known, in that order

    def take(self, elapsed: float, event: Event) -> None:
        match event:
            case PhaseStarted(variant, phase):
                self.phases[variant, phase] = RunningPhase(elapsed)
                if phase.startswith(_SUITE):
                    tally = self._tally(variant, phase.removeprefix(_SUITE))
                    tally.started, tally.seconds = elapsed, None
            case PhaseProgress(variant, phase, text):
                self.phases.setdefault((variant, phase), RunningPhase(elapsed)).text = text
            case PhaseEnded(variant, phase, seconds):
                self.phases.pop((variant, phase), None)
                if phase.startswith(_SUITE):
                    self._tally(variant, phase.removeprefix(_SUITE)).seconds = seconds
            case Planned(variant, _):
                self._plan(event)
            case TestEnded(variant, result):
                self._tally(variant, result.suite).ended[result.name] = result.status

    def suites_of(self, variant: str) -> dict[str, SuiteTally]:
        return self.suites.get(variant, {})

    def suite_of(self, variant: str, phase: str) -> SuiteTally | None:
        """The tests of a phase; None if it has none."""
        return self.suites_of(variant).get(phase.removeprefix(_SUITE)) if phase.startswith(_SUITE) else None

    def _plan(self, event: Planned) -> None:
        if event.variant not in self.planned:
            self.planned.append(event.variant)
        names: dict[str, set[str]] = {}
        for test in event.tests:
            names.setdefault(test.suite, set()).add(test.name)
        for suite, planned in names.items():
            self._tally(event.variant, suite).planned = frozenset(planned)

    def _tally(self, variant: str, suite: str) -> SuiteTally:
        return self.suites.setdefault(variant, {}).setdefault(suite, SuiteTally())
