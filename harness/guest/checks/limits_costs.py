# SPDX-License-Identifier: GPL-2.0-only
"""Calls that run out of memory time and again: a failure must not cost a little memory each time."""

from __future__ import annotations

from errno import ENOMEM, ENOSPC

from harness.guest.failing import Failing
from harness.guest.kernel import PAGE, Descriptor, Drm, Dumb, Heap, Memfd, Timeline, Udmabuf, udmabuf, vgem
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


def _close(made: object) -> None:
    if isinstance(made, Descriptor):
        made.close()


def _costs_nothing(
    call: Callable[[], object], undo: Callable[[object], object] = _close, allowed: tuple[int, ...] = (ENOMEM,)
) -> None:
    """Fail each of the first allocations of ``call`` again and again: no slab keeps an object for each time.

    ``undo`` gets what a call made that succeeded all the same; one that fails ends with an error of ``allowed``.

    An allocation counts if its failure is one of the call each time: what succeeds leaves objects that RCU frees
    seconds later (the fences of a merge), and the same number is another allocation when one was had for good.
    """
    errors = 0
    with Failing("slab") as allocations:

        def fail_once(number: int) -> None:
            made, error, _ = allocations.once(number, call)
            if error is None:
                undo(made)
                raise _NotAgain
            expect(error.errno in allowed, f"{error} when allocation {number} fails")

        for number in range(1, _FIRST + 1):
            try:
                fail_once(number)
                expect_slabs_given_back(lambda: fail_once(number), _ROUNDS)  # noqa: B023 - not later
            except _NotAgain:
                continue
            errors += 1
    expect(errors > 0, f"none of the first {_FIRST} allocations made the call fail each time")
    measurement(f"{errors} of the first {_FIRST} allocations failed {_ROUNDS} times each")


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


# --- GEM objects ------------------------------------------------------------------------------

# ENOSPC is what shmem says when it has no inode to give (shmem_get_inode).
_NO_INODE = (ENOMEM, ENOSPC)


class _Handles:
    """Handles of one client that are closed again."""

    def __init__(self, card: Drm) -> None:
        self._card = card

    def close(self, made: object) -> None:
        handle = made.handle if isinstance(made, Dumb) else made
        assert isinstance(handle, int)
        self._card.close_handle(handle)


@check
def failed_dumb_buffers_cost_nothing() -> None:
    with vgem() as card:
        _costs_nothing(card.create_dumb, _Handles(card).close, _NO_INODE)


@check
def failed_imports_cost_nothing() -> None:
    """Neither who imports nor who exports keeps anything."""
    with vgem() as card, udmabuf(3 * PAGE) as buffer:
        _costs_nothing(lambda: card.import_fd(buffer.fileno()), _Handles(card).close, _NO_INODE)


@check
def failed_prime_exports_cost_nothing() -> None:
    with vgem() as card:
        handle = card.create_dumb().handle
        _costs_nothing(lambda: card.export(handle))
