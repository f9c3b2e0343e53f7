# SPDX-License-Identifier: GPL-2.0-only
"""Fences whose last reference ends in an interrupt, where nobody may sleep or turn interrupts on.

A merge signals in an interrupt (irq_work, dma-fence-array.c), and if nobody else has it, ends there with its parts.
"""

from __future__ import annotations

from harness.guest import uapi
from harness.guest.fence_arrays import need_arrays_that_look
from harness.guest.kernel import READABLE, SyncFile, Timeline, vgem
from harness.guest.oracle import SYNC_INFO, count_timelines
from harness.guest.registry import CheckSkipped, Group, absent_is_skipped, expect_equal


def _merge_that_only_its_parts_hold(one: SyncFile, two: SyncFile) -> None:
    """Merge them, have the merge listen to both, and close all three."""
    with one, two, one.merge(two.fileno()) as both:
        expect_equal("ready events of the merge", both.poll(READABLE), 0)


def _timelines() -> int:
    """How many sync/info shows."""
    try:
        with open(SYNC_INFO) as file:  # noqa: PTH123 - pathlib is slow to import
            return count_timelines(file.read())["timeline"]
    except OSError as error:
        raise CheckSkipped(f"{SYNC_INFO} cannot be read: needs root and CONFIG_SW_SYNC") from error


@Group("sw-sync")
def timeline_may_end_in_an_interrupt() -> None:
    """It is taken off the list that sync/info shows, with the lock that this file takes: lockdep sees both.

    Kernels that lack what is needed here lack the mend of it, too, and lockdep reports once in a guest.
    """
    need_arrays_that_look()
    with Timeline() as last:
        before = _timelines()
        with Timeline() as first:
            _merge_that_only_its_parts_hold(first.fence(1), last.fence(1))
            first.advance()
        expect_equal("timelines while the merge is pending", _timelines(), before + 1)
        last.advance()
        _timelines()  # that it is gone is seen by the oracle


@Group("vgem")
def fence_may_be_released_in_an_interrupt() -> None:
    """It takes its timer with it, which must not be waited for with interrupts on."""
    with vgem() as card, Timeline() as last:
        handle = card.create_dumb().handle
        fence = card.attach_fence(handle, uapi.VGEM_FENCE_WRITE)
        with card.export(handle) as buffer, absent_is_skipped("DMA_BUF_IOCTL_EXPORT_SYNC_FILE"):
            exported = buffer.export_sync_file(uapi.DMA_BUF_SYNC_READ)
        _merge_that_only_its_parts_hold(exported, last.fence(1))
        card.signal_fence(fence)
        card.close_handle(handle)  # its reservation held the fence, too
        last.advance()
