# SPDX-License-Identifier: GPL-2.0-only
"""Showing a run while it goes where there is no terminal: a plain line per happening, for scripts and CI systems."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TextIO

from harness.events import Event, Note, PhaseEnded, PhaseProgress, PhaseStarted, TestEnded
from harness.model import Status, TestResult
from harness.report.text import duration, one_line

QUIET = 60.0
"""Seconds after which there is a sign of life: CI systems kill what says nothing for long."""

_WORDS = {
    Status.PASS: "passed",
    Status.FAIL: "failed",
    Status.ERROR: "died",
    Status.SKIP: "skipped",
    Status.MISSING: "never ran",
}


@dataclass
class _Phase:
    """A phase that runs. ``told``: run seconds when it last printed a line."""

    told: float
    counts: Counter[Status] = field(default_factory=Counter)


class ProgressLines:
    """A subscriber for ``EventStream``. ``verbose``: each test that passes is a line, too."""

    def __init__(self, stream: TextIO, *, verbose: bool = False) -> None:
        self._stream = stream
        self._verbose = verbose
        self._phases: dict[tuple[str, str], _Phase] = {}

    def __call__(self, elapsed: float, event: Event) -> None:
        for line in self._lines(elapsed, event):
            self._stream.write(f"{line}\n")
            self._stream.flush()

    def __enter__(self) -> ProgressLines:
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing is left to be done."""

    def _lines(self, elapsed: float, event: Event) -> list[str]:
        match event:
            case PhaseStarted(variant, phase):
                self._phases[variant, phase] = _Phase(elapsed)
                return [_line(elapsed, variant, f"{one_line(phase)}: started")]
            case PhaseProgress(variant, phase, text):
                return self._progress(elapsed, variant, phase, text)
            case PhaseEnded():
                return [self._ended(elapsed, event)]
            case TestEnded(variant, result):
                return self._tested(elapsed, variant, result)
            case Note(variant, text, level):
                mark = "warning: " if level == "warning" else ""
                return [_line(elapsed, variant, f"{mark}{one_line(text)}")]
        return []

    def _progress(self, elapsed: float, variant: str, name: str, text: str) -> list[str]:
        phase = self._phases.setdefault((variant, name), _Phase(elapsed))
        if elapsed - phase.told < QUIET:
            return []
        phase.told = elapsed
        return [_line(elapsed, variant, f"{one_line(name)}: {one_line(text)}")]

    def _ended(self, elapsed: float, event: PhaseEnded) -> str:
        phase = self._phases.pop((event.variant, event.phase), None)
        counts = phase.counts if phase is not None else Counter[Status]()
        return _line(elapsed, event.variant, ended_words(event, counts))

    def _tested(self, elapsed: float, variant: str, result: TestResult) -> list[str]:
        """Passes are only counted; whatever else is a line of its own, but of what never ran one is enough."""
        phase = self._phases.setdefault((variant, f"suite:{result.suite}"), _Phase(elapsed))
        phase.counts[result.status] += 1
        if is_plain_pass(result) and not self._verbose:
            return []
        if result.status is Status.MISSING and phase.counts[Status.MISSING] > 1:
            return []
        return [_line(elapsed, variant, " ".join(test_words(result)))]


def _line(elapsed: float, variant: str, text: str) -> str:
    stamp = f"[{elapsed:6.1f}s]"
    return f"{stamp} {one_line(variant)} {text}" if variant else f"{stamp} {text}"


def ended_words(event: PhaseEnded, counts: Counter[Status]) -> str:
    """ "build: done in 3 min 23 s (1179 objects)". ``counts``: of the tests in it."""
    counted = ", ".join(f"{counts[status]} {word}" for status, word in _WORDS.items() if counts[status])
    note = ", ".join(filter(None, [one_line(event.note), counted]))
    return f"{one_line(event.phase)}: done in {duration(event.seconds)}{f' ({note})' if note else ''}"


def is_plain_pass(result: TestResult) -> bool:
    """True if nothing is to be said of it."""
    return result.status is Status.PASS and not result.lost_coverage


def test_words(result: TestResult) -> tuple[str, str, str]:
    """("checks:", "fail", "udmabuf.size: expected EINVAL, got success")."""
    less = result.status is Status.PASS and result.lost_coverage
    word = "less tested" if less else result.status.value
    passed = result.status is Status.PASS and not less
    why = "" if passed else one_line(result.message or "; ".join(result.lost_coverage))
    return f"{one_line(result.suite)}:", word, f"{one_line(result.name)}{f': {why}' if why else ''}"
