# SPDX-License-Identifier: GPL-2.0-only
"""Fences of a dma-buf that come in an unusual order (drivers/dma-buf/dma-resv.c, dma-buf.c): none may be forgotten."""

from __future__ import annotations

from errno import EBUSY

from harness.guest import uapi
from harness.guest.kernel import READABLE, WRITABLE, DmaBuf, SyncFile, Timeline, udmabuf, vgem
from harness.guest.registry import Group, absent_is_skipped, expect, expect_equal, expect_errno
from harness.guest.waiting import soon

check = Group("dmabuf")

_READ, _WRITE, _BOTH = uapi.DMA_BUF_SYNC_READ, uapi.DMA_BUF_SYNC_WRITE, uapi.DMA_BUF_SYNC_RW
_START, _END = uapi.DMA_BUF_SYNC_START, uapi.DMA_BUF_SYNC_END
_ANY = READABLE | WRITABLE


def _imported(buffer: DmaBuf, *fences: tuple[int, SyncFile]) -> None:
    """Adds each fence with its access, in this order."""
    with absent_is_skipped("DMA_BUF_IOCTL_IMPORT_SYNC_FILE"):
        for access, fence in fences:
            buffer.import_sync_file(access, fence.fileno())


@check
def earlier_fence_does_not_replace_the_later() -> None:
    """Of one timeline: the buffer is in use until the later one signals, whichever was added last."""
    with udmabuf() as buffer, Timeline() as timeline, timeline.fence(3) as earlier, timeline.fence(5) as later:
        _imported(buffer, (_WRITE, later), (_WRITE, earlier))
        timeline.advance(3)
        expect_equal("ready events while the later is pending", buffer.poll(_ANY), 0)
        timeline.advance(2)
        expect_equal("ready events", buffer.poll(_ANY, 5), _ANY)


@check
def same_fence_is_held_once() -> None:
    """Added again it needs no slot of its own."""
    with udmabuf() as buffer, Timeline() as timeline, timeline.fence(1) as fence:
        _imported(buffer, (_WRITE, fence), (_WRITE, fence))
        with buffer.export_sync_file(_WRITE) as exported:
            expect_equal("fences", len(exported.fences()), 1)
        timeline.advance()


@check
def writer_counts_beside_a_reader_that_is_done() -> None:
    """For poll."""
    with (
        udmabuf() as buffer,
        Timeline() as writing,
        Timeline() as reading,
        writing.fence(1) as writer,
        reading.fence(1) as reader,
    ):
        _imported(buffer, (_WRITE, writer), (_READ, reader))
        reading.advance()
        expect_equal("ready events while a device writes", buffer.poll(WRITABLE), 0)
        writing.advance()
        expect_equal("ready events", buffer.poll(_ANY, 5), _ANY)


@check
def cpu_waits_for_a_writer_beside_a_reader_that_is_done() -> None:
    """For DMA_BUF_IOCTL_SYNC."""
    with (
        udmabuf() as buffer,
        Timeline() as writing,
        Timeline() as reading,
        writing.fence(1) as writer,
        reading.fence(1) as reader,
    ):
        _imported(buffer, (_WRITE, writer), (_READ, reader))
        reading.advance()
        with soon(writing.advance):
            buffer.sync(_START | _BOTH)
            expect(writer.status() == 1, "CPU access began while the device was still writing")
        buffer.sync(_END | _BOTH)


@check
def device_waits_for_a_writer_beside_a_reader_that_is_done() -> None:
    """For vgem, which refuses to write meanwhile (``dma_resv_test_signaled``)."""
    with (
        vgem() as card,
        Timeline() as writing,
        Timeline() as reading,
        writing.fence(1) as writer,
        reading.fence(1) as reader,
    ):
        handle = card.create_dumb().handle
        with card.export(handle) as buffer:
            _imported(buffer, (_WRITE, writer), (_READ, reader))
        reading.advance()
        with expect_errno(EBUSY):
            card.attach_fence(handle, uapi.VGEM_FENCE_WRITE)
        writing.advance()
        card.signal_fence(card.attach_fence(handle, uapi.VGEM_FENCE_WRITE))


@check
def polled_fence_that_was_replaced_signals_all_the_same() -> None:
    """Only the poll holds it by then: its last reference is dropped while it signals, with the timeline's lock held."""
    with udmabuf() as buffer, Timeline() as timeline, timeline.fence(1) as earlier, timeline.fence(2) as later:
        _imported(buffer, (_WRITE, earlier))
        expect_equal("ready events while pending", buffer.poll(_ANY), 0)
        _imported(buffer, (_WRITE, later))
        earlier.close()
        timeline.advance()
        expect_equal("ready events while the later is pending", buffer.poll(_ANY), 0)
        timeline.advance()
        expect_equal("ready events", buffer.poll(_ANY, 5), _ANY)


@check
def merge_of_what_came_in_another_order_has_each_timeline_once() -> None:
    """An export lists fences as they came, the timeline that is older last: a merge with a later fence of that one."""
    with (
        udmabuf() as buffer,
        Timeline() as older,
        Timeline() as younger,
        older.fence(1) as early,
        older.fence(2) as late,
        younger.fence(1) as other,
    ):
        _imported(buffer, (_READ, other), (_READ, early))
        with (
            buffer.export_sync_file(_WRITE) as exported,
            exported.merge(late.fileno()) as one,
            late.merge(exported.fileno()) as two,
        ):
            for merged in (one, two):
                expect_equal("fences", len(merged.fences()), 2)


@check
def merge_of_many_is_imported_at_once() -> None:
    """More parts than a buffer without fences has room for: all of them count, to the last."""
    timelines = [Timeline() for _ in range(9)]
    merged = timelines[0].fence(1)
    try:
        for timeline in timelines[1:]:
            with merged as before, timeline.fence(1) as fence:
                merged = before.merge(fence.fileno())
        with udmabuf() as buffer:
            _imported(buffer, (_READ, merged))
            with buffer.export_sync_file(_WRITE) as exported:
                expect_equal("fences", len(exported.fences()), len(timelines))
            for timeline in timelines:
                expect_equal("ready events before the last", buffer.poll(WRITABLE), 0)
                timeline.advance()
            expect_equal("ready events", buffer.poll(WRITABLE, 5), WRITABLE)
    finally:
        merged.close()
        for timeline in timelines:
            timeline.close()
