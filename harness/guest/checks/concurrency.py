# SPDX-License-Identifier: GPL-2.0-only
"""Many threads at once on the same buffers and on different ones: nothing is lost, mixed up or left behind.

What goes wrong in a race is seen by the oracle, by lockdep, and in contents and errors that cannot be. Each check runs
a fixed number of rounds from a fixed seed (harness/guest/threads.py), so every run does the same, as far as threads do.
"""

from __future__ import annotations

import _thread
import os
from errno import EBUSY, EINVAL, ENOENT

from harness.guest import uapi
from harness.guest.kernel import PAGE, READABLE, WRITABLE, DmaBuf, Drm, Heap, Memfd, Udmabuf, bufinfo, udmabuf, vgem
from harness.guest.registry import Group, absent_is_skipped, errno_name, expect, expect_equal, measurement
from harness.guest.threads import ROUNDS, THREADS, Chance, in_threads, may_fail, together
from harness.guest.waiting import await_fcntl

check = Group("concurrency")

_ANY = READABLE | WRITABLE
_BEGIN = uapi.DMA_BUF_SYNC_START | uapi.DMA_BUF_SYNC_RW
_END = uapi.DMA_BUF_SYNC_END | uapi.DMA_BUF_SYNC_RW


def _use(buffer: DmaBuf, mark: bytes, size: int) -> None:
    """Write ``mark`` through one mapping, read it through another: nobody else has this buffer."""
    with buffer.map(size) as view, buffer.map(size) as other:
        buffer.sync(_BEGIN)
        view[:8], view[-8:] = mark, mark
        buffer.sync(_END)
        expect_equal("first and last bytes", other[:8] + other[-8:], mark + mark)


# --- buffers of their own ---------------------------------------------------------------------


@check
def udmabufs_are_made_used_and_closed() -> None:
    """Each thread has its own memfds and buffers, on one device."""
    with Udmabuf() as device:

        def work(number: int, chance: Chance) -> None:
            size = PAGE * (1 + chance.below(8))
            with Memfd(size) as memfd, device.create(memfd.fileno(), size) as buffer:
                _use(buffer, b"thread %d" % number, size)

        in_threads(work)


@check
def heap_buffers_are_made_used_and_closed() -> None:
    with Heap() as heap:

        def work(number: int, chance: Chance) -> None:
            size = PAGE * (1 + chance.below(40))
            with heap.allocate(size) as buffer:
                _use(buffer, b"thread %d" % number, size)

        in_threads(work)


@check
def buffers_of_one_memfd_are_made_and_closed() -> None:
    """The memfd's pages are pinned and unpinned from all sides; in the end none is."""
    with Udmabuf() as device, Memfd(16 * PAGE) as memfd:

        def work(_number: int, chance: Chance) -> None:
            first = chance.below(16)
            pages = 1 + chance.below(16 - first)
            with device.create(memfd.fileno(), pages * PAGE, first * PAGE) as buffer:
                expect_equal("size", buffer.size(), pages * PAGE)

        in_threads(work)
        memfd.seal(uapi.F_SEAL_WRITE)


class _WriteSeal:
    """F_SEAL_WRITE being added to a memfd in a thread of its own."""

    def __init__(self, memfd: Memfd) -> None:
        self._memfd = memfd
        self._thread = 0
        self._begun = _thread.allocate_lock()
        self._begun.acquire()
        self.end: list[str] = []

    def add(self) -> None:
        self._thread = _thread.get_native_id()
        self._begun.release()
        try:
            self._memfd.seal(uapi.F_SEAL_WRITE)
            self.end.append("sealed")
        except OSError as error:
            self.end.append(errno_name(error.errno or 0))

    def is_waiting(self) -> bool:
        """Return when it waits for pinned pages: True, or False if it came to its end without."""
        with self._begun:
            return await_fcntl(self._thread, lambda: bool(self.end))


def _sealed_while_created(device: Udmabuf, memfd: Memfd) -> str:
    """Make a buffer of a page while the seal waits for another page, which is then let go. Tells how the seal ended."""
    seal = _WriteSeal(memfd)
    pinned = device.create(memfd.fileno(), PAGE)

    def create() -> None:
        seal.is_waiting()
        try:
            made.append(device.create(memfd.fileno(), PAGE, PAGE))
        except OSError as error:
            expect_equal("errno", error.errno, EINVAL)
        pinned.close()

    made: list[DmaBuf] = []
    together(seal.add, create)
    for buffer in made:
        buffer.close()
    expect(not made or seal.end != ["sealed"], "pages of a memfd that is sealed against writing are in a buffer")
    return seal.end[0]


@check
def memfd_is_sealed_or_made_a_buffer() -> None:
    """F_SEAL_WRITE waits for pages that are pinned; what is pinned meanwhile must not be overlooked."""
    with Udmabuf() as device:
        ends = []
        for _ in range(3):
            with Memfd(2 * PAGE) as memfd:
                ends.append(_sealed_while_created(device, memfd))
    measurement(f"the seal ended with {' '.join(ends)}")


@check
def dumb_buffers_are_exported_and_closed() -> None:
    """On one card: handles, exports and closes of different objects at once."""
    with vgem() as card:

        def work(number: int, _chance: Chance) -> None:
            dumb = card.create_dumb(width=32, height=32)
            with card.export(dumb.handle) as buffer:
                card.close_handle(dumb.handle)
                _use(buffer, b"thread %d" % number, dumb.size)

        in_threads(work)


# --- a buffer in common -----------------------------------------------------------------------


@check
def many_cards_import_one_buffer() -> None:
    """Attachments come and go from all sides while the CPU has access."""
    with udmabuf() as buffer, vgem():
        # Once alone: begin_cpu_udmabuf() makes its scatter list without a lock, and two threads would make two.
        buffer.sync(_BEGIN)
        buffer.sync(_END)

        def work(_number: int, _chance: Chance) -> None:
            with vgem() as card:
                handle = card.import_fd(buffer.fileno())
                buffer.sync(_BEGIN)
                with card.export(handle) as again:
                    expect_equal("re-exported buffer", again.inode(), buffer.inode())
                buffer.sync(_END)
                card.close_handle(handle)

        in_threads(work)


@check
def one_card_imports_one_buffer_many_times() -> None:
    """The handle is made, found, given out and closed at once: who comes too late is told so (ENOENT, EINVAL)."""
    with udmabuf() as buffer, vgem() as card:

        def work(_number: int, _chance: Chance) -> None:
            handle = card.import_fd(buffer.fileno())
            with may_fail(ENOENT), card.export(handle) as again:
                expect_equal("re-exported buffer", again.inode(), buffer.inode())
            with may_fail(EINVAL):
                card.close_handle(handle)

        in_threads(work)


def _inodes_of_exports(card: Drm, handle: int) -> set[int]:
    found: set[int] = set()

    def export() -> None:
        with card.export(handle) as buffer:
            found.add(buffer.inode())

    together(*[export] * THREADS)
    return found


@check
def one_handle_is_exported_from_all_sides() -> None:
    """All get the same dma-buf: the first export makes it, the others find it."""
    with vgem() as card:
        for _ in range(ROUNDS):
            handle = card.create_dumb().handle
            expect_equal("different dma-bufs", len(_inodes_of_exports(card, handle)), 1)
            card.close_handle(handle)
    measurement(f"{THREADS} threads, {ROUNDS} rounds")


@check
def fences_are_attached_and_signalled_from_all_sides() -> None:
    """A writer is alone; whoever finds the buffer busy is told so, and in the end it is ready."""
    with udmabuf() as buffer:
        cards = [vgem() for _ in range(THREADS)]
        handles = [card.import_fd(buffer.fileno()) for card in cards]

        def work(number: int, chance: Chance) -> None:
            flags = uapi.VGEM_FENCE_WRITE * chance.below(2)
            with may_fail(EBUSY):
                fence = cards[number].attach_fence(handles[number], flags)
                expect(buffer.poll(WRITABLE) == 0, "a buffer with a pending fence is ready for writing")
                cards[number].signal_fence(fence)

        try:
            in_threads(work)
            expect_equal("ready events", buffer.poll(_ANY, 5), _ANY)
        finally:
            for card in cards:
                card.close()


@check
def names_are_set_and_read_at_once() -> None:
    """A reader sees one of the names that were given, whole."""
    with udmabuf() as buffer:
        names = [bytes([ord("a") + number]) * (1 + 7 * number) for number in range(THREADS)]
        with absent_is_skipped("DMA_BUF_SET_NAME"):
            buffer.set_name(names[0])

        def work(number: int, _chance: Chance) -> None:
            buffer.set_name(names[number])
            told = buffer.info().get("name", "").encode()
            expect(told in names, f"fdinfo shows the name {told!r}, which nobody gave")
            link = os.readlink(f"/proc/self/fd/{buffer.fileno()}").rpartition(":")[2].encode()  # noqa: PTH115
            expect(link in names, f"the link in /proc/self/fd shows the name {link!r}, which nobody gave")

        in_threads(work)


@check
def bufinfo_is_read_while_buffers_come_and_go() -> None:
    """The list can be read to its end at any moment."""
    with udmabuf(), vgem() as card:

        def work(number: int, _chance: Chance) -> None:
            if number == 0:
                text = bufinfo()
                expect(text is None or "\nTotal " in text, "bufinfo ends before its sums")
                return
            with udmabuf() as buffer:
                card.close_handle(card.import_fd(buffer.fileno()))

        in_threads(work)


# --- everything -------------------------------------------------------------------------------


def _do(act: int, buffer: DmaBuf, card: Drm) -> None:
    """Something with a buffer that other threads may have imported, but none has in its hands."""
    if act == 0:
        _use(buffer, b"anything", buffer.size())
    elif act == 1:
        card.import_fd(buffer.fileno())
    elif act == 2:
        handle = card.import_fd(buffer.fileno())
        with may_fail(EBUSY):
            card.signal_fence(card.attach_fence(handle, uapi.VGEM_FENCE_WRITE))
        card.close_handle(handle)
    elif act == 3:
        buffer.poll(_ANY)
        expect_equal("exp_name in fdinfo", buffer.info().get("exp_name"), "udmabuf")


@check
def everything_at_once() -> None:
    """Buffers wander from thread to thread: made, imported, fenced, mapped, polled and closed, as chance has it."""
    with udmabuf(), vgem() as card:
        waiting: list[DmaBuf] = []

        def work(_number: int, chance: Chance) -> None:
            try:
                buffer = waiting.pop(0)
            except IndexError:
                buffer = udmabuf((1 + chance.below(8)) * PAGE)
            act = chance.below(6)
            if act > 3:
                buffer.close()
                return
            _do(act, buffer, card)
            waiting.append(buffer)

        try:
            in_threads(work, rounds=3 * ROUNDS)
        finally:
            for buffer in waiting:
                buffer.close()
