# SPDX-License-Identifier: GPL-2.0-only
"""The guest under gdb, through QEMU's stub, stopped where the failing test starts."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable

from harness import process
from harness.errors import InfrastructureError
from harness.gitcmd import run_git
from harness.interfaces import Guest, SuiteContext
from harness.model import Kernel, TestResult
from harness.scratch import scratch

PATIENCE = 100.0  # factor on time limits: a guest that stands still in gdb runs into none
SCRIPT = "commands.gdb"
_LIMIT = 30.0  # seconds under KVM for a question to the guest
_ANSWER = 10.0  # seconds for QEMU's monitor
_TICK = 0.2
_LOADED = re.compile(r"(\w+) (0x[0-9a-f]+)")  # else it is no address: gdb would evaluate what it says
# Each suite writes to the kernel log where a test starts: the next line of user space there is that one.
_START = "devkmsg_write"
_PROBE = "modprobe -q dmabuf_probe; modprobe -q dmabuf_probe_drm; "
_SECTIONS = (
    "for one in /sys/module/*/sections/.text; do [ -e $one ] || continue; "
    'name=${one#/sys/module/}; echo "${name%%/*} $(cat $one)"; done'
)
_SOURCES = ("drivers/dma-buf", "drivers/gpu/drm", "include", "kernel", "lib", "mm", "fs")


@runtime_checkable
class DebuggedGuest(Protocol):
    """A guest whose QEMU takes orders."""

    def human(self, line: str, seconds: float) -> str:
        """What QEMU's monitor for people says to ``line``."""

    def limit_silence(self, seconds: float) -> None:
        """Count the guest as hanging once it has not answered for ``seconds``."""


class GdbStop:
    """Waits for a gdb, which goes on to the start of the test. ``repository``, ``tree_id``: where the source is.

    ``tell`` gets the command to type.
    """

    def __init__(self, repository: Path | None, tree_id: str, tell: Callable[[str], None]) -> None:
        self._repository = repository
        self._tree_id = tree_id
        self._tell = tell

    @contextmanager
    def around(self, guest: Guest, context: SuiteContext, results: list[TestResult]) -> Iterator[None]:
        assert isinstance(guest, DebuggedGuest)
        guest.limit_silence(float("inf"))
        loaded = guest.run(_PROBE + _SECTIONS, timeout=_LIMIT * guest.slowness).stdout
        with scratch("gdb") as place:  # the path of a socket may have a hundred characters
            socket, script = place / "stub", context.logs.parent / SCRIPT
            source = self._source(place)
            script.write_text("".join(f"{line}\n" for line in commands(guest.kernel, loaded, socket, source)))
            guest.human(f"gdbserver unix:{socket},server=on,wait=off", _ANSWER)
            guest.human("stop", _ANSWER)
            self._tell(f"the guest waits for gdb; in another terminal: gdb -x {shlex.quote(str(script))}")
            _await_gdb(guest)
            yield
            guest.human("gdbserver none", _ANSWER)
            guest.human("cont", _ANSWER)  # it may stand at a breakpoint, and nobody could let it go on now

    def _source(self, place: Path) -> Path | None:
        """What dma-buf reaches of the source of the kernel; the work tree may hold another one by now."""
        if self._repository is None or not self._tree_id:
            return None
        archive, target = place / "source.tar", place / "source"
        done = run_git(self._repository, "archive", "-o", archive, self._tree_id, *_SOURCES)
        if not done.ok:
            return None
        target.mkdir()
        process.check(["tar", "-xf", archive, "-C", target], what="unpacking the source")
        return target


def commands(kernel: Kernel, loaded: str, socket: Path, source: Path | None) -> Iterator[str]:
    """For gdb. ``loaded``: a line with name and address of each module's code."""
    yield "set confirm off"
    yield "set pagination off"
    if kernel.symbols is not None:
        yield f"file {kernel.symbols}"
    if source is not None:
        yield f"set substitute-path /linux {source}"
        yield f"directory {source}"
    scripts = kernel.image.with_name("vmlinux-gdb.py")
    if scripts.is_file():
        yield f"source {scripts}"
    yield f"target remote {socket}"
    for found in filter(None, map(_LOADED.fullmatch, loaded.splitlines())):
        for module in _modules(kernel, found[1]):
            yield f"add-symbol-file {module} {found[2]}"
    yield f"tbreak {_START}"
    yield "continue"


def _modules(kernel: Kernel, name: str) -> Sequence[Path]:
    """The file of a module that is loaded; what was compressed gdb cannot read."""
    found = kernel.modules.glob("lib/modules/*/**/*.ko")
    return [path for path in found if path.stem.replace("-", "_") == name][:1]


def _await_gdb(guest: DebuggedGuest) -> None:
    """Until it runs again, which is gdb's doing. Ctrl-C ends it."""
    while "running" not in (said := guest.human("info status", _ANSWER)):
        if "paused" not in said:
            raise InfrastructureError(f"QEMU does not wait for gdb: {said.strip()}")
        time.sleep(_TICK)
