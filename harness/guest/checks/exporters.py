# SPDX-License-Identifier: GPL-2.0-only
"""What a dma-buf promises whoever exported it: each check is there once for udmabuf, for the heap and for vgem.

So exporters are held to the same contract where their own code answers: mapping and CPU access.
"""

from __future__ import annotations

import os
from errno import EFAULT, EINVAL

from harness.guest import uapi
from harness.guest.kernel import PAGE, READABLE, WRITABLE, DmaBuf, Drm, Heap, Memfd, udmabuf, vgem
from harness.guest.registry import Group, expect, expect_equal, expect_errno
from harness.guest.waiting import SIGBUS, SIGTERM, await_ioctl, end_of_child, in_child, soon, start_child

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Maker = Callable[[int], DmaBuf]

_START, _END = uapi.DMA_BUF_SYNC_START, uapi.DMA_BUF_SYNC_END
_READ, _WRITE, _BOTH = uapi.DMA_BUF_SYNC_READ, uapi.DMA_BUF_SYNC_WRITE, uapi.DMA_BUF_SYNC_RW


def _from_heap(size: int) -> DmaBuf:
    with Heap() as heap:
        return heap.allocate(size)


def _from_vgem(size: int) -> DmaBuf:
    with vgem() as card:
        return card.export(card.create_dumb(PAGE // 4, size // PAGE, 32).handle)


_MAKERS: dict[str, Maker] = {"udmabuf": udmabuf, "heap": _from_heap, "vgem": _from_vgem}


def _check_each(body: Callable[[Maker], None]) -> None:
    """Decorator: register ``body`` once for each exporter, which it gets as a function from size to buffer."""

    def register(group: str, make: Maker) -> None:
        def run() -> None:
            body(make)

        run.__name__, run.__doc__ = body.__name__, body.__doc__
        Group(group)(run)

    for group, make in _MAKERS.items():
        register(group, make)


# --- mapping ----------------------------------------------------------------------------------


@_check_each
def size_is_told_by_seek_and_stat(make: Maker) -> None:
    with make(5 * PAGE) as buffer:
        expect_equal("SEEK_END", buffer.size(), 5 * PAGE)
        expect_equal("st_size", os.fstat(buffer.fileno()).st_size, 5 * PAGE)
        expect_equal("size in fdinfo", buffer.info().get("size"), str(5 * PAGE))


@_check_each
def mapping_of_a_part_shows_that_part(make: Maker) -> None:
    """Each page mapped alone shows what the whole mapping wrote there."""
    pages = 17
    with make(pages * PAGE) as buffer, buffer.map(pages * PAGE) as whole:
        for page in range(pages):
            whole[page * PAGE] = page + 1
        for page in range(pages):
            with buffer.map(PAGE, page * PAGE) as alone:
                expect_equal(f"first byte of page {page}", alone[0], page + 1)


@_check_each
def mapping_ends_with_the_buffer(make: Maker) -> None:
    """The last page can be mapped; one more, or beginning there, cannot."""
    with make(3 * PAGE) as buffer:
        buffer.map(PAGE, 2 * PAGE).close()
        for length, offset in ((4 * PAGE, 0), (2 * PAGE, 2 * PAGE), (PAGE, 3 * PAGE), (PAGE, 1 << 40)):
            with expect_errno(EINVAL):
                buffer.map(length, offset)


class _Growing:
    """A mapping that mremap() can be tried on.

    Python resizes the file as well, through a descriptor of its own: it gets another file there, which can be.
    """

    def __init__(self, buffer: DmaBuf, length: int) -> None:
        with DmaBuf(os.dup(buffer.fileno())) as lowest:
            number = lowest.fileno()
        self._view = buffer.map(length)
        expect_equal("file behind the mapping's own descriptor", os.fstat(number).st_ino, buffer.inode())
        with Memfd(length, seals=0) as other:
            os.dup2(other.fileno(), number)

    def grow_and_touch(self, length: int) -> None:
        self._view.resize(length)
        self._view[length - 1] = 1


@_check_each
def mapping_cannot_grow_beyond_the_buffer(make: Maker) -> None:
    """mremap() is refused, or what lies beyond the end is a bus error; it is never somebody else's memory."""
    with make(PAGE) as buffer:

        def grow_and_touch() -> None:
            with expect_errno(EFAULT, EINVAL):
                _Growing(buffer, PAGE).grow_and_touch(2 * PAGE)

        end = in_child(grow_and_touch)
        expect(end in (0, -SIGBUS), f"a page beyond the end could be mapped and written (end of the child: {end})")


# --- CPU access -------------------------------------------------------------------------------


@_check_each
def cpu_access_nests(make: Maker) -> None:
    """Begun twice and ended twice, and a part of it for reading alone; what was written stays."""
    with make(PAGE) as buffer, buffer.map(PAGE) as view:
        buffer.sync(_START | _BOTH)
        view[:5] = b"outer"
        for access in (_BOTH, _READ, _WRITE):
            buffer.sync(_START | access)
            expect_equal("first bytes", view[:5], b"outer")
            buffer.sync(_END | access)
        view[5:10] = b"again"
        buffer.sync(_END | _BOTH)
        expect_equal("first bytes", view[:10], b"outeragain")


@_check_each
def end_of_cpu_access_alone_is_harmless(make: Maker) -> None:
    """Done or refused; the buffer goes on."""
    with make(PAGE) as buffer:
        try:
            buffer.sync(_END | _BOTH)
        except OSError as error:
            expect_equal("errno", error.errno, EINVAL)
        buffer.sync(_START | _BOTH)
        buffer.sync(_END | _BOTH)


@_check_each
def cpu_access_flags_are_validated(make: Maker) -> None:
    """A direction, and nothing that is not known; a refused call begins nothing."""
    with make(PAGE) as buffer:
        for flags in (_START, _END, _BOTH | 1 << 3, _END | _READ | 1 << 40):
            with expect_errno(EINVAL):
                buffer.sync(flags)


class _Pending:
    """Context manager: vgem has a fence on ``buffer``, as a reader or (VGEM_FENCE_WRITE) as a writer."""

    def __init__(self, buffer: DmaBuf, flags: int = 0) -> None:
        self._card: Drm = vgem()
        self._buffer = buffer
        self._fence = self._card.attach_fence(self._card.import_fd(buffer.fileno()), flags)
        self.signalled = False

    def __enter__(self) -> _Pending:
        return self

    def __exit__(self, *_error: object) -> None:
        self._card.close()  # signals what is pending

    def signal(self) -> None:
        self.signalled = True
        self._card.signal_fence(self._fence)

    def waits(self) -> bool:
        return self._buffer.poll(READABLE | WRITABLE) != READABLE | WRITABLE


@_check_each
def cpu_access_waits_for_writers(make: Maker) -> None:
    """Beginning to read or to write sleeps until the device is done (``__dma_buf_begin_cpu_access``)."""
    for access in (_BOTH, _READ):
        with make(PAGE) as buffer, _Pending(buffer, uapi.VGEM_FENCE_WRITE) as device:
            with soon(device.signal):
                buffer.sync(_START | access)
                expect(device.signalled, "CPU access began while the device was still writing")
            buffer.sync(_END | access)


@_check_each
def cpu_writing_waits_for_readers(make: Maker) -> None:
    """Writing waits for a device that reads; reading does not."""
    with make(PAGE) as buffer:
        buffer.sync(_START | _BOTH)  # first: udmabuf keeps the direction of its first mapping
        buffer.sync(_END | _BOTH)
        _write_while_a_device_reads(buffer)


def _write_while_a_device_reads(buffer: DmaBuf) -> None:
    with _Pending(buffer) as device:
        buffer.sync(_START | _READ)
        expect(device.waits(), "the fence is gone before it was signalled")
        with soon(device.signal):
            buffer.sync(_START | _BOTH)
            expect(device.signalled, "CPU access for writing began while the device was still reading")


@_check_each
def wait_for_cpu_access_can_be_interrupted(make: Maker) -> None:
    """A process that sleeps in it can be killed at once: the fence is still pending when it is gone."""
    with make(PAGE) as buffer, _Pending(buffer, uapi.VGEM_FENCE_WRITE) as device:
        child = start_child(lambda: buffer.sync(_START | _READ))
        try:
            await_ioctl(child)
        finally:
            os.kill(child, SIGTERM)
            end = end_of_child(child)
        expect_equal("end of the child", end, -SIGTERM)
        expect(device.waits(), "the process ended only when the fence did")
