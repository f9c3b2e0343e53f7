# SPDX-License-Identifier: GPL-2.0-only
"""What the test of a kernel needs of guests and of what boots them, so that neither need be QEMU's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Protocol

from harness.causes import Blame
from harness.interfaces import Guest, GuestLost, JobLimits
from harness.model import BootReport, Kernel
from harness.vm.accel import Accelerator


class WatchedGuest(Guest, Protocol):
    """A guest whose end is watched, and looked into."""

    @property
    def blame(self) -> Blame:
        """Whose doing it is if it did not come up."""

    @property
    def hangs_in(self) -> str:
        """After an ``autopsy``: the function in which it hangs, empty if nobody knows."""

    @property
    def slow_features(self) -> tuple[str, ...]:
        """What the kernel checks that time limits are stretched for: "KASAN x3"."""

    @property
    def seconds(self) -> float:
        """Wall time since it was started."""

    @property
    def cpu_seconds(self) -> float:
        """CPU time that it took, after ``shutdown``."""

    @property
    def peak_rss(self) -> int:
        """Bytes of memory that it needed, after ``shutdown``."""

    def taint(self) -> int:
        """The kernel's taint flags, as a number. Raises ``GuestLost``."""

    def stuck(self) -> tuple[str, ...]:
        """What the kernel would say of tasks that no signal wakes, each once. Raises ``GuestLost``."""

    def crawls(self) -> bool:
        """True if its accelerator has become far slower than it was. Raises ``GuestLost``."""

    def autopsy(self, reason: str) -> str:
        """Where it hangs, one line; empty if nobody knows. ``reason``: why it is given up, which it may not survive."""

    def blamed(self, lost: GuestLost) -> GuestLost:
        """``lost`` with whose doing it is, in the light of the autopsy."""

    def evidence(self) -> str:
        """What its kernel printed by itself."""

    def shutdown(self) -> None:
        """End it."""


class GuestSource(Protocol):
    """A context manager that has guests of one kernel, all alike."""

    def __enter__(self) -> GuestSource: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def boot(self, directory: Path, /) -> tuple[WatchedGuest, BootReport]:
        """One with its logs in ``directory``. Raises ``InfrastructureError``."""


class GuestLauncher(Protocol):
    """Boots guests, and judges the accelerator that runs them."""

    @property
    def accelerator(self) -> Accelerator:
        """What the next guest gets, as far as it is settled."""

    @property
    def qemu_version(self) -> str:
        """As in ``Machine``."""

    def boot(self, kernel: Kernel, directory: Path, limits: JobLimits, /) -> tuple[WatchedGuest, BootReport]:
        """Boot ``kernel``; the caller shuts the guest down whatever the report says. Raises ``InfrastructureError``."""

    def saved(
        self, kernel: Kernel, limits: JobLimits, prepare: Callable[[WatchedGuest, Path], None], /
    ) -> GuestSource | None:
        """Guests of ``kernel`` that go on from one that was saved; None where a boot is as good, or not known to be.

        ``prepare``: what is done in that one first; it gets the directory of its logs.
        """

    def distrusts(self, kernel: str, boots: Iterable[BootReport], /) -> bool:
        """True if what ran in ``boots`` of the kernel with this key says nothing, and is to be run again."""

    def accuse(self, reason: str, /) -> None:
        """Note that the accelerator lost a guest (``reason``). Raises ``InfrastructureError`` if it was demanded."""
