# SPDX-License-Identifier: GPL-2.0-only
"""Running kbuild."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import process
from harness.architecture import ARCHITECTURE
from harness.build.messages import is_compilation
from harness.machine_failures import refuse_machine_failure
from harness.scratch import scratch

# Equal sources give equal bits: no clock, user, host or git state goes into the image. An empty LOCALVERSION keeps
# scripts/setlocalversion from adding "+" to the release of a patched tree.
_FIXED = (
    "LOCALVERSION=",
    "KBUILD_BUILD_TIMESTAMP=1970-01-01",
    "KBUILD_BUILD_USER=dmabuf-harness",
    "KBUILD_BUILD_HOST=localhost",
    "KBUILD_BUILD_VERSION=1",
    # Line numbers for decoding stack traces, and nothing else of what DEBUG_INFO costs.
    "KCFLAGS=-g1",
)
# The kernel's Makefile takes LC_ALL out of the environment. Warnings are compared as text: one kind of quotes.
_PLAIN_MESSAGES = {"LANG": "C", "LC_CTYPE": "C", "LC_MESSAGES": "C"}
_PROGRESS_SECONDS = 0.5


@dataclass(frozen=True)
class Kbuild:
    """``make`` for one source tree and one object tree. ``log`` receives all output."""

    tree: Path
    objects: Path
    jobs: int
    log: Path
    notify: Callable[[str], None]

    def run(
        self,
        *arguments: str,
        directory: str = "",
        objects: Path | None = None,
        environment: Mapping[str, str] | None = None,
        told: Callable[[int, float], str] = lambda objects, _seconds: f"{objects} objects",
    ) -> process.Completed:
        """Make ``arguments`` (targets and variables), in ``directory`` of the tree. A failure is a value.

        The output of one target stands together, so that a warning can be told to its object. Compilers keep their
        files for a moment in a directory of their own: one that is killed leaves them there, and nobody else's clearing
        of /tmp, which would look like a source that does not compile, takes them away.
        ``told``: words for so many objects that were compiled within so many seconds.
        Raises ``InfrastructureError`` if the machine, not the source, is what failed.
        """
        argv = ["make", "-C", str(self.tree / directory), f"O={objects or self.objects}", f"-j{self.jobs}"]
        argv += ["--output-sync=target", *_FIXED, *compiler_variables(), *arguments]
        with scratch("make") as temporary:
            env = process.clean_environment({**_PLAIN_MESSAGES, "TMPDIR": str(temporary), **(environment or {})})
            done = process.run(argv, env=env, log=self.log, on_line=_Progress(self.notify, told), merge=True)
        if not done.ok:
            refuse_machine_failure(done.stdout, self.objects)
        return done


def compiler_variables() -> list[str]:
    """ccache in front of the compilers, if it is installed."""
    return [f"CC=ccache {ARCHITECTURE.tool('gcc')}", "HOSTCC=ccache gcc"] if process.which("ccache") else []


class _Progress:
    """Says how many objects were compiled, now and then."""

    def __init__(self, notify: Callable[[str], None], told: Callable[[int, float], str]) -> None:
        self._notify = notify
        self._told = told
        self._objects = 0
        self._started = time.monotonic()
        self._said = 0.0

    def __call__(self, line: str) -> None:
        if not is_compilation(line):
            return
        self._objects += 1
        if (now := time.monotonic()) - self._said >= _PROGRESS_SECONDS:
            self._said = now
            self._notify(self._told(self._objects, now - self._started))
