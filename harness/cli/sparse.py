# SPDX-License-Identifier: GPL-2.0-only
"""What many runs say where there is no terminal: notes, each once, and a sign of life now and then."""

from __future__ import annotations

from typing import TextIO

from harness.events import Event, Note, PhaseProgress, PhaseStarted
from harness.report.text import one_line

QUIET = 60.0  # seconds: CI systems kill what says nothing for long


class Sparse:
    """A subscriber for ``EventStream``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._said: set[str] = set()
        self._last = 0.0

    def __call__(self, elapsed: float, event: Event) -> None:
        match event:
            case Note(_, text, _) if text not in self._said:
                self._said.add(text)
                self._say(elapsed, text)
            case PhaseStarted(_, phase) if elapsed - self._last >= QUIET:
                self._say(elapsed, f"{phase} ...")
            case PhaseProgress(_, phase, text) if elapsed - self._last >= QUIET:
                self._say(elapsed, f"{phase}: {text}")

    def _say(self, elapsed: float, text: str) -> None:
        self._last = elapsed
        self._stream.write(f"[{elapsed:6.1f}s] {one_line(text)}\n")
        self._stream.flush()
