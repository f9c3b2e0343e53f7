# SPDX-License-Identifier: GPL-2.0-only
"""What shows a run while it goes: a screen on a terminal, plain lines elsewhere, or nothing."""

from __future__ import annotations

import enum
from contextlib import AbstractContextManager
from typing import TextIO

from harness.events import Event, Subscriber
from harness.report.progress_lines import ProgressLines
from harness.report.style import is_live


class Loudness(enum.Enum):
    """How much a command says: the verdict alone, what matters, or everything."""

    QUIET = "quiet"
    NORMAL = "normal"
    VERBOSE = "verbose"


def show_progress(stream: TextIO, loudness: Loudness = Loudness.NORMAL) -> AbstractContextManager[Subscriber]:
    """A subscriber for ``EventStream``, as a context manager: at its end the terminal is as it was."""
    if loudness is Loudness.QUIET:
        return _Silent()
    verbose = loudness is Loudness.VERBOSE
    if is_live(stream):
        from harness.report.live_screen import LiveScreen  # noqa: PLC0415 - only who has a terminal pays for rich

        return LiveScreen(stream, verbose=verbose)
    return ProgressLines(stream, verbose=verbose)


class _Silent:
    def __call__(self, elapsed: float, event: Event) -> None:
        """Says nothing."""

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing is left to be done."""
