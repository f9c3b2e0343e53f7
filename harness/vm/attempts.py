# SPDX-License-Identifier: GPL-2.0-only
"""The boots of one kernel by which one guest gets up: one is chosen, the others are ended and put aside."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.causes import Blame
from harness.errors import InfrastructureError
from harness.model import BootOutcome, BootReport
from harness.paths import unused
from harness.vm.guest import NoStart, VmGuest

TICK = 0.05  # seconds between two looks at a boot


class BootAttempt:
    """One boot that is watched step by step. ``report``: how it ended; ``trouble``: why not even its first line came.

    ``ended_at_once``: QEMU ended by itself before that.
    """

    def __init__(self, guest: VmGuest) -> None:
        self.guest = guest
        self.report: BootReport | None = None
        self.trouble = ""
        self.ended_at_once = False
        guest.start()

    def step(self) -> None:
        """Look how far it is."""
        if self.is_running:
            try:
                self.report = self.guest.poll_boot()
            except NoStart as failure:
                self.trouble, self.ended_at_once = str(failure), failure.ended

    def finish(self) -> None:
        """Wait for its end."""
        while self.is_running:
            time.sleep(TICK)
            self.step()

    @property
    def is_running(self) -> bool:
        return self.report is None and not self.trouble

    @property
    def is_up(self) -> bool:
        return self.report is not None and self.report.outcome is BootOutcome.UP

    @property
    def has_failed(self) -> bool:
        """It ended otherwise than by a login or for want of time."""
        late = self.report is not None and self.report.outcome in (BootOutcome.UP, BootOutcome.HANG)
        return not (self.is_running or late)

    @property
    def kernel_spoke(self) -> bool:
        """Its kernel itself says that it cannot go on: that is no way in which accelerators fail."""
        panicked = self.report is not None and self.report.outcome is BootOutcome.PANIC
        return panicked and self.guest.blame is Blame.KERNEL

    @property
    def seconds(self) -> float:
        """From QEMU's start to the login, or up to now."""
        return self.report.seconds if self.report is not None else self.guest.seconds

    def failure(self) -> str:
        """Why it is not up, in words that blame nobody."""
        if self.trouble:
            return self.trouble
        if self.report is None or self.report.outcome is BootOutcome.HANG:
            return f"no login after {self.seconds:.1f} s"
        return self.report.ended


class BootAttempts:
    """A context manager. ``make_guest``: of a directory and an accelerator ("kvm", "tcg").

    ``directory``: what the chosen guest's is called in the end.
    """

    def __init__(self, directory: Path, make_guest: Callable[[Path, str], VmGuest]) -> None:
        self._directory = directory
        self._make_guest = make_guest
        self._made: list[tuple[Path, VmGuest]] = []
        self._chosen: VmGuest | None = None

    def start(self, accelerator: str) -> BootAttempt:
        """Begin a boot."""
        place = self._aside(accelerator) if self._made else self._directory
        guest = self._make_guest(place, accelerator)
        self._made.append((place, guest))
        return BootAttempt(guest)

    def run(self, accelerator: str) -> BootAttempt:
        """A boot to its end; a QEMU that does not start is started once more.

        That was seen about once in thirty boots: QEMU ends at once and says nothing. It is no fault of the kernel.
        """
        attempt = self._run(accelerator)
        return self._run(accelerator) if attempt.trouble else attempt

    def _run(self, accelerator: str) -> BootAttempt:
        attempt = self.start(accelerator)
        attempt.finish()
        if not attempt.is_up:
            attempt.guest.shutdown()  # one that crawls would slow down what comes next
        return attempt

    def choose(self, attempt: BootAttempt, ended: str = "") -> tuple[VmGuest, BootReport]:
        """The guest of ``attempt``, in the directory that was asked for. ``ended``: how it ended, in other words.

        Raises ``InfrastructureError`` if QEMU did not start it.
        """
        if attempt.report is None:
            raise InfrastructureError(f"QEMU does not start, twice: {attempt.trouble}")
        chosen = attempt.guest
        self._end_all_but(chosen)
        here = next(place for place, guest in self._made if guest is chosen)
        if here != self._directory:
            first = self._made[0][1]
            first.move_to(self._aside(first.accel))
            chosen.move_to(self._directory)
        self._chosen = chosen
        return chosen, replace(attempt.report, console=chosen.log, ended=ended or attempt.report.ended)

    def _aside(self, accelerator: str) -> Path:
        """A name beside the directory that nothing has: "move-notify-on-1-under-kvm"."""
        return unused(self._directory.with_name(f"{self._directory.name}-under-{accelerator}"))

    def _end_all_but(self, chosen: VmGuest | None) -> None:
        for _, guest in self._made:
            if guest is not chosen:
                guest.shutdown()

    def __enter__(self) -> BootAttempts:
        return self

    def __exit__(self, *_error: object) -> None:
        self._end_all_but(self._chosen)
