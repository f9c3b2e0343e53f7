# SPDX-License-Identifier: GPL-2.0-only
"""Showing a run while it goes: live status lines on a terminal, one plain line per happening elsewhere."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TextIO

from harness.events import Event, Note, PhaseEnded, PhaseProgress, PhaseStarted, TestEnded
from harness.model import Status, TestResult
from harness.report.style import Style, is_live, style_of
from harness.report.text import duration, one_line, shorten

TICK = 0.5
"""Seconds between two looks at the clock, on a terminal."""

QUIET = 60.0
"""Seconds after which plain output shows a sign of life: CI systems kill what says nothing for long."""

_COLORS = {Status.FAIL: "red", Status.ERROR: "red", Status.MISSING: "red", Status.SKIP: "yellow"}


@dataclass
class _Phase:
    """A phase that runs. ``started``, ``told``: run seconds when it began, and when it last printed a line."""

    started: float
    told: float
    text: str = ""
    counts: Counter[Status] = field(default_factory=Counter)


class Progress:
    """A subscriber for ``EventStream``; a context manager, so that the terminal is left clean."""

    def __init__(self, stream: TextIO, *, live: bool | None = None, style: Style | None = None) -> None:
        """``live``: move the cursor (default: if ``stream`` is a terminal that can)."""
        self._stream = stream
        self._live = is_live(stream) if live is None else live
        self._style = style
        self._phases: dict[tuple[str, str], _Phase] = {}
        self._drawn = 0  # status lines on the screen, below which the cursor is
        self._lock = threading.Lock()
        self._clock = time.monotonic() if self._live else 0.0
        self._closed = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)
        if self._live:
            self._ticker.start()

    def __call__(self, elapsed: float, event: Event) -> None:
        with self._lock:
            self._clock = time.monotonic() - elapsed
            lines = self._lines(elapsed, event)
            self._show(lines, elapsed)

    def close(self) -> None:
        """Take the status lines away and stop the clock. Harmless if done twice."""
        self._closed.set()
        if self._ticker.is_alive():
            self._ticker.join()
        with self._lock:
            self._phases.clear()
            self._show([], 0.0)
            self._live = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # --- what an event has to say ---------------------------------------------------------------

    def _lines(self, elapsed: float, event: Event) -> list[str]:
        """Lines to stay on the screen."""
        match event:
            case PhaseStarted(variant, phase):
                self._phases[variant, phase] = _Phase(elapsed, elapsed)
                return [] if self._live else [self._line(elapsed, variant, f"{phase}: started")]
            case PhaseProgress(variant, phase, text):
                return self._progress(elapsed, variant, phase, text)
            case PhaseEnded():
                return [self._ended(elapsed, event)]
            case TestEnded(variant, result):
                return self._tested(elapsed, variant, result)
            case Note(variant, text, level):
                mark = self._paint("warning: ", "yellow") if level == "warning" else ""
                return [self._line(elapsed, variant, f"{mark}{one_line(text)}")]
        return []

    def _progress(self, elapsed: float, variant: str, name: str, text: str) -> list[str]:
        phase = self._phases.setdefault((variant, name), _Phase(elapsed, elapsed))
        phase.text = text
        if self._live or elapsed - phase.told < QUIET:
            return []
        phase.told = elapsed
        return [self._line(elapsed, variant, f"{name}: {one_line(text)}")]

    def _ended(self, elapsed: float, event: PhaseEnded) -> str:
        phase = self._phases.pop((event.variant, event.phase), None)
        counted = _counts(phase.counts) if phase is not None else ""
        note = ", ".join(filter(None, [one_line(event.note), counted]))
        text = f"{event.phase}: done in {duration(event.seconds)}{f' ({note})' if note else ''}"
        return self._line(elapsed, event.variant, text)

    def _tested(self, elapsed: float, variant: str, result: TestResult) -> list[str]:
        """Passes are only counted; whatever else is a line of its own, but of what never ran one is enough."""
        phase = self._phases.setdefault((variant, f"suite:{result.suite}"), _Phase(elapsed, elapsed))
        phase.counts[result.status] += 1
        if result.status is Status.PASS and not result.lost_coverage:
            return []
        if result.status is Status.MISSING and phase.counts[Status.MISSING] > 1:
            return []
        word = "less tested" if result.status is Status.PASS else result.status.value
        why = one_line(result.message or "; ".join(result.lost_coverage))
        label = self._paint(word, _COLORS.get(result.status, "yellow"))
        return [
            self._line(elapsed, variant, f"{result.suite}: {label} {one_line(result.name)}{f': {why}' if why else ''}")
        ]

    def _line(self, elapsed: float, variant: str, text: str) -> str:
        stamp = self._paint(f"[{elapsed:6.1f}s]", "dim")
        return f"{stamp} {one_line(variant)} {text}" if variant else f"{stamp} {text}"

    def _paint(self, text: str, how: str) -> str:
        return self._now_style().paint(text, how)

    def _now_style(self) -> Style:
        """Asked for each time: a window may be resized."""
        return self._style or style_of(self._stream)

    # --- the screen -----------------------------------------------------------------------------

    def _show(self, lines: list[str], elapsed: float) -> None:
        """Print ``lines`` for good above the status lines, which are drawn anew."""
        status = self._status(elapsed) if self._live else []
        text = self._erase() + "".join(f"{line}\n" for line in [*lines, *status])
        self._drawn = len(status)
        if text:
            self._stream.write(text)
            self._stream.flush()

    def _erase(self) -> str:
        """Up to the first status line, and clear from there to the end of the screen."""
        return f"\x1b[{self._drawn}A\r\x1b[J" if self._drawn else ""

    def _status(self, elapsed: float) -> list[str]:
        """One line per running phase; none may be wider than the screen, or erasing would miscount."""
        style = self._now_style()
        return [
            style.paint(shorten(_status_line(variant, name, phase, elapsed), style.width - 1), "cyan")
            for (variant, name), phase in self._phases.items()
        ]

    def _tick(self) -> None:
        while not self._closed.wait(TICK):
            with self._lock:
                if self._phases:
                    self._show([], time.monotonic() - self._clock)


def _status_line(variant: str, name: str, phase: _Phase, elapsed: float) -> str:
    told = ", ".join(filter(None, [one_line(phase.text), _counts(phase.counts)]))
    return (
        f"  {duration(elapsed - phase.started):>12}  {one_line(variant or 'all')} {name}{f': {told}' if told else ''}"
    )


def _counts(counts: Counter[Status]) -> str:
    words = {Status.PASS: "passed", Status.FAIL: "failed", Status.ERROR: "died", Status.SKIP: "skipped"}
    words[Status.MISSING] = "never ran"
    return ", ".join(f"{counts[status]} {word}" for status, word in words.items() if counts[status])
