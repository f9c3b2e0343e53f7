# SPDX-License-Identifier: GPL-2.0-only
"""Guests of one kernel, one after the other: while one is used, the next one boots."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from harness import process
from harness.causes import Cause
from harness.errors import InfrastructureError
from harness.executor.guests import WatchedGuest
from harness.interfaces import GuestLost
from harness.model import BootOutcome, BootReport

_BOOTS = 3  # that fail in a row before it is the machine: this kernel came up before


@dataclass(frozen=True)
class ReadyGuest:
    """A guest that is up and prepared. ``logs``: directory for what is run in it."""

    guest: WatchedGuest
    logs: Path


class GuestQueue:
    """A context manager: the guest that waits is ended with it, the others by whoever took them.

    ``boots``: those that ended, in their order; ``waited``: seconds for which nobody had a guest.
    """

    def __init__(
        self,
        boot: Callable[[Path], tuple[WatchedGuest, BootReport]],
        prepare: Callable[[ReadyGuest], None],
        directory: Path,
        note: Callable[[str], None],
    ) -> None:
        """``boot``: a guest with its logs in this directory. ``prepare``: what each gets before it is used, may raise
        ``GuestLost``. ``directory``: gets one for each boot, numbered from 1. ``note``: lines for the user.
        """
        self._boot_in = boot
        self._prepare = prepare
        self._directory = directory
        self._note = note
        # One thread for all boots: what a thread started ends with it (see harness/process/guard.py).
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="next-guest")
        self._next: Future[ReadyGuest | None] | None = None
        self.boots: list[BootReport] = []
        self.waited = 0.0

    def __enter__(self) -> GuestQueue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if kind is not None and not issubclass(kind, Exception):
            process.stop_all()  # a boot would take its time
        left, self._next = self._next, None
        if left is not None and left.exception() is None and (ready := left.result()) is not None:
            ready.guest.shutdown()
        self._pool.shutdown()

    def take(self, *, more: bool) -> ReadyGuest:
        """The next guest. ``more``: another one will be wanted, so that it boots from now on.

        Raises ``InfrastructureError`` if none comes up.
        """
        started = time.monotonic()
        for _ in range(_BOOTS):
            ready = self._begun().result()
            self._next = None
            if ready is not None:
                self.waited += time.monotonic() - started
                if more:
                    self._begun()
                return ready
        where = str(self._directory)
        raise InfrastructureError(f"the kernel with mutants did not come up, {_BOOTS} times", where=where)

    def _begun(self) -> Future[ReadyGuest | None]:
        self._next = self._next or self._pool.submit(self._boot)
        return self._next

    def _boot(self) -> ReadyGuest | None:
        """None if it did not come up, or was lost before it was ready."""
        number = len(self.boots) + 1
        directory = self._directory.with_name(f"{self._directory.name}-{number}")
        guest, report = self._boot_in(directory)
        self.boots.append(report)
        try:
            if report.outcome is not BootOutcome.UP:
                raise GuestLost(report.ended, report.cause or Cause.UNUSABLE)
            ready = ReadyGuest(guest, directory / "logs")
            ready.logs.mkdir(parents=True, exist_ok=True)
            self._prepare(ready)
        except GuestLost as lost:
            guest.shutdown()
            self._note(f"guest {number} did not come up: {lost.reason}")
            return None
        except BaseException:
            guest.shutdown()
            raise
        return ready
