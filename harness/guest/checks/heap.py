# SPDX-License-Identifier: GPL-2.0-only
"""The system dma-heap: allocation, its flags and its memory (drivers/dma-buf/dma-heap.c, heaps/system_heap.c)."""

from __future__ import annotations

import mmap
import os
import struct
from errno import EACCES, EFAULT, EINVAL, ENOMEM, ENOTTY

from harness.guest import uapi
from harness.guest.kernel import HEAP_DIRECTORY, PAGE, Descriptor, DmaBuf, Heap, vgem
from harness.guest.memory import Window, expect_freed, memory
from harness.guest.registry import Group, expect, expect_equal, expect_errno, measurement, skip
from harness.guest.waiting import SIGKILL, end_of_child, has_ended, start_child

check = Group("heap")

# For a process that is killed while it allocates: so much that it takes a while, as each page is zeroed; how much of it
# is gone when the process is killed; how often that is tried; what the process says when it has it all.
_LARGE, _TAKEN, _ATTEMPTS, _MADE = 192 << 20, 32 << 20, 5, "made"


@check
def size_is_rounded_up_to_pages() -> None:
    with Heap() as heap:
        for length, size in ((1, PAGE), (PAGE, PAGE), (PAGE + 1, 2 * PAGE)):
            with heap.allocate(length) as buffer:
                expect_equal(f"size of a buffer of {length} bytes", buffer.size(), size)


@check
def names_its_exporter() -> None:
    """fdinfo shows the name of the heap (since 5.11 or so; before, of the module that implements it)."""
    with Heap() as heap, heap.allocate(PAGE) as buffer:
        exporter = buffer.info().get("exp_name")
        expect(exporter in ("system", "system_heap", "heap_helpers"), f"exp_name in fdinfo is {exporter!r}")


@check
def memory_is_zeroed() -> None:
    """Also when it was used and freed just before: what another process wrote must not show."""
    size = 16 * PAGE
    with Heap() as heap:
        with heap.allocate(size) as buffer, buffer.map(size) as view:
            view[:] = b"\xa5" * size
        with heap.allocate(size) as buffer, buffer.map(size) as view:
            expect_equal("fresh buffer", view[:], bytes(size))


@check
def allocation_ends_with_its_process() -> None:
    """A process that is killed while it allocates gets no buffer, and what there was of it goes back."""
    with Heap() as heap:
        if memory("MemAvailable") < 3 * _LARGE:
            skip(f"the guest has no {_LARGE >> 20} MiB to spare")
        expect_freed(lambda: _kill_one_that_allocates(heap), _TAKEN // 2)


def _kill_one_that_allocates(heap: Heap) -> None:
    """Until one was killed in time: on a busy machine it may have its buffer before we come to it."""
    for attempt in range(1, _ATTEMPTS + 1):
        if _is_killed_while_it_allocates(heap):
            measurement(f"process {attempt} was killed while it allocated")
            return
    skip(f"none of {_ATTEMPTS} processes was killed before it had its {_LARGE >> 20} MiB")


def _is_killed_while_it_allocates(heap: Heap) -> bool:
    reads, writes = os.pipe2(os.O_CLOEXEC)
    free = memory("MemAvailable")
    child = start_child(lambda: _tell_how_it_ends(heap, writes))
    os.close(writes)
    with Descriptor(reads):
        while memory("MemAvailable") > free - _TAKEN and not has_ended(child):
            pass  # no event tells of an allocation that has begun
        os.kill(child, SIGKILL)
        status, said = end_of_child(child), os.read(reads, 8).decode()
    if not said:
        expect_equal("end of the process that was killed", status, -SIGKILL)
    elif said == str(ENOMEM):
        skip(f"the heap has no memory for {_LARGE >> 20} MiB")
    else:
        expect_equal("errno of the allocation", said, _MADE)
    return not said


def _tell_how_it_ends(heap: Heap, told: int) -> None:
    """Nothing, if the process does not come back from the call."""
    try:
        with heap.allocate(_LARGE):
            os.write(told, _MADE.encode())
    except OSError as error:
        os.write(told, str(error.errno).encode())


@check
def large_buffer_has_all_its_pages() -> None:
    """Made of blocks of every order (1 MiB, 64 KiB, 4 KiB): each page is zeroed, is there once, and has its place."""
    size = (2 << 20) + (3 << 16) + 5 * PAGE
    with Heap() as heap, heap.allocate(size) as buffer, buffer.map(size) as view:
        expect_equal("size", buffer.size(), size)
        expect_equal("fresh buffer", view[:], bytes(size))
        for page in range(size // PAGE):
            struct.pack_into("I", view, page * PAGE, page + 1)
        with buffer.map(size) as other:
            numbers = [struct.unpack_from("I", other, at)[0] for at in range(0, size, PAGE)]
            expect_equal("numbers written to the pages", numbers, list(range(1, size // PAGE + 1)))


@check
def buffers_share_no_memory() -> None:
    """Several at once, each with its own contents."""
    with Heap() as heap:
        buffers = [heap.allocate(3 * PAGE) for _ in range(8)]
        try:
            for number, buffer in enumerate(buffers):
                with buffer.map(3 * PAGE) as view:
                    view[:] = bytes([number + 1]) * (3 * PAGE)
            for number, buffer in enumerate(buffers):
                with buffer.map(3 * PAGE) as view:
                    expect_equal(f"buffer {number}", view[:], bytes([number + 1]) * (3 * PAGE))
        finally:
            for buffer in buffers:
                buffer.close()


@check
def memory_comes_back() -> None:
    """Of 128 MiB that were allocated in turn nothing stays."""
    size, rounds = 16 << 20, 8
    with Heap() as heap:

        def take_in_turn() -> None:
            for _ in range(rounds):
                heap.allocate(size).close()

        expect_freed(take_in_turn, rounds * size // 2)


@check
def buffer_outlives_the_descriptor_of_the_heap() -> None:
    with Heap() as heap:
        buffer = heap.allocate(PAGE)
    with buffer, buffer.map(PAGE) as view:
        view[:4] = b"kept"
        buffer.sync(uapi.DMA_BUF_SYNC_START | uapi.DMA_BUF_SYNC_RW)
        buffer.sync(uapi.DMA_BUF_SYNC_END | uapi.DMA_BUF_SYNC_RW)
        expect_equal("first bytes", view[:4], b"kept")


@check
def every_heap_allocates() -> None:
    """Whatever nodes there are: each gives a zeroed buffer of the size asked for."""
    Heap().close()
    for name in sorted(os.listdir(HEAP_DIRECTORY)):  # noqa: PTH208 - pathlib is slow to import
        with Heap(name) as heap, heap.allocate(2 * PAGE) as buffer, buffer.map(2 * PAGE) as view:
            expect_equal(f"size of a buffer of {name}", buffer.size(), 2 * PAGE)
            expect_equal(f"fresh buffer of {name}", view[:], bytes(2 * PAGE))


@check
def mappings_share_the_memory() -> None:
    """What one mapping writes another reads, also one that starts at the second page."""
    with (
        Heap() as heap,
        heap.allocate(2 * PAGE) as buffer,
        buffer.map(2 * PAGE) as whole,
        buffer.map(PAGE, offset=PAGE) as tail,
    ):
        whole[PAGE : PAGE + 5] = b"hello"
        expect_equal("second page", tail[:5], b"hello")


@check
def length_must_not_be_zero() -> None:
    """Nor so large that rounding up to pages wraps to zero."""
    with Heap() as heap:
        for length in (0, (1 << 64) - 1):
            with expect_errno(EINVAL):
                heap.allocate(length)


@check
def unknown_heap_flags_are_refused() -> None:
    with Heap() as heap:
        for flags in (1 << 62, 1 << 63):
            with expect_errno(EINVAL):
                heap.allocate(PAGE, heap_flags=flags)


@check
def unknown_descriptor_flags_are_refused() -> None:
    """Only the access mode and O_CLOEXEC are allowed."""
    with Heap() as heap:
        for flags in (os.O_NONBLOCK, os.O_APPEND, os.O_DIRECT):
            with expect_errno(EINVAL):
                heap.allocate(PAGE, fd_flags=os.O_RDWR | flags)


@check
def descriptor_field_must_be_zero() -> None:
    """The kernel fills it in; what a caller left there is an error."""
    with Heap() as heap, expect_errno(EINVAL):
        heap.allocate(PAGE, fd=1)


@check
def close_on_exec_is_as_asked() -> None:
    with Heap() as heap:
        with heap.allocate(PAGE, os.O_RDWR | os.O_CLOEXEC) as buffer:
            expect(buffer.closes_on_exec(), "O_CLOEXEC was given, FD_CLOEXEC is clear")
        with heap.allocate(PAGE, os.O_RDWR) as buffer:
            expect(not buffer.closes_on_exec(), "O_CLOEXEC was not given, FD_CLOEXEC is set")


@check
def read_only_buffer_cannot_be_mapped_for_writing() -> None:
    with Heap() as heap, heap.allocate(PAGE, os.O_RDONLY | os.O_CLOEXEC) as buffer:
        with expect_errno(EACCES):
            buffer.map(PAGE)
        with buffer.map(PAGE, prot=mmap.PROT_READ) as view:
            expect_equal("buffer", view[:], bytes(PAGE))


@check
def import_into_vgem_and_cpu_access() -> None:
    """With a device attached, begin and end of CPU access sync its mapping; contents stay."""
    size = 4 * PAGE  # one segment per page at most: larger ones trip DMA_API_DEBUG on vgem in unpatched 6.12
    with Heap() as heap, heap.allocate(size) as buffer, vgem() as card, buffer.map(size) as view:
        handle = card.import_fd(buffer.fileno())
        buffer.sync(uapi.DMA_BUF_SYNC_START | uapi.DMA_BUF_SYNC_RW)
        view[:] = b"\x5a" * size
        buffer.sync(uapi.DMA_BUF_SYNC_END | uapi.DMA_BUF_SYNC_RW)
        with card.export(handle) as again, again.map(size) as other:
            expect_equal("re-exported buffer", again.inode(), buffer.inode())
            expect_equal("contents", other[:], b"\x5a" * size)
        card.close_handle(handle)


@check
def cpu_access_while_importers_come_and_go() -> None:
    """Begin and end go through the list of attachments, which is another one each time.

    One importer at a time: DMA_API_DEBUG takes two mappings of one page for a mistake.
    """
    begin, end = uapi.DMA_BUF_SYNC_START | uapi.DMA_BUF_SYNC_RW, uapi.DMA_BUF_SYNC_END | uapi.DMA_BUF_SYNC_RW
    with Heap() as heap, heap.allocate(2 * PAGE) as buffer, buffer.map(2 * PAGE) as view:
        for number in range(3):
            buffer.sync(begin)
            with vgem() as card:
                card.import_fd(buffer.fileno())
                view[number] = number + 1
                buffer.sync(end)
                buffer.sync(begin)
            buffer.sync(end)
        expect_equal("first bytes", view[:3], b"\1\2\3")


@check
def larger_argument_is_taken() -> None:
    """A newer program has a longer struct: what this kernel does not know is left as it is (``dma_heap_ioctl``)."""
    layout, more = uapi.dma_heap_allocation_data, 8
    for extra in (more, 1024):
        argument = layout.pack(len=PAGE, fd_flags=os.O_RDWR | os.O_CLOEXEC) + b"\xa5" * extra
        with Heap() as heap:
            heap.ioctl(uapi.DMA_HEAP_IOCTL_ALLOC + (extra << 16), argument)
            with DmaBuf(layout.number(argument, "fd")) as buffer:
                expect_equal("size", buffer.size(), PAGE)
            expect_equal("what comes after the struct", bytes(argument[layout.size :]), b"\xa5" * extra)


@check
def unknown_ioctl_is_refused() -> None:
    """EINVAL for a number the heap does not know (dma_heap_ioctl), where others say ENOTTY."""
    with Heap() as heap, expect_errno(EINVAL, ENOTTY):
        heap.ioctl(uapi.DMA_HEAP_IOCTL_ALLOC + 1, uapi.dma_heap_allocation_data.pack(len=PAGE))


@check
def bad_address_is_refused() -> None:
    with Heap() as heap, expect_errno(EFAULT):
        heap.ioctl(uapi.DMA_HEAP_IOCTL_ALLOC, 0)


@check
def allocation_that_cannot_answer_leaves_nothing() -> None:
    """The descriptor has nowhere to be written: there is none, and no buffer."""
    argument = bytes(uapi.dma_heap_allocation_data.pack(len=PAGE, fd_flags=os.O_RDWR | os.O_CLOEXEC))
    with Heap() as heap, Window(argument, writable=False) as constant, expect_errno(EFAULT):
        heap.ioctl(uapi.DMA_HEAP_IOCTL_ALLOC, constant.address)
