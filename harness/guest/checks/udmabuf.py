# SPDX-License-Identifier: GPL-2.0-only
"""udmabuf: memfds as dma-bufs, and which arguments it must refuse (drivers/dma-buf/udmabuf.c)."""

from __future__ import annotations

import mmap
import os
from errno import EBADFD, EFAULT, EFBIG, EINVAL, ENOTTY

from harness.guest import uapi
from harness.guest.kernel import PAGE, Memfd, Udmabuf
from harness.guest.memory import Window
from harness.guest.registry import Group, expect, expect_equal, expect_errno

check = Group("udmabuf")


def _pattern(page: int) -> bytes:
    return bytes([page + 1]) * PAGE


def _fill(memory: Memfd, pages: int) -> None:
    for page in range(pages):
        os.pwrite(memory.fileno(), _pattern(page), page * PAGE)


@check
def has_the_size_asked_for() -> None:
    """The dma-buf is as long as the piece, not as the memfd."""
    with Udmabuf() as device, Memfd(4 * PAGE) as memory, device.create(memory.fileno(), 3 * PAGE) as buffer:
        expect_equal("size", buffer.size(), 3 * PAGE)


@check
def names_its_exporter() -> None:
    """fdinfo tells who exported the buffer."""
    with Udmabuf() as device, Memfd(PAGE) as memory, device.create(memory.fileno(), PAGE) as buffer:
        expect_equal("exp_name in fdinfo", buffer.info().get("exp_name"), "udmabuf")


@check
def writes_to_the_memfd_show_in_the_buffer() -> None:
    """Both are the same memory: seen through the buffer's mapping."""
    with (
        Udmabuf() as device,
        Memfd(2 * PAGE) as memory,
        device.create(memory.fileno(), 2 * PAGE) as buffer,
        buffer.map(2 * PAGE) as view,
    ):
        _fill(memory, 2)
        expect_equal("buffer", view[:], _pattern(0) + _pattern(1))


@check
def writes_to_the_buffer_show_in_the_memfd() -> None:
    """Both are the same memory: seen through the memfd."""
    with (
        Udmabuf() as device,
        Memfd(2 * PAGE) as memory,
        device.create(memory.fileno(), 2 * PAGE) as buffer,
        buffer.map(2 * PAGE) as view,
    ):
        buffer.sync(uapi.DMA_BUF_SYNC_START | uapi.DMA_BUF_SYNC_WRITE)
        view[PAGE : 2 * PAGE] = _pattern(7)
        buffer.sync(uapi.DMA_BUF_SYNC_END | uapi.DMA_BUF_SYNC_WRITE)
        expect_equal("memfd", os.pread(memory.fileno(), 2 * PAGE, 0), bytes(PAGE) + _pattern(7))


@check
def starts_at_the_offset_asked_for() -> None:
    """A piece from the middle of the memfd begins with the right page."""
    with Udmabuf() as device, Memfd(4 * PAGE) as memory:
        _fill(memory, 4)
        with device.create(memory.fileno(), 2 * PAGE, offset=PAGE) as buffer, buffer.map(2 * PAGE) as view:
            expect_equal("buffer", view[:], _pattern(1) + _pattern(2))


@check
def list_keeps_its_order() -> None:
    """CREATE_LIST strings the pieces together as listed: of two memfds, backwards, one twice."""
    with Udmabuf() as device, Memfd(4 * PAGE) as one, Memfd(PAGE) as two:
        _fill(one, 4)
        os.pwrite(two.fileno(), _pattern(9), 0)
        first, second = one.fileno(), two.fileno()
        pieces = [(first, 2 * PAGE, 2 * PAGE), (second, 0, PAGE), (first, 0, PAGE), (second, 0, PAGE)]
        with device.create_list(pieces) as buffer, buffer.map(5 * PAGE) as view:
            expect_equal("size", buffer.size(), 5 * PAGE)
            expect_equal("buffer", view[:], b"".join(map(_pattern, (2, 3, 9, 0, 9))))


@check
def outlives_its_memfd() -> None:
    """The buffer keeps the pages when the memfd is closed."""
    with Udmabuf() as device, Memfd(PAGE) as memory, device.create(memory.fileno(), PAGE) as buffer:
        _fill(memory, 1)
        memory.close()
        with buffer.map(PAGE) as view:
            expect_equal("buffer", view[:], _pattern(0))


@check
def close_on_exec_is_as_asked() -> None:
    """UDMABUF_FLAGS_CLOEXEC sets the flag of the descriptor, without it the flag is clear."""
    with Udmabuf() as device, Memfd(PAGE) as memory:
        with device.create(memory.fileno(), PAGE, flags=uapi.UDMABUF_FLAGS_CLOEXEC) as buffer:
            expect(buffer.closes_on_exec(), "UDMABUF_FLAGS_CLOEXEC was given, FD_CLOEXEC is clear")
        with device.create(memory.fileno(), PAGE, flags=0) as buffer:
            expect(not buffer.closes_on_exec(), "no flag was given, FD_CLOEXEC is set")


@check
def list_closes_on_exec_as_asked() -> None:
    """The list has flags of its own."""
    with Udmabuf() as device, Memfd(PAGE) as memory:
        pieces = [(memory.fileno(), 0, PAGE)] * 2
        with device.create_list(pieces) as buffer:
            expect(buffer.closes_on_exec(), "UDMABUF_FLAGS_CLOEXEC was given, FD_CLOEXEC is clear")
        with device.create_list(pieces, flags=0) as buffer:
            expect(not buffer.closes_on_exec(), "no flag was given, FD_CLOEXEC is set")


@check
def one_bad_piece_spoils_the_list() -> None:
    """Each piece is looked at: its alignment, its place, its descriptor."""
    with Udmabuf() as device, Memfd(2 * PAGE) as memory:
        good = (memory.fileno(), 0, PAGE)
        for bad in ((memory.fileno(), 1, PAGE), (memory.fileno(), 0, 1), (memory.fileno(), 2 * PAGE, PAGE)):
            with expect_errno(EINVAL):
                device.create_list([good, bad, good])
        with expect_errno(EBADFD):
            device.create_list([good, (-1 & 0xFFFFFFFF, 0, PAGE), good])


@check
def size_must_be_page_aligned() -> None:
    with Udmabuf() as device, Memfd(2 * PAGE) as memory:
        for size in (1, PAGE - 1, PAGE + 1):
            with expect_errno(EINVAL):
                device.create(memory.fileno(), size)


@check
def offset_must_be_page_aligned() -> None:
    with Udmabuf() as device, Memfd(2 * PAGE) as memory:
        for offset in (1, PAGE // 2, PAGE - 1):
            with expect_errno(EINVAL):
                device.create(memory.fileno(), PAGE, offset=offset)


@check
def size_must_not_be_zero() -> None:
    """Nor may all pieces of a list be empty, nor the list."""
    with Udmabuf() as device, Memfd(PAGE) as memory:
        with expect_errno(EINVAL):
            device.create(memory.fileno(), 0)
        with expect_errno(EINVAL):
            device.create_list([(memory.fileno(), 0, 0), (memory.fileno(), PAGE, 0)])
        with expect_errno(EINVAL):
            device.create_list([])


@check
def piece_must_lie_within_the_memfd() -> None:
    """One page too many, all beyond the end, and so far beyond that page numbers could wrap."""
    with Udmabuf() as device, Memfd(2 * PAGE) as memory:
        for offset, size in ((0, 3 * PAGE), (PAGE, 2 * PAGE), (2 * PAGE, PAGE)):
            with expect_errno(EINVAL):
                device.create(memory.fileno(), size, offset=offset)
        for offset in (1 << 62, 1 << 63, (1 << 64) - PAGE):
            # Before memfd_pin_folios (6.10 or so) the page cache answers, for an index that no file can have.
            with expect_errno(EINVAL, EFBIG):
                device.create(memory.fileno(), PAGE, offset=offset)


@check
def private_mapping_is_refused() -> None:
    """A copy-on-write mapping would show contents that no device ever sees."""
    with (
        Udmabuf() as device,
        Memfd(PAGE) as memory,
        device.create(memory.fileno(), PAGE) as buffer,
        expect_errno(EINVAL),
    ):
        buffer.map(PAGE, flags=mmap.MAP_PRIVATE)


@check
def unknown_ioctl_is_refused() -> None:
    with Udmabuf() as device, expect_errno(ENOTTY):
        device.ioctl(uapi.DMA_BUF_IOCTL_SYNC, uapi.dma_buf_sync.pack())


@check
def bad_address_is_refused() -> None:
    """EFAULT for the argument itself, and for a list that is not readable to its end."""
    head = uapi.udmabuf_create_list.pack(count=2)
    with Udmabuf() as device, Memfd(PAGE) as memory:
        for request in (uapi.UDMABUF_CREATE, uapi.UDMABUF_CREATE_LIST):
            with expect_errno(EFAULT):
                device.ioctl(request, 0)
        head += uapi.udmabuf_create_item.pack(memfd=memory.fileno(), size=PAGE)
        with Window(bytes(head)) as argument, expect_errno(EFAULT):
            device.ioctl(uapi.UDMABUF_CREATE_LIST, argument.address)


@check
def unknown_flags_change_nothing() -> None:
    """Refused or ignored; they never mean UDMABUF_FLAGS_CLOEXEC."""
    flags = 0xFFFFFFFF & ~uapi.UDMABUF_FLAGS_CLOEXEC
    with Udmabuf() as device, Memfd(PAGE) as memory:
        try:
            buffer = device.create(memory.fileno(), PAGE, flags=flags)
        except OSError as error:
            expect_equal("errno", error.errno, EINVAL)
            return
        with buffer:
            expect(not buffer.closes_on_exec(), "FD_CLOEXEC is set, but not all flags were given")
            expect_equal("size", buffer.size(), PAGE)
