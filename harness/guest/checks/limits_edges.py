# SPDX-License-Identifier: GPL-2.0-only
"""Numbers at the edges of their types, where every call that takes one must look: nothing wraps, nothing is made."""

from __future__ import annotations

import array
from errno import EBADF, EBADFD, EFAULT, EFBIG, EINVAL, ENOENT

from harness.guest import uapi
from harness.guest.gem_objects import flink, open_by_name
from harness.guest.kernel import PAGE, Memfd, Timeline, Udmabuf, udmabuf, vgem
from harness.guest.registry import Group, absent_is_skipped, expect_equal, expect_errno

check = Group("limits")

_HANDLES = (0, 1000, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)
_DESCRIPTORS = (-1, 1000, (1 << 31) - 1, -(1 << 31))


@check
def handles_at_their_edges_are_unknown() -> None:
    """vgem's calls, of handles, names and fences."""
    with vgem() as card:
        for handle in _HANDLES:
            for refused in (
                lambda: card.close_handle(handle),  # noqa: B023 - not later
                lambda: card.destroy_dumb(handle),  # noqa: B023
                lambda: card.export(handle),  # noqa: B023
                lambda: card.dumb_offset(handle),  # noqa: B023
                lambda: card.attach_fence(handle),  # noqa: B023
                lambda: card.signal_fence(handle),  # noqa: B023
                lambda: flink(card, handle),  # noqa: B023
                lambda: open_by_name(card, handle),  # noqa: B023
            ):
                with expect_errno(EINVAL, ENOENT):
                    refused()


@check
def descriptors_at_their_edges_are_none() -> None:
    """Of buffers, memfds and fences."""
    with vgem() as card, udmabuf() as buffer, Udmabuf() as device, Timeline() as timeline, timeline.fence(1) as fence:
        for number in _DESCRIPTORS:
            with expect_errno(EBADF, EINVAL):
                card.import_fd(number)
            with expect_errno(EBADFD):
                device.create(number & (1 << 32) - 1, PAGE)
            with expect_errno(ENOENT, EINVAL, EBADF):
                fence.merge(number)
        for number in _DESCRIPTORS:
            with expect_errno(EINVAL, EBADF), absent_is_skipped("DMA_BUF_IOCTL_IMPORT_SYNC_FILE"):
                buffer.import_sync_file(uapi.DMA_BUF_SYNC_WRITE, number)
        timeline.advance()


@check
def sizes_at_their_edges_are_refused() -> None:
    """Of udmabufs, with offsets that wrap around. The heap takes what it can get, whatever the size."""
    with Udmabuf() as device, Memfd(2 * PAGE) as memfd:
        for offset, size in (
            (0, 1 << 32),
            (0, (1 << 63) - PAGE),
            (0, 1 << 63),
            (0, (1 << 64) - PAGE),
            (PAGE, (1 << 64) - PAGE),
            (2 * PAGE, (1 << 64) - PAGE),
            ((1 << 64) - PAGE, PAGE),
            ((1 << 64) - PAGE, 2 * PAGE),
            ((1 << 63) - PAGE, PAGE),
            (1 << 32, PAGE),
            (PAGE, 2 * PAGE),
        ):
            # Before memfd_pin_folios (6.10 or so) the page cache answers, for an index that no file can have.
            with expect_errno(EINVAL, EFBIG):
                device.create(memfd.fileno(), size, offset)


@check
def counts_at_their_edges_are_refused() -> None:
    """Pieces of a udmabuf, more than the argument has; and room for fences, of which there is but one."""
    with Udmabuf() as device, Timeline() as timeline, timeline.fence(1) as fence:
        for count in (0, (1 << 31) - 1, 1 << 31, (1 << 32) - 1):
            argument = uapi.udmabuf_create_list.pack(count=count)
            with expect_errno(EINVAL, EFAULT):
                device.ioctl(uapi.UDMABUF_CREATE_LIST, argument)
        for room in (1, (1 << 31) - 1, 1 << 31, (1 << 32) - 1):
            memory = array.array("B", bytes(uapi.sync_fence_info.size))
            told = fence.file_info(room, memory.buffer_info()[0])
            expect_equal(f"fences, with room for {room}", uapi.sync_file_info.number(told, "num_fences"), 1)
        timeline.advance()


@check
def deadlines_at_their_edges_are_kept() -> None:
    """The earliest counts, and times are signed: 2^63 is long ago."""
    with Timeline() as timeline, timeline.fence(1) as fence:
        for deadline in ((1 << 63) - 1, 1 << 32, 1, 0, (1 << 64) - 1, 1 << 63):
            with absent_is_skipped("SYNC_IOC_SET_DEADLINE"):
                fence.set_deadline(deadline)
            with absent_is_skipped("SW_SYNC_GET_DEADLINE"):
                expect_equal(f"deadline after {deadline:#x}", timeline.deadline(fence), deadline)
        timeline.advance()
