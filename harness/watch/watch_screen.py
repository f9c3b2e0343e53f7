# SPDX-License-Identifier: GPL-2.0-only
"""What a watch says: a line for each run that begins and ends, and on a terminal what goes on now, below those."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import TextIO

from harness.report.style import is_live
from harness.report.text import one_line

WatchFacts = Sequence[tuple[str, str]]
"""(label, text) of the lines that tell how things are now."""


class WatchLines:
    """Plain lines, for what is no terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def say(self, label: str, text: str) -> None:
        """A line to stay."""
        self._stream.write(f"{time.strftime('%H:%M:%S')} {label:8} {one_line(text)}\n")
        self._stream.flush()

    def show(self, facts: WatchFacts) -> None:
        """Nothing: what goes on now is no news."""

    def close(self) -> None:
        """Nothing is left to be done."""


class WatchScreen:
    """A terminal: lines to stay, and below them what goes on, which is drawn anew."""

    def __init__(self, stream: TextIO) -> None:
        from rich.live import Live  # noqa: PLC0415 - only who has a terminal pays for rich

        from harness.report.rich_console import TerminalConsole  # noqa: PLC0415

        self._console = TerminalConsole(stream)
        self._live = Live(
            console=self._console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._live.start()

    def say(self, label: str, text: str) -> None:
        """A line to stay."""
        from harness.report.rich_console import whole  # noqa: PLC0415

        self._console.print(whole([(time.strftime("%H:%M:%S"), "dim"), (f"{label:8}", "bold"), (text, "")], 0))

    def show(self, facts: WatchFacts) -> None:
        """How things are now, a line for each fact."""
        from harness.report.rich_console import as_block, cut  # noqa: PLC0415

        width = self._console.size.width
        self._live.update(as_block([cut([(f"{label:8}", "bold"), (text, "")], width) for label, text in facts]))
        self._live.refresh()

    def close(self) -> None:
        """Take away all but the lines to stay; a terminal that is gone is no trouble."""
        with contextlib.suppress(OSError):
            self._live.update("")
            self._live.stop()


def watch_teller(stream: TextIO) -> WatchLines | WatchScreen:
    """What fits ``stream``."""
    return WatchScreen(stream) if is_live(stream) else WatchLines(stream)
