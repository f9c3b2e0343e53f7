# SPDX-License-Identifier: GPL-2.0-only
"""udmabuf: memfds as dma-bufs, and what it must refuse (drivers/dma-buf/udmabuf.c)."""

from __future__ import annotations

import mmap
import os
from errno import EBADFD, EBUSY, EFAULT, EFBIG, EINVAL, ENOTTY

from harness.guest import uapi
from harness.guest.kernel import PAGE, Memfd, Udmabuf
from harness.guest.registry import Group, expect, expect_equal, expect_errno, skip

check = Group("udmabuf")

_PARAMETERS = "/sys/module/udmabuf/parameters"


def _parameter(name: str) -> int:
    """A limit of the module, also there when it is built in."""
    try:
        with open(f"{_PARAMETERS}/{name}") as file:  # noqa: PTH123 - pathlib is slow to import
            return int(file.read())
    except FileNotFoundError:
        skip(f"udmabuf has no parameter {name}")
        raise AssertionError from None


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
def memfd_must_be_sealed_against_shrinking() -> None:
    """Pages that a buffer holds must not vanish from their file."""
    for seals in (0, uapi.F_SEAL_GROW, uapi.F_SEAL_SEAL):
        with Udmabuf() as device, Memfd(PAGE, seals) as memory, expect_errno(EINVAL):
            device.create(memory.fileno(), PAGE)


@check
def memfd_must_not_be_sealed_against_writing() -> None:
    """A device could write through the buffer to what was promised to be constant."""
    seals = uapi.F_SEAL_SHRINK | uapi.F_SEAL_WRITE
    with Udmabuf() as device, Memfd(PAGE, seals) as memory, expect_errno(EINVAL):
        device.create(memory.fileno(), PAGE)


@check
def buffer_keeps_the_memfd_from_being_write_sealed() -> None:
    """F_SEAL_WRITE is refused while a buffer pins pages, and possible when it is gone (mm/memfd.c, pins)."""
    with Udmabuf() as device, Memfd(PAGE) as memory:
        with device.create(memory.fileno(), PAGE), expect_errno(EBUSY):
            memory.seal(uapi.F_SEAL_WRITE)
        memory.seal(uapi.F_SEAL_WRITE)


@check
def failed_create_lets_go_of_its_pages() -> None:
    """Pieces taken before the bad one are unpinned: the memfd can be write-sealed afterwards."""
    with Udmabuf() as device, Memfd(2 * PAGE) as memory:
        with expect_errno(EINVAL):
            device.create_list([(memory.fileno(), 0, PAGE), (memory.fileno(), 2 * PAGE, PAGE)])
        memory.seal(uapi.F_SEAL_WRITE)


@check
def only_a_memfd_will_do() -> None:
    """Neither a closed descriptor, nor a pipe, nor another dma-buf."""
    with Udmabuf() as device, Memfd(PAGE) as memory, device.create(memory.fileno(), PAGE) as buffer:
        reader, writer = os.pipe()
        os.close(writer)
        try:
            for fd in (writer, reader, buffer.fileno()):
                with expect_errno(EBADFD):
                    device.create(fd, PAGE)
        finally:
            os.close(reader)


@check
def list_has_a_limit() -> None:
    """list_limit pieces are taken, one more is refused."""
    limit = _parameter("list_limit")
    with Udmabuf() as device, Memfd(PAGE) as memory:
        with device.create_list([(memory.fileno(), 0, PAGE)] * limit) as buffer:
            expect_equal("size", buffer.size(), limit * PAGE)
        with expect_errno(EINVAL):
            device.create_list([(memory.fileno(), 0, PAGE)] * (limit + 1))


@check
def size_has_a_limit() -> None:
    """A page more than size_limit_mb is refused, in one piece or in several, and sums that would wrap."""
    limit = _parameter("size_limit_mb") << 20
    with Udmabuf() as device, Memfd(limit + PAGE) as memory:
        with expect_errno(EINVAL):
            device.create(memory.fileno(), limit + PAGE)
        with expect_errno(EINVAL):
            device.create_list([(memory.fileno(), 0, limit), (memory.fileno(), 0, PAGE)])
        with expect_errno(EINVAL):
            device.create_list([(memory.fileno(), 0, (1 << 64) - PAGE), (memory.fileno(), 0, 2 * PAGE)])


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
    with Udmabuf() as device:
        for request in (uapi.UDMABUF_CREATE, uapi.UDMABUF_CREATE_LIST):
            with expect_errno(EFAULT):
                device.ioctl(request, 0)
