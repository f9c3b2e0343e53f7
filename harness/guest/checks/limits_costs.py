# SPDX-License-Identifier: GPL-2.0-only
"""Calls that run out of memory time and again: a failure must not cost a little memory each time."""

from __future__ import annotations

from errno import ENOMEM

from harness.guest.failing import Failing
from harness.guest.kernel import PAGE, Descriptor, Heap, Memfd, Timeline, Udmabuf, udmabuf
from harness.guest.registry import Group, absent_is_skipped, expect, measurement
from harness.guest.slabs import expect_slabs_given_back

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

check = Group("limits")

_ROUNDS = 16  # enough to be told from what others allocate meanwhile
_FIRST = 8  # allocations of a call: those after them are mostly of inodes and files


class _NotAgain(Exception):
    """The call succeeded although an allocation failed, or made fewer of them: nothing of it is to be counted."""


def _costs_nothing(call: Callable[[], Descriptor | None]) -> None:
    """Fail each of the first allocations of ``call`` again and again: no slab keeps an object for each time.

    An allocation counts if its failure is one of the call each time: what succeeds leaves objects that RCU frees
    seconds later (the fences of a merge), and the same number is another allocation when one was had for good.
    """
    errors = 0
    with Failing("slab") as allocations:
        for number in range(1, _FIRST + 1):
            try:
                _fail_once(allocations, number, call)
                expect_slabs_given_back(lambda: _fail_once(allocations, number, call), _ROUNDS)  # noqa: B023 - not later
            except _NotAgain:
                continue
            errors += 1
    expect(errors > 0, f"none of the first {_FIRST} allocations made the call fail each time")
    measurement(f"{errors} of the first {_FIRST} allocations failed {_ROUNDS} times each")


def _fail_once(allocations: Failing, number: int, call: Callable[[], Descriptor | None]) -> None:
    made, error, _ = allocations.once(number, call)
    if isinstance(made, Descriptor):
        made.close()
    if error is None:
        raise _NotAgain
    expect(error.errno == ENOMEM, f"{error} when allocation {number} fails")


@check
def failed_udmabufs_cost_nothing() -> None:
    with Udmabuf() as device, Memfd(3 * PAGE) as memfd:
        _costs_nothing(lambda: device.create(memfd.fileno(), 3 * PAGE))


@check
def failed_heap_buffers_cost_nothing() -> None:
    with Heap() as heap:
        _costs_nothing(lambda: heap.allocate(3 * PAGE))


@check
def failed_renamings_cost_nothing() -> None:
    with udmabuf() as buffer:
        with absent_is_skipped("DMA_BUF_SET_NAME"):
            buffer.set_name(b"old")
        _costs_nothing(lambda: buffer.set_name(b"a name of thirty letters or so"))


@check
def failed_merges_cost_nothing() -> None:
    """Of two timelines, so that there is an array to be had; a merge that succeeds is closed."""
    with Timeline() as first, Timeline() as second, first.fence(1) as one, second.fence(1) as two:
        _costs_nothing(lambda: one.merge(two.fileno()))
