# SPDX-License-Identifier: GPL-2.0-only
"""Running kbuild."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import process
from harness.architecture import ARCHITECTURE
from harness.build.messages import is_compilation
from harness.cache_users import note_use
from harness.machine_failures import refuse_machine_failure
from harness.paths import cache_dir, cache_root
from harness.scratch import scratch

# Equal sources give equal bits: no clock, user, host or git state goes into the image. An empty LOCALVERSION keeps
# scripts/setlocalversion from adding "+" to the release of a patched tree.
_FIXED = (
    "LOCALVERSION=",
    "KBUILD_BUILD_TIMESTAMP=1970-01-01",
    "KBUILD_BUILD_USER=dmabuf-harness",
    "KBUILD_BUILD_HOST=localhost",
    "KBUILD_BUILD_VERSION=1",
)
# The kernel's Makefile takes LC_ALL out of the environment. Warnings are compared as text: one kind of quotes.
_PLAIN_MESSAGES = {"LANG": "C", "LC_CTYPE": "C", "LC_MESSAGES": "C"}
_PROGRESS_SECONDS = 0.5
_LINE_NUMBERS = "-g1"  # for decoding stack traces, and nothing else of what DEBUG_INFO costs
_SOURCE = "/linux"  # how debug information names the source tree


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
        writable: Sequence[Path] = (),
        told: Callable[[int, float], str] = lambda objects, _seconds: f"{objects} objects",
    ) -> process.Completed:
        """Make ``arguments`` (targets and variables), in ``directory`` of the tree. A failure is a value.

        The output of one target stands together, so that a warning can be told to its object. Compilers keep their
        files for a moment in a directory of their own: one that is killed leaves them there, and nobody else's clearing
        of /tmp, which would look like a source that does not compile, takes them away.
        It all runs in the sandbox: whatever a patch writes into a Makefile is run here. ``writable``: directories that
        it may change besides the object tree.
        ``told``: words for so many objects that were compiled within so many seconds.
        Raises ``InfrastructureError`` if the machine, not the source, is what failed.
        """
        place = objects or self.objects
        argv = ["make", "-C", str(self.tree / directory), f"O={place}", f"-j{self.jobs}"]
        argv += ["--output-sync=target", *_FIXED, f"KCFLAGS={' '.join(_flags(self.tree, place))}"]
        argv += [*compiler_variables(), *arguments]
        with scratch("make") as temporary:
            more = {"TMPDIR": str(temporary), **_PLAIN_MESSAGES, **_ccache(), **(environment or {})}
            env = process.clean_environment(more)
            box = self._sandbox(place, temporary, *writable)
            progress = _Progress(self.notify, told)
            done = box.run(argv, env=env, log=self.log, on_line=progress)
        if not done.ok:
            refuse_machine_failure(done.stdout, self.objects)
        return done

    def _sandbox(self, *writable: Path) -> process.Sandbox:
        store = [Path(value) for key, value in _ccache().items() if key == "CCACHE_DIR"]
        return process.Sandbox((self.objects, *writable, *store), (self.tree,))


def _flags(tree: Path, objects: Path) -> list[str]:
    """Equal sources give equal objects wherever they are: no path of this machine is in them."""
    source, place = tree.resolve(), objects.resolve()  # as make sees them
    near = os.path.relpath(source, place)  # as ccache names the source to the compiler
    names = [f"-fdebug-prefix-map={old}={_SOURCE}" for old in (place, source, near)]
    return [_LINE_NUMBERS, *names, f"-fmacro-prefix-map={near}/="]


def _ccache() -> dict[str, str]:
    """Paths below the cache are relative to ccache, so that one tree finds what another one compiled, if its objects
    are as near to it. Messages keep their absolute paths. What is compiled in a sandbox may be a lie of the patch, and
    has no place in the user's own ccache."""
    own = {}
    if process.is_sandboxed():
        note_use(kept := cache_dir("ccache"))
        own["CCACHE_DIR"] = str(kept)
    return {"CCACHE_BASEDIR": str(cache_root().resolve()), "CCACHE_ABSSTDERR": "1", **own}


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
