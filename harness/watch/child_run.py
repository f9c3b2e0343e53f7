# SPDX-License-Identifier: GPL-2.0-only
"""One run of ``dmabuf-harness run`` as a process of its own, which can be ended as Ctrl-C does it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.errors import ExitCode, HarnessError
from harness.paths import new_run_id
from harness.process import Background
from harness.report import SchemaError, headline, load
from harness.watch.watch_schedule import WatchKind, WatchOrder

_TIME_TO_END = 60.0  # seconds, in which an interrupted run writes what it has


class ChildRun:
    """Runs of ``tree``. ``since``: the commit at which the series begins. ``options``: of ``run``, as typed.

    ``start``: the directory in the tree that they start in, whose project file counts. ``place``: directory for what
    the runs print.
    """

    def __init__(self, tree: Path, start: Path, since: str, options: Sequence[str], place: Path) -> None:
        self._tree, self._start, self._since, self._options = tree, start, since, options
        self._output = place / "output"
        self._process: Background | None = None
        self._directory = tree

    def start(self, order: WatchOrder) -> None:
        """Begin the run of ``order``; its results are in a new directory below ``runs`` of the tree."""
        self._directory = self._tree / "runs" / new_run_id()
        self._output.write_bytes(b"")
        # -P: a directory "harness" of the tree is none of ours.
        command = [sys.executable, "-P", "-m", "harness", "run", *self._what(order), *self._options]
        self._process = Background(
            [*command, "--out", self._directory], output=self._output, cwd=self._start, env=os.environ
        )

    def _what(self, order: WatchOrder) -> list[str]:
        if order.kind is WatchKind.QUICK:
            return ["--worktree", "--quick"]
        return ["-p", f"{self._since}..{order.state.head}", "--no-quick"]

    def interrupt(self) -> None:
        """Have it end with what it knows by now."""
        if self._process is not None:
            self._process.interrupt()

    def ended(self) -> str | None:
        """The verdict and where it is, once the run has ended."""
        code = self._process.poll() if self._process is not None else None
        if code is None:
            return None
        self._process = None
        try:
            verdict = headline(load(self._directory))
        except (OSError, HarnessError, SchemaError, ValueError):  # a run of --each is no single one
            return self.last_line() or f"ended with {code} and said nothing"
        shown = os.path.relpath(self._directory)
        return f"{verdict}; {shown}" if code == ExitCode.OK else f"{verdict}; see dmabuf-harness report {shown}"

    def last_line(self) -> str:
        """What the run said last; empty if nothing."""
        try:
            lines = self._output.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def close(self) -> None:
        """End what still runs: first as Ctrl-C does, so that nothing is left behind."""
        if self._process is not None:
            self._process.interrupt()
            self._process.wait(_TIME_TO_END)
            self._process.kill()
            self._process = None
