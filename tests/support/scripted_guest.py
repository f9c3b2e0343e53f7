# SPDX-License-Identifier: GPL-2.0-only
"""A guest that answers commands from a table: implements ``harness.interfaces.Guest`` without a kernel."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from harness.causes import Cause
from harness.interfaces import CommandResult, GuestLost, LineSink
from harness.model import Kernel


@dataclass(frozen=True)
class Answer:
    """What a command prints and how it ends. ``status`` None: it is stopped at its deadline.

    ``lost``: after that output the guest is gone, for this reason.
    """

    stdout: str = ""
    status: int | None = 0
    lost: str = ""


Reply = Answer | Callable[[str], Answer]


def scripted_kernel(
    root: Path, config: str = "", kselftests: Path | None = None, notes: tuple[str, ...] = ()
) -> Kernel:
    """A kernel of which only the config and the installed kselftests exist, below ``root``."""
    file = root / "config"
    file.write_text(config)
    return Kernel("key", "6.12.0", root / "image", file, root, kselftests, root / "build.log", "gcc", notes=notes)


@dataclass
class ScriptedGuest:
    """``replies``: regular expression -> answer, tried in order on the command's text; no match is the test's mistake.

    ``commands``, ``timeouts`` and ``marks`` keep what was asked of it.
    """

    kernel: Kernel
    replies: dict[str, Reply] = field(default_factory=dict)
    slowness: float = 1.0
    commands: list[str] = field(default_factory=list)
    timeouts: list[float] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def accel(self) -> str:
        return "kvm" if self.slowness == 1.0 else "tcg"

    def own_time(self) -> float:
        return time.monotonic()

    def run(self, command: str, *, timeout: float, on_line: LineSink | None = None) -> CommandResult:
        self.commands.append(command)
        self.timeouts.append(timeout)
        answer = self._answer(command)
        if on_line is not None:
            for line in answer.stdout.splitlines():
                on_line("stdout", line)
        if answer.lost:
            raise GuestLost(answer.lost, Cause.PANIC)
        return CommandResult(command, answer.status, answer.stdout, "", 0.5, timed_out=answer.status is None)

    def _answer(self, command: str) -> Answer:
        for pattern, reply in self.replies.items():
            if re.search(pattern, command):
                return reply if isinstance(reply, Answer) else reply(command)
        raise AssertionError(f"no answer is scripted for: {command}")

    def put(self, local: Path, remote: str) -> None:
        self.files[remote] = local.read_bytes()

    def get(self, remote: str, local: Path) -> None:
        if remote not in self.files:
            raise OSError(f"in the guest: {remote}: No such file or directory")
        local.write_bytes(self.files[remote])

    def kernel_log(self) -> str:
        return "".join(f"[    1.000000] dmabuf-harness: {mark}\n" for mark in self.marks)

    def mark(self, text: str) -> None:
        self.marks.append(text)
