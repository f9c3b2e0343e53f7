# SPDX-License-Identifier: GPL-2.0-only
"""udmabuf: of which memory it makes a dma-buf, and how much of it (drivers/dma-buf/udmabuf.c, mm/memfd.c)."""

from __future__ import annotations

import os
from errno import EBADFD, EBUSY, EINVAL, EPERM

from harness.guest import uapi
from harness.guest.kernel import PAGE, Descriptor, Memfd, Udmabuf
from harness.guest.memory import HugePages, buffer_of_huge_pages, expect_freed, memory
from harness.guest.registry import CheckSkipped, Group, expect_equal, expect_errno, skip

check = Group("udmabuf")

_PARAMETERS = "/sys/module/udmabuf/parameters"


# --- seals ------------------------------------------------------------------------------------


@check
def memfd_must_be_sealed_against_shrinking() -> None:
    """Pages that a buffer holds must not vanish from their file."""
    for seals in (0, uapi.F_SEAL_GROW, uapi.F_SEAL_SEAL):
        with Udmabuf() as device, Memfd(PAGE, seals) as memfd, expect_errno(EINVAL):
            device.create(memfd.fileno(), PAGE)


@check
def memfd_must_not_be_sealed_against_writing() -> None:
    """A device could write through the buffer to what was promised to be constant."""
    seals = uapi.F_SEAL_SHRINK | uapi.F_SEAL_WRITE
    with Udmabuf() as device, Memfd(PAGE, seals) as memfd, expect_errno(EINVAL):
        device.create(memfd.fileno(), PAGE)


@check
def buffer_keeps_the_memfd_from_being_write_sealed() -> None:
    """F_SEAL_WRITE is refused while a buffer pins pages, and possible when it is gone (mm/memfd.c, pins)."""
    with Udmabuf() as device, Memfd(PAGE) as memfd:
        with device.create(memfd.fileno(), PAGE), expect_errno(EBUSY):
            memfd.seal(uapi.F_SEAL_WRITE)
        memfd.seal(uapi.F_SEAL_WRITE)


@check
def failed_create_lets_go_of_its_pages() -> None:
    """Pieces taken before the bad one are unpinned: the memfd can be write-sealed afterwards."""
    with Udmabuf() as device, Memfd(2 * PAGE) as memfd:
        with expect_errno(EINVAL):
            device.create_list([(memfd.fileno(), 0, PAGE), (memfd.fileno(), 2 * PAGE, PAGE)])
        memfd.seal(uapi.F_SEAL_WRITE)


@check
def memfd_must_not_be_sealed_against_future_writing() -> None:
    """A buffer would be a new way to write to it."""
    with Udmabuf() as device, Memfd(PAGE) as memfd:
        memfd.seal(uapi.F_SEAL_FUTURE_WRITE)
        with expect_errno(EINVAL):
            device.create(memfd.fileno(), PAGE)


@check
def seals_still_hold_afterwards() -> None:
    """A memfd that cannot shrink or grow can do neither while there is a buffer, nor when it is gone."""
    with Udmabuf() as device, Memfd(2 * PAGE, uapi.F_SEAL_SHRINK | uapi.F_SEAL_GROW) as memfd:
        buffer = device.create(memfd.fileno(), 2 * PAGE)
        for _ in ("with the buffer", "without it"):
            for size in (PAGE, 3 * PAGE):
                with expect_errno(EPERM):
                    memfd.resize(size)
            buffer.close()


@check
def memfd_may_grow_afterwards() -> None:
    """The buffer stays as it was made."""
    with Udmabuf() as device, Memfd(PAGE) as memfd, device.create(memfd.fileno(), PAGE) as buffer:
        memfd.resize(3 * PAGE)
        os.pwrite(memfd.fileno(), b"\x42" * PAGE, 0)
        expect_equal("size", buffer.size(), PAGE)
        with buffer.map(PAGE) as view:
            expect_equal("buffer", view[:], b"\x42" * PAGE)


# --- kinds of descriptors ---------------------------------------------------------------------


@check
def only_a_memfd_will_do() -> None:
    """Nothing that is no memory: a closed descriptor, a pipe, a dma-buf, a directory, a device, an eventfd."""
    with Udmabuf() as device, Memfd(PAGE) as memfd, device.create(memfd.fileno(), PAGE) as buffer:
        reader, writer = os.pipe()
        os.close(writer)
        others = (reader, os.open("/", os.O_RDONLY), os.open("/dev/zero", os.O_RDWR), os.eventfd(0))
        try:
            for fd in (writer, buffer.fileno(), device.fileno(), *others):
                with expect_errno(EBADFD):
                    device.create(fd, PAGE)
        finally:
            for fd in others:
                os.close(fd)


@check
def path_descriptor_of_a_memfd_is_refused() -> None:
    """O_PATH gives no right to the contents."""
    with Udmabuf() as device, Memfd(PAGE) as memfd:
        path = f"/proc/self/fd/{memfd.fileno()}"
        with Descriptor(os.open(path, os.O_PATH | os.O_CLOEXEC)) as name, expect_errno(EBADFD):
            device.create(name.fileno(), PAGE)


@check
def file_without_seals_is_refused() -> None:
    """A file of a tmpfs is the same kind of memory, but cannot be sealed against shrinking."""
    with Udmabuf() as device:
        # devtmpfs: a tmpfs that is there in every guest.
        fd = os.open("/dev", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC)
        with Descriptor(fd) as file, expect_errno(EINVAL, EBADFD):
            os.ftruncate(fd, PAGE)
            device.create(file.fileno(), PAGE)


# --- huge pages -------------------------------------------------------------------------------


def _mapped_safely(device: Udmabuf, pages: HugePages) -> None:
    """Skip where mapping such a buffer spoils the kernel's memory (6.1: "Bad page state" when it gets the pages back).

    The udmabuf that does it took pages one by one out of huge ones, and is known by taking none that nobody touched.
    """
    with Memfd(pages.size, flags=os.MFD_HUGETLB) as untouched:
        try:
            buffer_of_huge_pages(device, untouched, pages.size).close()
        except OSError:
            skip("udmabuf of this kernel counts the mappings of huge pages wrongly")


@check
def huge_pages_need_not_be_touched_before() -> None:
    """The buffer brings them in, as it does with small ones."""
    with (
        Udmabuf() as device,
        HugePages(1) as pages,
        Memfd(pages.size, flags=os.MFD_HUGETLB) as memfd,
        buffer_of_huge_pages(device, memfd, pages.size) as buffer,
    ):
        expect_equal("size", buffer.size(), pages.size)


@check
def huge_pages_make_a_buffer() -> None:
    """Both are the same memory, from the first to the last byte of each huge page."""
    with Udmabuf() as device, HugePages(3) as pages, pages.memfd(2) as memfd:
        _mapped_safely(device, pages)
        size = 2 * pages.size
        with buffer_of_huge_pages(device, memfd, size) as buffer, buffer.map(size) as view, memfd.map(size) as own:
            expect_equal("size", buffer.size(), size)
            for at in (0, pages.size - 1, pages.size, size - 1):
                own[at] = 0x42
                expect_equal(f"byte {at} of the buffer", view[at], 0x42)
                view[at] = 0x24
                expect_equal(f"byte {at} of the memfd", own[at], 0x24)


@check
def piece_may_begin_and_end_within_huge_pages() -> None:
    """Four pages around the border of two huge ones, in the right order."""
    with Udmabuf() as device, HugePages(3) as pages, pages.memfd(2) as memfd, memfd.map(2 * pages.size) as own:
        _mapped_safely(device, pages)
        start = pages.size - 2 * PAGE
        for page in range(4):
            own[start + page * PAGE] = page + 1
        with buffer_of_huge_pages(device, memfd, 4 * PAGE, start) as buffer, buffer.map(4 * PAGE) as view:
            expect_equal("first bytes of the pages", [view[page * PAGE] for page in range(4)], [1, 2, 3, 4])


@check
def list_mixes_huge_and_small_pages() -> None:
    with Udmabuf() as device, HugePages(2) as pages, pages.memfd(1) as huge, Memfd(PAGE) as small:
        _mapped_safely(device, pages)
        os.pwrite(small.fileno(), b"\1", 0)
        with huge.map(pages.size) as own:
            own[pages.size - PAGE], own[0] = 2, 3
        pieces = [(small.fileno(), 0, PAGE), (huge.fileno(), pages.size - PAGE, PAGE), (huge.fileno(), 0, PAGE)]
        with device.create_list(pieces) as buffer, buffer.map(3 * PAGE) as view:
            expect_equal("first bytes of the pages", [view[page * PAGE] for page in range(3)], [1, 2, 3])


@check
def huge_pages_come_back() -> None:
    """Neither a buffer that is gone nor one that could not be made keeps a huge page."""
    with Udmabuf() as device, HugePages(2) as pages:
        free = memory("HugePages_Free")
        with pages.memfd(2) as memfd:
            buffer_of_huge_pages(device, memfd, 2 * pages.size).close()
            with expect_errno(EINVAL):
                device.create_list([(memfd.fileno(), 0, PAGE), (memfd.fileno(), 2 * pages.size, PAGE)])
        expect_equal("free huge pages", memory("HugePages_Free"), free)


# --- limits -----------------------------------------------------------------------------------


# What they are where they cannot be changed (up to 5.18 or so).
_CONSTANTS = {"list_limit": 1024, "size_limit_mb": 64}


def _limit(name: str) -> int:
    try:
        return _parameter(name)
    except FileNotFoundError:
        return _CONSTANTS[name]


def _parameter(name: str) -> int:
    """A parameter of the module, also there when it is built in."""
    with open(f"{_PARAMETERS}/{name}") as file:  # noqa: PTH123 - pathlib is slow to import
        return int(file.read())


class _changed:  # lower case: reads as a statement: with _changed("list_limit", 2): ...
    """Context manager: a limit has another value."""

    def __init__(self, name: str, value: int) -> None:
        self._name = name
        self._value = value

    def __enter__(self) -> None:
        try:
            self._before = _parameter(self._name)
        except FileNotFoundError as error:
            raise CheckSkipped(f"udmabuf has no parameter {self._name}") from error
        self._write(self._value)

    def __exit__(self, *_error: object) -> None:
        self._write(self._before)

    def _write(self, value: int) -> None:
        with open(f"{_PARAMETERS}/{self._name}", "w") as file:  # noqa: PTH123
            file.write(str(value))


@check
def list_has_a_limit() -> None:
    """list_limit pieces are taken, one more is refused."""
    limit = _limit("list_limit")
    with Udmabuf() as device, Memfd(PAGE) as memfd:
        with device.create_list([(memfd.fileno(), 0, PAGE)] * limit) as buffer:
            expect_equal("size", buffer.size(), limit * PAGE)
        with expect_errno(EINVAL):
            device.create_list([(memfd.fileno(), 0, PAGE)] * (limit + 1))


@check
def size_has_a_limit() -> None:
    """A page more than size_limit_mb is refused, in one piece or in several, and sums that would wrap."""
    limit = _limit("size_limit_mb") << 20
    with Udmabuf() as device, Memfd(limit + PAGE) as memfd:
        with expect_errno(EINVAL):
            device.create(memfd.fileno(), limit + PAGE)
        with expect_errno(EINVAL):
            device.create_list([(memfd.fileno(), 0, limit), (memfd.fileno(), 0, PAGE)])
        with expect_errno(EINVAL):
            device.create_list([(memfd.fileno(), 0, (1 << 64) - PAGE), (memfd.fileno(), 0, 2 * PAGE)])


@check
def limit_of_lists_can_be_changed() -> None:
    """What the administrator sets holds for the next call."""
    with Udmabuf() as device, Memfd(PAGE) as memfd, _changed("list_limit", 2):
        device.create_list([(memfd.fileno(), 0, PAGE)] * 2).close()
        with expect_errno(EINVAL):
            device.create_list([(memfd.fileno(), 0, PAGE)] * 3)


@check
def limit_of_sizes_can_be_changed() -> None:
    """Also below what a buffer has already: that one stays."""
    limit = 1 << 20
    with Udmabuf() as device, Memfd(limit + PAGE) as memfd, device.create(memfd.fileno(), limit + PAGE) as before:
        with _changed("size_limit_mb", 1):
            device.create(memfd.fileno(), limit).close()
            with expect_errno(EINVAL):
                device.create(memfd.fileno(), limit + PAGE)
        expect_equal("size of the buffer made before", before.size(), limit + PAGE)


@check
def limit_of_sizes_may_be_of_gigabytes() -> None:
    """Its bytes need more than 31 bits, or than 32: what is allowed is a page all the same."""
    with Udmabuf() as device, Memfd(PAGE) as memfd:
        for megabytes in (2047, 2048, 4095, 4096, 4097, (1 << 31) - 1):
            with _changed("size_limit_mb", megabytes):
                device.create(memfd.fileno(), PAGE).close()


@check
def list_of_pages_needs_not_be_in_one_piece() -> None:
    """Of 3 GiB it is larger than any piece that the allocator has. The memfd, which has no page, lacks the seal."""
    size = 3 << 30
    with (
        Udmabuf() as device,
        Memfd(size, seals=0) as memfd,
        _changed("size_limit_mb", size >> 20),
        expect_errno(EINVAL),
    ):
        device.create(memfd.fileno(), size)


@check
def list_may_be_long() -> None:
    """4096 pieces, if the administrator allows them: each is there, the last as well."""
    pieces = 4096
    with Udmabuf() as device, Memfd(2 * PAGE) as memfd, _changed("list_limit", pieces):
        os.pwrite(memfd.fileno(), b"last", PAGE)
        items = [(memfd.fileno(), 0, PAGE)] * (pieces - 1) + [(memfd.fileno(), PAGE, PAGE)]
        with device.create_list(items) as buffer, buffer.map(PAGE, (pieces - 1) * PAGE) as view:
            expect_equal("size", buffer.size(), pieces * PAGE)
            expect_equal("first bytes of the last page", view[:4], b"last")


@check
def pinned_memory_comes_back() -> None:
    """Of 32 MiB that buffers held in turn nothing stays, whether the memfd or the buffer is closed last."""
    size, rounds = 8 << 20, 4
    with Udmabuf() as device:

        def hold_in_turn() -> None:
            for round_ in range(rounds):
                with Memfd(size) as memfd, device.create(memfd.fileno(), size) as buffer:
                    (buffer if round_ % 2 else memfd).close()

        expect_freed(hold_in_turn, rounds * size // 2)
