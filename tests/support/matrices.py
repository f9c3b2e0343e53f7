# SPDX-License-Identifier: GPL-2.0-only
"""Matrices whose runs are scripted (``scripted_run``), on a kernel tree of four files."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.support.git_trees import make_repository
from tests.support.scripted_run import PROGRAM

LIMIT = 60.0  # seconds after which a test gives up

HARNESS = Path(__file__).with_name("scripted_harness.py")


class ScriptedMatrix:
    """``file``: the matrix: the series "one" and "two" on the bases of ``tree`` at v1 and main. ``script``: says how
    its runs end."""

    def __init__(self, place: Path) -> None:
        self.tree = make_repository(place / "linux")
        self.script = place / "script"
        self.script.mkdir()
        self.out = place / "out"
        self.file = place / "matrix.toml"
        self.patches = [self._patch(place / f"{name}.patch", name) for name in ("one", "two")]
        self.write(f'bases = ["git:{self.tree}@v1", "git:{self.tree}@main"]', *_SERIES)

    def write(self, *lines: str) -> None:
        self.file.write_text("\n".join(lines) + "\n")

    def _patch(self, path: Path, name: str) -> Path:
        """It changes line 10, which no commit does."""
        path.write_text(_PATCH.replace("NAME", name))
        return path

    @contextlib.contextmanager
    def command(self, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
        """``dmabuf-harness ARGUMENTS``, whose runs are scripted, as a user would start it; killed at the end."""
        with subprocess.Popen(
            # A shell's background jobs ignore SIGINT, and so would what they start: a user at a terminal does not.
            ["env", "--default-signal=INT", sys.executable, HARNESS, self.script, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as started:
            try:
                yield started
            finally:
                started.kill()

    def run(self, *arguments: str | Path) -> tuple[int, str, str]:
        """The same to its end: exit code, standard output, standard error."""
        with self.command("matrix", *arguments) as started:
            stdout, stderr = started.communicate(timeout=LIMIT)
            return started.returncode, stdout, stderr

    def cells(self) -> list[str]:
        """Their names, in order, of the file as it is at first."""
        return [f"{series}--git-linux-{ref}" for series in ("one", "two") for ref in ("v1", "main")]

    def in_turn(self) -> list[str]:
        """The same as they are done here: base by base."""
        cells = self.cells()
        return [*cells[::2], *cells[1::2]]


_SERIES = ("[series.one]", 'patch = ["one.patch"]', "[series.two]", 'patch = ["two.patch"]')
_PATCH = """\
From: A Developer <dev@example.org>
Subject: [PATCH] dma-buf: call it NAME

---
diff --git a/drivers/dma-buf/dma-buf.c b/drivers/dma-buf/dma-buf.c
--- a/drivers/dma-buf/dma-buf.c
+++ b/drivers/dma-buf/dma-buf.c
@@ -9,3 +9,3 @@
 int line_9;
-int line_10;
+int NAME;
 int line_11;
"""


def await_that(what: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    """Look until it is so; fails after ``LIMIT``, or if ``process`` ends before."""
    deadline = time.monotonic() + LIMIT
    while not what():
        if process is not None and process.poll() is not None:
            raise AssertionError(f"ended before: {process.communicate()}")
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


def scripted_processes(script: Path) -> Sequence[int]:
    """The runs of ``script`` that are alive."""
    mark, found = os.fsencode(str(script)), []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if mark in words and os.fsencode(PROGRAM[1]) in words[:2]:
            found.append(int(path.parent.name))
    return found
