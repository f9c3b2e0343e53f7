# SPDX-License-Identifier: GPL-2.0-only
"""A dma-buf as a file: seeking, mapping, CPU access (drivers/dma-buf/dma-buf.c, ``dma_buf_fops``); on udmabufs."""

from __future__ import annotations

import mmap
import os
from errno import EFAULT, EINVAL, ENOTTY

from harness.guest import uapi
from harness.guest.kernel import PAGE, DmaBuf, Memfd, udmabuf
from harness.guest.memory import Window
from harness.guest.registry import Group, absent_is_skipped, expect, expect_equal, expect_errno

check = Group("dmabuf")

_READ, _WRITE, _BOTH = uapi.DMA_BUF_SYNC_READ, uapi.DMA_BUF_SYNC_WRITE, uapi.DMA_BUF_SYNC_RW


# --- seeking, mapping, reading ----------------------------------------------------------------


@check
def seeking_tells_the_size() -> None:
    """SEEK_END gives the size, SEEK_SET to 0 goes back: the idiom by which user space learns it."""
    with udmabuf(3 * PAGE) as buffer:
        expect_equal("SEEK_END", os.lseek(buffer.fileno(), 0, os.SEEK_END), 3 * PAGE)
        expect_equal("SEEK_SET", os.lseek(buffer.fileno(), 0, os.SEEK_SET), 0)


@check
def other_seeks_are_refused() -> None:
    with udmabuf() as buffer:
        far = 1 << 62
        for offset, whence in ((1, os.SEEK_SET), (-1, os.SEEK_END), (1, os.SEEK_END), (far, os.SEEK_SET)):
            with expect_errno(EINVAL):
                os.lseek(buffer.fileno(), offset, whence)
        for offset, whence in ((0, os.SEEK_CUR), (0, os.SEEK_DATA), (0, os.SEEK_HOLE)):
            with expect_errno(EINVAL):
                os.lseek(buffer.fileno(), offset, whence)


@check
def cannot_be_read_or_written_as_a_file() -> None:
    with udmabuf() as buffer:
        with expect_errno(EINVAL):
            os.read(buffer.fileno(), 1)
        with expect_errno(EINVAL):
            os.write(buffer.fileno(), b"x")


@check
def mapping_must_lie_within_the_buffer() -> None:
    """Too long, beginning at the end, and so far out that page numbers wrap."""
    with udmabuf(2 * PAGE) as buffer:
        for length, offset in ((3 * PAGE, 0), (2 * PAGE, PAGE), (PAGE, 2 * PAGE), (PAGE, (1 << 62) - PAGE)):
            with expect_errno(EINVAL):
                buffer.map(length, offset)


@check
def part_of_it_can_be_mapped() -> None:
    """A mapping of the second page shows the second page."""
    with udmabuf(2 * PAGE) as buffer, buffer.map(2 * PAGE) as whole, buffer.map(PAGE, PAGE) as tail:
        whole[PAGE] = 0x42
        expect_equal("first byte of the second page", tail[0], 0x42)


@check
def mapping_outlives_the_descriptor() -> None:
    """A mapping keeps the buffer alive."""
    with udmabuf() as buffer, buffer.map(PAGE) as view:
        view[0] = 0x42
        buffer.close()
        expect_equal("first byte", view[0], 0x42)


@check
def write_protected_mapping_reads() -> None:
    """A mapping for reading alone shows what a writable one wrote."""
    with udmabuf() as buffer, buffer.map(PAGE) as view, buffer.map(PAGE, prot=mmap.PROT_READ) as reader:
        view[:4] = b"text"
        expect_equal("first bytes", reader[:4], b"text")


@check
def mapping_shows_where_it_comes_from() -> None:
    """/proc/self/maps names the buffer, at the page it is mapped from."""
    with udmabuf(2 * PAGE) as buffer:
        with absent_is_skipped("DMA_BUF_SET_NAME"):
            buffer.set_name(b"mapped")
        with buffer.map(PAGE, PAGE), open("/proc/self/maps") as lines:  # noqa: PTH123 - pathlib is slow to import
            told = [words for words in map(str.split, lines) if words[-1] == "/dmabuf:mapped"]
        expect_equal("offsets of mappings of the buffer", [int(words[2], 16) for words in told], [PAGE])


@check
def size_cannot_be_changed() -> None:
    with udmabuf(2 * PAGE) as buffer:
        for size in (0, PAGE, 3 * PAGE):
            with expect_errno(EINVAL):
                os.ftruncate(buffer.fileno(), size)
        expect_equal("size", buffer.size(), 2 * PAGE)


@check
def stat_tells_the_size_and_which_buffer_it_is() -> None:
    """Each buffer has an inode of its own, which all its descriptors share."""
    with udmabuf(3 * PAGE) as one, udmabuf() as two, DmaBuf(os.dup(one.fileno())) as again:
        expect_equal("st_size", os.fstat(one.fileno()).st_size, 3 * PAGE)
        expect(one.inode() != two.inode(), f"two buffers have the inode {one.inode()}")
        expect_equal("inode of a duplicate", again.inode(), one.inode())


# --- CPU access -------------------------------------------------------------------------------


@check
def sync_takes_every_kind_of_access() -> None:
    """Begin and end, for reading, for writing, for both."""
    for access in (_READ, _WRITE, _BOTH):
        # One buffer each: udmabuf keeps the direction of its first mapping (begin_cpu_udmabuf), and DMA_API_DEBUG
        # warns about the others in unpatched kernels, then falls silent for the rest of the boot.
        with udmabuf() as buffer:
            buffer.sync(uapi.DMA_BUF_SYNC_START | access)
            buffer.sync(uapi.DMA_BUF_SYNC_END | access)


@check
def sync_needs_a_direction() -> None:
    with udmabuf() as buffer:
        for flags in (uapi.DMA_BUF_SYNC_START, uapi.DMA_BUF_SYNC_END):
            with expect_errno(EINVAL):
                buffer.sync(flags)


@check
def sync_refuses_unknown_flags() -> None:
    with udmabuf() as buffer:
        for flag in (1 << 3, 1 << 31, 1 << 63):
            with expect_errno(EINVAL):
                buffer.sync(_BOTH | flag)


@check
def sync_refuses_a_bad_address() -> None:
    """Nothing there, or not all of it."""
    with udmabuf() as buffer, Window(bytes(4)) as half:
        for address in (0, half.address):
            with expect_errno(EFAULT):
                buffer.ioctl(uapi.DMA_BUF_IOCTL_SYNC, address)


@check
def unknown_ioctl_is_refused() -> None:
    """Another number, and a known number with another size."""
    with udmabuf() as buffer:
        for request in (uapi.UDMABUF_CREATE, uapi.DMA_BUF_IOCTL_SYNC + (8 << 16)):
            with expect_errno(ENOTTY):
                buffer.ioctl(request, bytearray(64))


@check
def other_files_are_not_dma_bufs() -> None:
    """The ioctl must look at what it is called on."""
    with Memfd(PAGE) as memory, expect_errno(ENOTTY, EINVAL):
        memory.ioctl(uapi.DMA_BUF_IOCTL_SYNC, uapi.dma_buf_sync.pack(flags=_BOTH))
