# SPDX-License-Identifier: GPL-2.0-only
"""What every dma-buf descriptor offers, whoever exported it (drivers/dma-buf/dma-buf.c); tried on udmabufs."""

from __future__ import annotations

import mmap
import os
from errno import EBUSY, EFAULT, EINVAL, ENOTTY

from harness.guest import uapi
from harness.guest.kernel import PAGE, READABLE, WRITABLE, DmaBuf, Memfd, Timeline, bufinfo, udmabuf, vgem
from harness.guest.registry import Group, absent_is_skipped, expect, expect_equal, expect_errno, skip
from harness.guest.waiting import soon

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
        for offset, whence in ((1, os.SEEK_SET), (-1, os.SEEK_END), (1, os.SEEK_END), (0, os.SEEK_CUR)):
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
def child_process_shares_the_memory() -> None:
    """A mapping that a child inherits is the same memory, not a copy."""
    with udmabuf() as buffer, buffer.map(PAGE) as view:
        child = os.fork()
        if child == 0:
            view[:5] = b"child"
            os._exit(0)
        os.waitpid(child, 0)
        expect_equal("first bytes", view[:5], b"child")


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
    with udmabuf() as buffer, expect_errno(EFAULT):
        buffer.ioctl(uapi.DMA_BUF_IOCTL_SYNC, 0)


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


# --- names, fdinfo, bufinfo -------------------------------------------------------------------


def _named(buffer: DmaBuf, name: bytes, request: int = uapi.DMA_BUF_SET_NAME_B) -> None:
    with absent_is_skipped("DMA_BUF_SET_NAME"):
        buffer.set_name(name, request)


@check
def name_shows_in_fdinfo_and_path() -> None:
    """Set by either number of the call, replaced by the next."""
    with udmabuf() as buffer:
        for request, name in ((uapi.DMA_BUF_SET_NAME_B, "first"), (uapi.DMA_BUF_SET_NAME_A, "second")):
            _named(buffer, name.encode(), request)
            expect_equal("name in fdinfo", buffer.info().get("name"), name)
            link = os.readlink(f"/proc/self/fd/{buffer.fileno()}")  # noqa: PTH115 - pathlib is slow to import
            expect(link.endswith(f":{name}"), f"link in /proc/self/fd is {link!r}, expected to end in :{name}")


@check
def name_has_a_limit() -> None:
    """DMA_BUF_NAME_LEN with its NUL; what is refused leaves the name as it was."""
    longest = b"n" * (uapi.DMA_BUF_NAME_LEN - 1)
    with udmabuf() as buffer:
        _named(buffer, longest)
        with expect_errno(EINVAL):
            buffer.set_name(longest + b"x")
        with expect_errno(EFAULT):
            buffer.ioctl(uapi.DMA_BUF_SET_NAME_B, 0)
        expect_equal("name in fdinfo", buffer.info().get("name"), longest.decode())


@check
def name_while_attached_is_set_or_refused() -> None:
    """Before 6.0 or so a buffer in use could not be renamed (EBUSY); it has one name or the other, never a mix."""
    with udmabuf() as buffer, vgem() as card:
        _named(buffer, b"before")
        card.import_fd(buffer.fileno())
        expected = "after"
        try:
            buffer.set_name(b"after")
        except OSError as error:
            expect_equal("errno", error.errno, EBUSY)
            expected = "before"
        expect_equal("name in fdinfo", buffer.info().get("name"), expected)


@check
def fdinfo_shows_size_and_references() -> None:
    """``count`` grows with each further reference to the file."""
    with udmabuf(2 * PAGE) as buffer:
        before = buffer.info()
        expect_equal("size in fdinfo", before.get("size"), str(2 * PAGE))
        with DmaBuf(os.dup(buffer.fileno())):
            expect_equal("count with a duplicate", int(buffer.info()["count"]), int(before["count"]) + 1)
        expect_equal("count without it", buffer.info()["count"], before["count"])


def _entry(name: str) -> str:
    """The part of bufinfo about the buffer called ``name``, up to the number of its attachments."""
    text = bufinfo()
    if text is None:
        skip("/sys/kernel/debug/dma_buf/bufinfo cannot be read: needs root and CONFIG_DEBUG_FS")
    lines = (text or "").splitlines()
    for number, line in enumerate(lines):
        if name in line.split():
            last = next(at for at in range(number, len(lines)) if lines[at].startswith("Total "))
            return "\n".join(lines[number : last + 1])
    return ""


@check
def bufinfo_lists_buffer_and_attachments() -> None:
    """A line with exporter, size and name; each importer is counted until it lets go; gone when closed."""
    with udmabuf(PAGE) as buffer, vgem() as card:
        _named(buffer, b"listed")
        first = _entry("listed")
        expect("udmabuf" in first and f"{PAGE:08d}" in first, f"bufinfo shows the buffer as {first!r}")
        expect("Total 0 devices" in first, f"no importer yet, but bufinfo says {first!r}")
        handle = card.import_fd(buffer.fileno())
        expect("Total 1 devices" in _entry("listed"), f"one importer, but bufinfo says {_entry('listed')!r}")
        card.close_handle(handle)
        expect("Total 0 devices" in _entry("listed"), f"importer is gone, but bufinfo says {_entry('listed')!r}")
    expect_equal("entry of a closed buffer", _entry("listed"), "")


# --- fences -----------------------------------------------------------------------------------


@check
def idle_buffer_is_ready() -> None:
    """No fence: readable and writable at once, and only what was asked about is answered."""
    with udmabuf() as buffer:
        for events in (READABLE, WRITABLE, READABLE | WRITABLE):
            expect_equal("ready events", buffer.poll(events), events)


@check
def exported_fence_of_an_idle_buffer_has_signalled() -> None:
    with udmabuf() as buffer:
        for access in (_READ, _WRITE, _BOTH):
            with absent_is_skipped("DMA_BUF_IOCTL_EXPORT_SYNC_FILE"), buffer.export_sync_file(access) as fence:
                expect_equal("status", fence.status(), 1)
                expect(fence.closes_on_exec(), "the exported sync_file lacks FD_CLOEXEC")


def _imported(buffer: DmaBuf, access: int, fd: int) -> None:
    with absent_is_skipped("DMA_BUF_IOCTL_IMPORT_SYNC_FILE"):
        buffer.import_sync_file(access, fd)


@check
def imported_write_fence_blocks_readers_and_writers() -> None:
    with udmabuf() as buffer, Timeline() as timeline, timeline.fence(1) as fence:
        _imported(buffer, _WRITE, fence.fileno())
        expect_equal("ready events", buffer.poll(READABLE | WRITABLE), 0)
        timeline.advance()
        expect_equal("ready events", buffer.poll(READABLE | WRITABLE, 5), READABLE | WRITABLE)


@check
def imported_read_fence_blocks_writers_only() -> None:
    with udmabuf() as buffer, Timeline() as timeline, timeline.fence(1) as fence:
        _imported(buffer, _READ, fence.fileno())
        expect_equal("ready events", buffer.poll(READABLE | WRITABLE), READABLE)
        timeline.advance()
        expect_equal("ready events", buffer.poll(READABLE | WRITABLE, 5), READABLE | WRITABLE)


@check
def exported_fence_holds_what_the_access_must_wait_for() -> None:
    """A reader need not wait for readers, a writer must."""
    with udmabuf() as buffer, Timeline() as timeline, timeline.fence(1) as fence:
        _imported(buffer, _READ, fence.fileno())
        with buffer.export_sync_file(_READ) as reader, buffer.export_sync_file(_WRITE) as writer:
            expect_equal("what a reader waits for", reader.status(), 1)
            expect_equal("what a writer waits for", writer.status(), 0)
            timeline.advance()
            expect_equal("what a writer waits for, after the signal", writer.status(), 1)


@check
def poll_wakes_when_the_fence_signals() -> None:
    """A sleeping poll is woken by the fence's callback."""
    with udmabuf() as buffer, Timeline() as timeline, timeline.fence(1) as fence:
        _imported(buffer, _WRITE, fence.fileno())
        with soon(timeline.advance):
            expect_equal("ready events", buffer.poll(WRITABLE, 10), WRITABLE)


@check
def buffer_closed_while_polled_fence_is_pending() -> None:
    """The callback that poll left behind holds the file: nothing may be freed under it, nothing may stay."""
    with Timeline() as timeline, timeline.fence(1) as fence:
        with udmabuf() as buffer:
            _imported(buffer, _WRITE, fence.fileno())
            expect_equal("ready events", buffer.poll(READABLE | WRITABLE), 0)
        timeline.advance()
        expect_equal("status", fence.status(), 1)


@check
def sync_file_calls_refuse_bad_flags() -> None:
    """Neither no direction nor unknown bits."""
    with udmabuf() as buffer, Timeline() as timeline, timeline.fence(1) as fence:
        _imported(buffer, _READ, fence.fileno())
        for flags in (0, 1 << 2, _READ | 1 << 31):
            with expect_errno(EINVAL):
                buffer.export_sync_file(flags)
            with expect_errno(EINVAL):
                buffer.import_sync_file(flags, fence.fileno())
        timeline.advance()


@check
def import_sync_file_wants_a_sync_file() -> None:
    """Neither no descriptor nor one of something else."""
    with udmabuf() as buffer:
        for fd in (-1, buffer.fileno()):
            with expect_errno(EINVAL), absent_is_skipped("DMA_BUF_IOCTL_IMPORT_SYNC_FILE"):
                buffer.import_sync_file(_READ, fd)


@check
def write_protected_mapping_reads() -> None:
    """A mapping for reading alone shows what a writable one wrote."""
    with udmabuf() as buffer, buffer.map(PAGE) as view, buffer.map(PAGE, prot=mmap.PROT_READ) as reader:
        view[:4] = b"text"
        expect_equal("first bytes", reader[:4], b"text")
