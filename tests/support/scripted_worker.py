# SPDX-License-Identifier: GPL-2.0-only
"""``python -m tests.support.scripted_worker MODE DIRECTORY``: a worker whose guests need no QEMU.

MODE: "passes": each check passes. "panics": the first one takes its guest down, once. "no-boot": no guest comes up.
"refuses": QEMU does not start. "dies": the worker is killed once it has told of the first check.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from harness.errors import InfrastructureError
from harness.events import Event, EventStream, TestEnded
from harness.executor.guests import GuestLauncher
from harness.executor.local_executor import LocalExecutor
from harness.executor.worker import do_job, write_line
from harness.guest.checks import all_checks
from harness.interfaces import CommandResult, JobLimits, LineSink
from harness.model import BootOutcome, BootReport, Kernel
from tests.support.fake_launcher import OOPS, FakeGuest, FakeLauncher
from tests.support.scripted_guest import Answer, ScriptedGuest


@dataclass(kw_only=True)
class CheckedGuest(FakeGuest):
    """A fake guest in which the checks that are asked for pass, but for what ``mode`` says."""

    kernel: Kernel
    mode: str = "passes"
    slowness: float = 1.0
    accel: str = "tcg"

    def run(self, command: str, *, timeout: float, on_line: LineSink | None = None) -> CommandResult:
        answer = self._panic(command) if self.mode == "panics" and self.number == 1 else self._passes(command)
        return ScriptedGuest(self.kernel, {"": answer}).run(command, timeout=timeout, on_line=on_line)

    def _passes(self, command: str) -> Answer:
        names = _names(command)
        lines = [f"# start {name}\nok {number} {name}" for number, name in enumerate(names, 1)]
        return Answer("\n".join(["KTAP version 1", f"1..{len(names)}", *lines, ""]))

    def _panic(self, command: str) -> Answer:
        self.says = OOPS
        first = _names(command)[0]
        return Answer(f"KTAP version 1\n1..1\n# start {first}\n", lost="panic: Fatal exception in interrupt")

    def put(self, local: Path, remote: str) -> None:
        pass


def _names(command: str) -> list[str]:
    return [word for word in shlex.split(command) if word in all_checks()]


@dataclass
class ScriptedLauncher(FakeLauncher):
    """Boots such guests, each with a console."""

    mode: str = "passes"
    qemu_version: str = "7.2"

    def boot(self, kernel: Kernel, directory: Path, limits: JobLimits) -> tuple[FakeGuest, BootReport]:
        if self.mode == "refuses":
            raise InfrastructureError("QEMU does not start, twice", hint="never mind")
        if self.mode == "no-boot":
            self.outcomes = {1: BootOutcome.PANIC}
        self.guests = [CheckedGuest(number=len(self.booted) + 1, kernel=kernel, mode=self.mode)]
        directory.mkdir(parents=True)
        (directory / "console.log").write_text("Linux version 6.12\n")
        return super().boot(kernel, directory, limits)


def main() -> int:
    mode, directory = sys.argv[1:]

    def tell(_elapsed: float, event: Event) -> None:
        write_line(event)
        if mode == "dies" and isinstance(event, TestEnded):
            os.kill(os.getpid(), signal.SIGKILL)

    events = EventStream()
    events.subscribe(tell)
    executor = LocalExecutor(events, "tcg", launcher=lambda: cast(GuestLauncher, ScriptedLauncher([], mode=mode)))
    return do_job(sys.stdin.read(), Path(directory), executor, write_line)


if __name__ == "__main__":
    sys.exit(main())
