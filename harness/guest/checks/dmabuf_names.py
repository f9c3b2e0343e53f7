# SPDX-License-Identifier: GPL-2.0-only
"""Names of dma-bufs, and what fdinfo and debugfs tell of them (drivers/dma-buf/dma-buf.c); tried on udmabufs."""

from __future__ import annotations

import os
from errno import EBUSY, EFAULT, EINVAL

from harness.guest import uapi
from harness.guest.kernel import PAGE, DmaBuf, bufinfo, udmabuf, vgem
from harness.guest.memory import Window
from harness.guest.oracle import count_buffers
from harness.guest.registry import Group, absent_is_skipped, expect, expect_equal, expect_errno, skip
from harness.guest.slabs import expect_slabs_given_back

check = Group("dmabuf")


def _named(buffer: DmaBuf, name: bytes, request: int = uapi.DMA_BUF_SET_NAME_B) -> None:
    with absent_is_skipped("DMA_BUF_SET_NAME"):
        buffer.set_name(name, request)


@check
def name_shows_in_fdinfo_and_path() -> None:
    """Set by either number of the call, replaced by the next."""
    with udmabuf() as buffer:
        _named(buffer, b"by one number or none")
        for request, name in ((uapi.DMA_BUF_SET_NAME_B, "first"), (uapi.DMA_BUF_SET_NAME_A, "second")):
            buffer.set_name(name.encode(), request)
            expect_equal("name in fdinfo", buffer.info().get("name"), name)
            link = os.readlink(f"/proc/self/fd/{buffer.fileno()}")  # noqa: PTH115 - pathlib is slow to import
            expect(link.endswith(f":{name}"), f"link in /proc/self/fd is {link!r}, expected to end in :{name}")


@check
def path_outlives_the_buffers_descriptor() -> None:
    """Whoever holds the path of a closed buffer reads its name, and bufinfo lists the buffer no more."""
    with udmabuf() as buffer:
        _named(buffer, b"held")
        held = os.open(f"/proc/self/fd/{buffer.fileno()}", os.O_PATH | os.O_CLOEXEC)
        try:
            listed = count_buffers(_readable_bufinfo())["dma-buf"]
            buffer.close()
            link = os.readlink(f"/proc/self/fd/{held}")  # noqa: PTH115 - pathlib is slow to import
            expect(link.endswith(":held"), f"link in /proc/self/fd is {link!r}, expected to end in :held")
            expect_equal("buffers in bufinfo", count_buffers(_readable_bufinfo())["dma-buf"], listed - 1)
        finally:
            os.close(held)


@check
def name_has_a_limit() -> None:
    """DMA_BUF_NAME_LEN with its NUL; what is refused leaves the name as it was."""
    for request in (uapi.DMA_BUF_SET_NAME_A, uapi.DMA_BUF_SET_NAME_B):
        longest = b"n" * (uapi.DMA_BUF_NAME_LEN - 1)
        with udmabuf() as buffer:
            _named(buffer, longest, request)
            with expect_errno(EINVAL):
                buffer.set_name(longest + b"x", request)
            with expect_errno(EFAULT):
                buffer.ioctl(request, 0)
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


@check
def fresh_buffer_has_no_name() -> None:
    """Also when one with a name was there just before."""
    with udmabuf() as named:
        _named(named, b"before")
    with udmabuf() as buffer:
        expect_equal("name in fdinfo", buffer.info().get("name"), None)


@check
def name_may_be_empty() -> None:
    """It replaces the one before, and is none of letters."""
    with udmabuf() as buffer:
        for name in (b"before", b""):
            _named(buffer, name)
            expect_equal("name in fdinfo", buffer.info().get("name"), name.decode())


@check
def name_belongs_to_the_buffer() -> None:
    """Whichever descriptor it is set through, all show it: a duplicate, and the one that an importer gives."""
    with udmabuf() as buffer, DmaBuf(os.dup(buffer.fileno())) as duplicate, vgem() as card:
        _named(duplicate, b"shared")
        with card.export(card.import_fd(buffer.fileno())) as exported:
            for descriptor in (buffer, duplicate, exported):
                expect_equal("name in fdinfo", descriptor.info().get("name"), "shared")


@check
def name_must_be_readable_to_its_end() -> None:
    """A NUL that would come too late, or in memory that is not there, leaves the name as it was."""
    with udmabuf() as buffer, Window(b"x" * 8) as cut, Window(b"y" * 64) as endless:
        _named(buffer, b"kept")
        for address, code in ((cut.address, EFAULT), (endless.address, EINVAL)):
            with expect_errno(code):
                buffer.ioctl(uapi.DMA_BUF_SET_NAME_B, address)
        expect_equal("name in fdinfo", buffer.info().get("name"), "kept")


@check
def memory_of_a_name_goes_with_its_buffer() -> None:
    """Of buffers that are named and closed nothing stays."""

    def name_and_close() -> None:
        with udmabuf() as buffer:
            _named(buffer, b"a name of thirty letters or so")

    expect_slabs_given_back(name_and_close, 50)


@check
def memory_of_a_name_goes_with_the_next() -> None:
    """Nor of the names that a buffer had before, and of those that were refused."""
    with udmabuf() as buffer:

        def rename() -> None:
            _named(buffer, b"a name of thirty letters or so")
            with expect_errno(EINVAL):
                buffer.set_name(b"x" * uapi.DMA_BUF_NAME_LEN)

        expect_slabs_given_back(rename, 100)


def _readable_bufinfo() -> str:
    text = bufinfo()
    if text is None:
        skip("/sys/kernel/debug/dma_buf/bufinfo cannot be read: needs root and CONFIG_DEBUG_FS")
    return text or ""


def _entry(name: str) -> str:
    """The part of bufinfo about the buffer called ``name``, up to the number of its attachments."""
    lines = _readable_bufinfo().splitlines()
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


@check
def bufinfo_shows_the_new_name() -> None:
    with udmabuf() as buffer:
        for old, new in (("", "first-name"), ("first-name", "second-name")):
            _named(buffer, new.encode())
            expect(new in _entry(new), f"bufinfo does not show the name {new}")
            expect(not old or not _entry(old), f"bufinfo still shows the name {old}")


@check
def bufinfo_names_the_importer() -> None:
    """Below "Attached Devices", by the name of its device."""
    with udmabuf() as buffer, vgem() as card:
        _named(buffer, b"imported")
        card.import_fd(buffer.fileno())
        devices = _entry("imported").partition("Attached Devices:")[2].split()
        expect("vgem" in devices, f"bufinfo names {devices}, expected vgem among them")


@check
def bufinfo_counts_objects_and_bytes() -> None:
    """The sums at its end grow with each buffer and shrink with its end."""
    before = count_buffers(_readable_bufinfo())
    with udmabuf(2 * PAGE), udmabuf(PAGE):
        now = count_buffers(_readable_bufinfo())
        expect_equal("dma-bufs", now["dma-buf"] - before["dma-buf"], 2)
        expect_equal("bytes", now["bytes of dma-bufs"] - before["bytes of dma-bufs"], 3 * PAGE)
    expect_equal("sums of bufinfo", count_buffers(_readable_bufinfo()), before)
