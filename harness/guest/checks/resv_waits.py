# SPDX-License-Identifier: GPL-2.0-only
"""How long dma_resv_wait_timeout() waits: for all fences together, and not at all if it only looks (dma-resv.c)."""

from __future__ import annotations

import _thread
import os
import time

from harness.guest import uapi
from harness.guest.kernel import PAGE, DmaBuf, Timeline, udmabuf
from harness.guest.probe_functions import KERNEL, READ, WRITE, KernelFunctions
from harness.guest.registry import Group, expect, expect_equal
from harness.guest.waiting import SIGTERM, await_ioctl, await_thread_in_ioctl, end_of_child, soon, start_child

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

check = Group("functions")

_LIMIT = uapi.DMABUF_PROBE_MAX_WAIT
_FIRST, _SECOND = 0.3, 0.05  # seconds that pass before the fences signal
_SLACK = 150  # ms, less than _FIRST: ticks that an emulated processor counts later
_LOOKS = 20
_TRIES = 3


class _BothLate:
    """Signals ``early`` and then ``late`` while thread ``waiter`` sleeps in ioctl()."""

    def __init__(self, early: Timeline, late: Timeline) -> None:
        self._early, self._late, self._waiter = early, late, _thread.get_native_id()
        self.wait_is_over = False
        self.waited = 0.0
        """Milliseconds that the wait had lasted at least when ``late`` signalled."""

    def signal(self) -> None:
        if await_thread_in_ioctl(self._waiter, lambda: self.wait_is_over):
            began = time.monotonic()
            time.sleep(_FIRST)
            self._early.advance()
            time.sleep(_SECOND)  # it waits for the other one by then; if not, the check only proves less
            self.waited = (time.monotonic() - began) * 1000
        else:
            self._early.advance()
        self._late.advance()


def _excess(early: Timeline, late: Timeline, first: Timeline, second: Timeline) -> float:
    """How much more time (ms) is told to be left of a wait for a fence of each than there can be."""
    with KernelFunctions() as kernel, udmabuf() as buffer:
        with first.fence(1) as one, second.fence(1) as two:
            kernel.add(buffer, one, WRITE)
            kernel.add(buffer, two, READ)
        both = _BothLate(early, late)
        with soon(both.signal):
            try:
                left = kernel.time_left(buffer, READ, _LIMIT)
            finally:
                both.wait_is_over = True
        expect_equal("a look when both have signalled", kernel.wait(buffer, READ), 1)
        return left - (_LIMIT - both.waited)


def _least_excess(order: str) -> float:
    """Of some tries: a processor that was held up counts its ticks later, but not each time."""
    excess = float(_LIMIT)
    for _ in range(_TRIES):
        with Timeline() as one, Timeline() as two:
            early, late = (one, two) if order == "first" else (two, one)
            excess = min(excess, _excess(early, late, one, two))
        if excess <= _SLACK:
            break
    return excess


@check
def time_of_a_wait_is_for_all_fences_together() -> None:
    """What the first fence took is not left for the second one."""
    for order in ("first", "second"):
        excess = _least_excess(order)
        expect(excess <= _SLACK, f"{excess:.0f} ms too many are left when the fence added {order} signals first")


def _sleeps_in_looks(kernel: KernelFunctions, buffer: DmaBuf) -> int:
    """How often this thread sleeps while it looks ``_LOOKS`` times whether the buffer is idle."""

    def look() -> None:
        for _ in range(_LOOKS):
            expect_equal("a look", kernel.wait(buffer, READ), 0)

    return _sleeps_of(look)


def _sleeps_of(action: Callable[[], object]) -> int:
    import resource  # noqa: PLC0415 - only what runs this check pays for it

    before = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
    action()
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw - before


@check
def look_at_a_busy_buffer_does_not_sleep() -> None:
    """A time limit of 0: some who ask so may not sleep, and none expects a tick to pass."""
    with KernelFunctions() as kernel, udmabuf() as buffer, Timeline() as timeline, timeline.fence(1) as fence:
        kernel.add(buffer, fence, READ)
        slept = min(_sleeps_in_looks(kernel, buffer) for _ in range(_TRIES))
        timeline.advance()
        expect(slept < _LOOKS, f"slept {slept} times in {_LOOKS} looks")


@check
def static_importer_waits_for_the_kernel() -> None:
    """dma_buf_map_attachment(): until a move is done, and for nobody else; a signal ends it, and nothing is mapped."""
    with (
        KernelFunctions() as kernel,
        kernel.export(PAGE, uapi.DMABUF_PROBE_STATIC) as buffer,
        buffer.attach(uapi.DMABUF_PROBE_IMPORT_STATIC) as importer,
        Timeline() as timeline,
        Timeline() as elsewhere,
        timeline.fence(1) as move,
        elsewhere.fence(1) as writer,
    ):
        kernel.add(buffer, writer, WRITE)
        importer.map().unmap()
        kernel.add(buffer, move, KERNEL)
        child = start_child(importer.map)
        await_ioctl(child)
        os.kill(child, SIGTERM)
        expect_equal("end of a child that maps meanwhile", end_of_child(child), -SIGTERM)
        expect_equal("mappings that the exporter has given out", buffer.state().mappings, 0)
        with soon(timeline.advance):
            mapping = importer.map()
        expect_equal("status of the move when it is mapped", move.status(), 1)
        mapping.unmap()
        elsewhere.advance()
