# SPDX-License-Identifier: GPL-2.0-only
"""Row 20 of the contract: many threads map, move, pin and attach at once, with two buffers locked in opposite orders.

What each thread does comes from a seed, told as a measurement; HARNESS_SEED in the environment sets it. How the threads
interleave is up to the kernel: the same seed is the same work, not the same run.
"""

from __future__ import annotations

import _thread
import os
from errno import EBUSY

from harness.guest.checks.contract import D, S, check, expect_balance
from harness.guest.kernel import PAGE
from harness.guest.probe import Attachment, Buffer, Mapping, Probe
from harness.guest.registry import CheckFailed, expect, expect_equal, measurement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_SIZE = 2 * PAGE
_THREADS, _ROUNDS = 4, 100
_CONTENTS = (bytes([0xA5]) * _SIZE, bytes([0x5A]) * _SIZE)


def _seed() -> int:
    given = os.environ.get("HARNESS_SEED", "")
    return int(given) if given.isdigit() else int.from_bytes(os.urandom(4), "little")


class _Dice:
    """A xorshift generator (Marsaglia, 2003): the same on every Python, and no module to import."""

    def __init__(self, seed: int, lane: int) -> None:
        self._state = (seed * 0x9E3779B97F4A7C15 + lane + 1) & 0xFFFFFFFFFFFFFFFF or 1

    def below(self, limit: int) -> int:
        state = self._state
        state ^= state << 13 & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 7
        state ^= state << 17 & 0xFFFFFFFFFFFFFFFF
        self._state = state
        return (state >> 16) % limit


class _Worker:
    """A thread with one dynamic importer of each buffer. ``moves``: by buffer. ``trouble``: one line, or empty."""

    def __init__(self, buffers: tuple[Buffer, Buffer], dice: _Dice) -> None:
        self.importers: list[Attachment] = [buffer.attach(D) for buffer in buffers]
        self.moves = [0, 0]
        self.refused_moves = 0
        self.retries = 0
        self.trouble = ""
        self._buffers = buffers
        self._dice = dice
        self._running = _thread.allocate_lock()

    def start(self, work: Callable[[_Worker, _Dice], None], rounds: int) -> None:
        self._running.acquire()
        _thread.start_new_thread(self._run, (work, rounds))

    def wait(self) -> None:
        self._running.acquire()

    def _run(self, work: Callable[[_Worker, _Dice], None], rounds: int) -> None:
        try:
            for _ in range(rounds):
                work(self, self._dice)
        except (OSError, CheckFailed) as error:
            self.trouble = f"{type(error).__name__}: {error}"
        finally:
            self._running.release()

    def map_both(self, first: int) -> None:
        """With one acquire context, the buffer ``first`` first."""
        order = [self.importers[first], self.importers[1 - first]]
        mappings, retries = order[0].probe.map_all(order)
        self.retries += retries
        self._read_and_unmap(mappings[0], first)
        self._read_and_unmap(mappings[1], 1 - first)

    def map_one(self, which: int) -> None:
        self._read_and_unmap(self.importers[which].map(), which)

    def move(self, which: int) -> None:
        """A buffer that somebody has pinned stays where it is."""
        try:
            self._buffers[which].move()
            self.moves[which] += 1
        except OSError as error:
            if error.errno != EBUSY:
                raise
            self.refused_moves += 1

    def pin(self, which: int) -> None:
        self.importers[which].pin()
        self.importers[which].unpin()

    def visit(self, which: int, kind: int) -> None:
        """Another importer comes, looks and goes."""
        with self._buffers[which].attach(kind) as visitor:
            self._read_and_unmap(visitor.map(), which)

    @staticmethod
    def _read_and_unmap(mapping: Mapping, which: int) -> None:
        expect_equal("contents", mapping.read(_SIZE), _CONTENTS[which])
        mapping.unmap()


def _anything(worker: _Worker, dice: _Dice) -> None:
    which, act = dice.below(2), dice.below(10)
    if act < 3:
        worker.map_both(which)
    elif act < 5:
        worker.map_one(which)
    elif act < 8:
        worker.move(which)
    elif act < 9:
        worker.pin(which)
    else:
        worker.visit(which, (D, S)[dice.below(2)])


def _stress(threads: int, rounds: int, works: list[Callable[[_Worker, _Dice], None]], seed: int) -> list[_Worker]:
    """Let ``threads`` do the works in turn, and see that nothing is left and nothing was lost."""
    with Probe() as probe, probe.export(_SIZE) as one, probe.export(_SIZE) as other:
        buffers = (one, other)
        for buffer, contents in zip(buffers, _CONTENTS, strict=True):
            buffer.write(contents)
        workers = [_Worker(buffers, _Dice(seed, number)) for number in range(threads)]
        for number, worker in enumerate(workers):
            worker.start(works[number % len(works)], rounds)
        for worker in workers:
            worker.wait()
        for worker in workers:
            expect(not worker.trouble, f"in a thread: {worker.trouble}")
        for which, buffer in enumerate(buffers):
            _expect_settled(buffer, which, workers)
    return workers


def _expect_settled(buffer: Buffer, which: int, workers: list[_Worker]) -> None:
    moves = sum(worker.moves[which] for worker in workers)
    expect_equal("moves", buffer.state().generation - 1, moves)
    for worker in workers:
        importer = worker.importers[which]
        expect_equal("notifications of an importer", importer.state().calls["notify"], moves)
        expect_equal("pins held for an importer", importer.state().pins, 0)
    expect_balance(buffer, attachments=len(workers))
    expect_equal("contents", buffer.read(_SIZE), _CONTENTS[which])
    for call in ("pin", "unpin", "map", "unmap", "notify"):
        expect_equal(f"calls of {call} without the lock", buffer.state().unlocked[call], 0)
    for worker in workers:
        worker.importers[which].detach()
    expect_balance(buffer)


@check
def row_20_two_buffers_in_opposite_orders_do_not_deadlock() -> None:
    """Two threads lock both buffers of one acquire context, each beginning with the other one."""

    def forwards(worker: _Worker, _dice: _Dice) -> None:
        worker.map_both(0)

    def backwards(worker: _Worker, _dice: _Dice) -> None:
        worker.map_both(1)

    workers = _stress(2, 150, [forwards, backwards], 0)
    measurement(f"2 threads, 150 rounds each: backed off {sum(worker.retries for worker in workers)} times")


@check
def row_20_stress_loses_no_notification_and_no_contents() -> None:
    """Each importer hears of each move; no pin, mapping or attachment is left; all see the same bytes throughout."""
    seed = _seed()
    measurement(f"seed {seed}: {_THREADS} threads, {_ROUNDS} rounds each")
    workers = _stress(_THREADS, _ROUNDS, [_anything], seed)
    moves = sum(sum(worker.moves) for worker in workers)
    refused = sum(worker.refused_moves for worker in workers)
    retries = sum(worker.retries for worker in workers)
    measurement(f"moved {moves} times, stayed pinned {refused} times, backed off {retries} times")
