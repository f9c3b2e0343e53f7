# SPDX-License-Identifier: GPL-2.0-only
"""Several threads at once, and chance that can be repeated: what races are made of.

The interpreter lets one thread run at a time, but lets go in every system call: there they meet.
"""

from __future__ import annotations

import _thread

from harness.guest.registry import measurement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

THREADS = 4
# Few: each costs tens of milliseconds in an emulated guest, and the next run has another go.
ROUNDS = 8
_SEED = 20200131


class Chance:
    """Numbers that look random and are the same for the same ``seed``; the module random is slow to import."""

    def __init__(self, seed: int) -> None:
        self._state = seed * 2654435761 & 0xFFFFFFFF | 1

    def below(self, limit: int) -> int:
        """A number from 0 to ``limit`` - 1 (xorshift, Marsaglia 2003)."""
        state = self._state
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        self._state = state
        return state % limit


class _Worker:
    """An action that runs in a thread of its own, from when the gate is opened; ``done`` is locked until its end."""

    def __init__(self, action: Callable[[], object], gate: _thread.LockType) -> None:
        self._action = action
        self._gate = gate
        self.error: BaseException | None = None
        self.done = _thread.allocate_lock()
        self.done.acquire()
        _thread.start_new_thread(self._run, ())

    def _run(self) -> None:
        try:
            with self._gate:
                pass
            self._action()
        except BaseException as error:  # noqa: BLE001 - the thread that waits raises it again
            self.error = error
        finally:
            self.done.release()


def together(*actions: Callable[[], object]) -> None:
    """Run all ``actions`` at once, each in a thread, and wait for all; raises what the first of them raised."""
    gate = _thread.allocate_lock()
    with gate:
        workers = [_Worker(action, gate) for action in actions]
    for worker in workers:
        with worker.done:
            pass
    for worker in workers:
        if worker.error is not None:
            raise worker.error


def in_threads(action: Callable[[int, Chance], object], rounds: int = ROUNDS) -> None:
    """Call ``action`` ``rounds`` times in each of THREADS threads, with the thread's number from 0 and its chance.

    What is needed to repeat it is told as a measurement of the running check.
    """
    measurement(f"{THREADS} threads, {rounds} rounds, seed {_SEED}")

    def worker(number: int) -> Callable[[], None]:
        def work() -> None:
            chance = Chance(_SEED + number)
            for _ in range(rounds):
                action(number, chance)

        return work

    together(*map(worker, range(THREADS)))


class may_fail:  # lower case: reads as a statement: with may_fail(ENOENT): ...
    """Context manager: an ``OSError`` of one of ``codes`` is what losing the race looks like."""

    def __init__(self, *codes: int) -> None:
        self._codes = codes

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> bool:
        return isinstance(error, OSError) and error.errno in self._codes
