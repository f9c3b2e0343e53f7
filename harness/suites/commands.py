# SPDX-License-Identifier: GPL-2.0-only
"""Running a command in the guest and looking at its lines while it runs."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from harness.causes import Cause
from harness.interfaces import CommandResult, Guest, GuestLost

MAX_LOG = 16 << 20  # characters of one log; a program that floods must not fill the host's disk
_FULL = "dmabuf-harness: the log ends here, the output did not: it was read to its end\n"
_TICK = 1.0  # seconds between two looks at how much time the guest had
_Lines = queue.SimpleQueue[tuple[str, str] | None]


class StreamedCommand:
    """A command whose output lines can be iterated as they come; ``result`` afterwards.

    The lines also go to ``log`` at once (up to ``MAX_LOG``), so that nothing is lost with the guest.
    Iterating raises ``GuestLost``.
    """

    def __init__(
        self,
        guest: Guest,
        command: str,
        timeout: float,
        log: Path,
        silence: float | None = None,
        stdout_only: bool = False,
    ) -> None:
        """``timeout``: host seconds, already stretched. ``silence``: seconds without a line after which the guest
        counts as lost, for commands that are never silent for long: what sleeps in the kernel cannot be stopped.
        ``stdout_only``: lines of stderr only go to the log; else both streams are iterated in one order.
        """
        self._guest = guest
        self._command = command
        self._timeout = timeout
        self._log = log
        self._silence = silence
        self._stdout_only = stdout_only
        self._result: CommandResult | None = None

    @property
    def result(self) -> CommandResult:
        """How it ended; only after the last line."""
        assert self._result is not None, "the command still runs"
        return self._result

    def __iter__(self) -> Iterator[str]:
        lines: _Lines = queue.SimpleQueue()
        pool = ThreadPoolExecutor(1, thread_name_prefix="guest-command")
        done: Future[CommandResult] = pool.submit(
            self._guest.run, self._command, timeout=self._timeout, on_line=lambda *line: lines.put(line)
        )
        done.add_done_callback(lambda _: lines.put(None))
        pool.shutdown(wait=False)
        with self._log.open("a", encoding="utf-8", errors="surrogateescape") as log:
            room = MAX_LOG - log.tell()
            while (arrived := self._next(lines)) is not None:
                stream, line = arrived
                if room > 0:
                    room -= len(line) + 1
                    log.write(line + "\n" + (_FULL if room <= 0 else ""))
                    log.flush()
                if stream == "stdout" or not self._stdout_only:
                    yield line
        self._result = done.result()

    def _next(self, lines: _Lines) -> tuple[str, str] | None:
        if self._silence is None:
            return lines.get()
        begun = self._guest.own_time()
        while (silent := self._guest.own_time() - begun) < self._silence:
            with contextlib.suppress(queue.Empty):
                return lines.get(timeout=min(_TICK, self._silence - silent))
        raise GuestLost(f"it hangs: no word for {self._silence:.0f} s", Cause.SILENCE)


def log_file(directory: Path, test: str) -> Path:
    """Where the raw output of ``test`` goes."""
    return directory / (test.replace("/", "-") + ".log")
