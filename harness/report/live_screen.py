# SPDX-License-Identifier: GPL-2.0-only
"""Showing a run while it goes on a terminal: what runs and how far each variant is below, what to know above."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from rich.console import Group
from rich.live import Live
from rich.text import Text

from harness.events import Event, Note, PhaseEnded, TestEnded
from harness.model import Status, TestResult
from harness.report.live_frame import CLOCK, frame
from harness.report.progress_lines import ended_words, is_plain_pass, test_words
from harness.report.rich_console import TerminalConsole, as_block, cut, terminal_size, whole
from harness.report.run_state import RunState
from harness.report.style import Style
from harness.report.text import duration

TICK = 0.25
"""Seconds between two drawings, unless there is a line to stay."""

_COLORS = {Status.FAIL: "red", Status.ERROR: "red", Status.MISSING: "red", Status.SKIP: "yellow"}
_Words = Sequence[tuple[str, str]]
"""(text, style) of the parts of a line; empty if there is nothing to say."""


@dataclass(frozen=True)
class _Said:
    """A line to stay, and whether it is continued on the next where it is too long."""

    words: _Words
    whole: bool

    def text(self, width: int) -> Text:
        return whole(self.words, CLOCK) if self.whole else cut(self.words, width, CLOCK)


class LiveScreen:
    """A subscriber for ``EventStream``, as a context manager. ``verbose``: lines also for what ended well."""

    def __init__(self, stream: TextIO, *, verbose: bool = False, style: Style | None = None) -> None:
        self._stream = stream
        self._verbose = verbose
        self._state = RunState()
        self._said: deque[_Said] = deque(maxlen=200)  # lines to stay: written again if a resize tears the screen
        self._lock = threading.Lock()
        self._clock = time.monotonic()
        self._console = TerminalConsole(stream, style)
        self._size = terminal_size(stream)
        self._drawn = (0, 0)  # columns and lines of what stands below the lines to stay
        self._live = self._opened()
        self._closed = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)
        self._ticker.start()

    def __call__(self, elapsed: float, event: Event) -> None:
        with self._lock:
            self._clock = time.monotonic() - elapsed
            words = self._words(event)
            self._state.take(elapsed, event)
            if words:
                stamp = (duration(elapsed), "dim")
                self._said.append(_Said((stamp, (event.variant, ""), *words), whole=isinstance(event, Note)))
                self._draw([self._said[-1]])

    def __enter__(self) -> LiveScreen:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Take away all but the lines to stay. A terminal that is gone is no trouble here: who writes next tells."""
        self._closed.set()
        self._ticker.join()
        with self._lock, contextlib.suppress(OSError):
            self._live.update("")
            self._live.stop()

    # --- lines to stay --------------------------------------------------------------------------

    def _words(self, event: Event) -> _Words:
        """What ``event``, which is not in the state yet, has to say for good."""
        match event:
            case PhaseEnded(variant, phase):
                return [(ended_words(event, self._counts(variant, phase)), "")] if self._is_told(phase) else ()
            case TestEnded(variant, result):
                return self._tested(variant, result)
            case Note(_, text, "warning"):
                return [("warning:", "yellow"), (text, "")]
            case Note(_, text, _):
                return [(text, "")]
        return ()

    def _is_told(self, phase: str) -> bool:
        """How suites end is told by their tests, and by the table."""
        return self._verbose or not (phase.startswith("suite:") or phase == "guest")

    def _counts(self, variant: str, phase: str) -> Counter[Status]:
        tally = self._state.suite_of(variant, phase)
        return tally.counts if tally is not None else Counter()

    def _tested(self, variant: str, result: TestResult) -> _Words:
        """What is bad or less tested; of what never ran one is enough."""
        is_dull = is_plain_pass(result) or result.status is Status.SKIP
        again = result.status is Status.MISSING and self._counts(variant, f"suite:{result.suite}")[Status.MISSING]
        if again or (is_dull and not self._verbose):
            return ()
        suite, word, text = test_words(result)
        color = "green" if is_plain_pass(result) else _COLORS.get(result.status, "yellow")
        return [(suite, ""), (word, color), (text, "")]

    # --- the screen -----------------------------------------------------------------------------

    def _opened(self) -> Live:
        live = Live(
            console=self._console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        live.start()
        return live

    def _draw(self, said: Sequence[_Said] = ()) -> None:
        """Write ``said`` for good above what stands below, which is drawn anew."""
        width, height = self._console.size
        lines = frame(self._state, time.monotonic() - self._clock, width, height)
        if self._is_torn():
            said = self._wiped(height - len(lines))
        self._drawn = max((line.cell_len for line in lines), default=0), len(lines)
        self._live.update(as_block(lines))
        if said:
            self._console.print(Group(*(line.text(width) for line in said)))
        else:
            self._live.refresh()

    def _is_torn(self) -> bool:
        """True after a resize that may have wrapped what stands on the screen: how, differs between terminals."""
        now = terminal_size(self._stream)
        was, self._size = self._size, now
        columns, lines = self._drawn
        return now != was and (columns >= now.columns or lines >= now.lines)

    def _wiped(self, room: int) -> list[_Said]:
        """Begin again on an empty screen; what has ``room`` of the lines to stay."""
        self._console.clear()
        self._live.update("")
        self._live.stop()
        self._live = self._opened()
        return list(self._said)[-max(1, room - 1) :]

    def _tick(self) -> None:
        while not self._closed.wait(TICK):
            with self._lock:
                try:
                    self._draw()
                except OSError:  # the terminal is gone: what the run has to say next meets it, too
                    return
