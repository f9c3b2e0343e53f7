# SPDX-License-Identifier: GPL-2.0-only
"""Calls that make something, when memory runs out: each of their allocations fails once (harness/guest/failing.py).

The call ends with ENOMEM or does without; either way nothing stays behind, and it works again afterwards.
"""

from __future__ import annotations

from errno import ENOMEM, ENOSPC

from harness.guest import uapi
from harness.guest.armed_calls import BareMapping
from harness.guest.failing import each_allocation
from harness.guest.kernel import (
    PAGE,
    READABLE,
    WRITABLE,
    Descriptor,
    DmaBuf,
    Drm,
    Heap,
    Memfd,
    SyncFile,
    Timeline,
    Udmabuf,
    udmabuf,
    vgem,
)
from harness.guest.oracle import RELEASE_LIMIT, Inventory
from harness.guest.registry import CheckFailed, Group, absent_is_skipped, expect, expect_equal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

check = Group("limits")

# ENOSPC is what shmem says when it has no inode to give (shmem_get_inode): for a new object, in 5.10 for an import too.
_NO_INODE = (ENOMEM, ENOSPC)
_WRITE = uapi.DMA_BUF_SYNC_WRITE


def _close(made: object) -> None:
    assert isinstance(made, Descriptor)
    made.close()


def survives(
    call: Callable[[], object],
    undo: Callable[[object], object] = _close,
    look: Callable[[], object] = lambda: None,
    allowed: tuple[int, ...] = (ENOMEM,),
) -> None:
    """``call`` runs out of memory at each of its allocations; the kernel's lists are as before, soon after each."""
    before = Inventory()

    def look_all_over() -> None:
        look()
        leaked = before.leaked_objects(RELEASE_LIMIT)
        expect(not leaked, "; ".join(leaked))

    each_allocation(call, undo, allowed, look_all_over)


def _expect_pending(count: int) -> Callable[[object], None]:
    """For ``survives``: what was made all the same is a sync file with ``count`` fences that are pending."""

    def close(made: object) -> None:
        assert isinstance(made, SyncFile)
        with made:
            expect_equal("states of its fences", [fence.status for fence in made.fences()], count * [0])

    return close


# --- making buffers ---------------------------------------------------------------------------


@check
def udmabuf_out_of_memory() -> None:
    with Udmabuf() as device, Memfd(3 * PAGE) as memfd:
        survives(lambda: device.create(memfd.fileno(), 3 * PAGE))


@check
def udmabuf_of_a_list_out_of_memory() -> None:
    with Udmabuf() as device, Memfd(3 * PAGE) as memfd:
        pieces = [(memfd.fileno(), 2 * PAGE, PAGE), (memfd.fileno(), 0, 2 * PAGE)]
        survives(lambda: device.create_list(pieces))


class _FreshMemfd:
    """A memfd of three pages, a new one each time: to see that nothing pins the pages of one it is write-sealed."""

    def __init__(self) -> None:
        self.now = Memfd(3 * PAGE)

    def renew(self) -> None:
        with self.now:
            try:
                self.now.seal(uapi.F_SEAL_WRITE)
            except OSError as error:
                raise CheckFailed("pages of the memfd are still pinned") from error
        self.now = Memfd(3 * PAGE)


@check
def udmabuf_out_of_memory_pins_nothing() -> None:
    """Pages that were pinned before the failure are let go, of its own piece and of those before it."""
    with Udmabuf() as device:
        memfd = _FreshMemfd()

        def create() -> DmaBuf:
            fd = memfd.now.fileno()
            return device.create_list([(fd, 2 * PAGE, PAGE), (fd, 0, 2 * PAGE)])

        try:
            survives(create, look=memfd.renew)
        finally:
            memfd.now.close()


@check
def heap_buffer_out_of_memory() -> None:
    """A buffer of blocks of two sizes."""
    with Heap() as heap:
        survives(lambda: heap.allocate((1 << 16) + 2 * PAGE))


@check
def dumb_buffer_out_of_memory() -> None:
    with vgem() as card:

        def destroy(handle: object) -> None:
            assert isinstance(handle, int)
            card.destroy_dumb(handle)

        survives(lambda: card.create_dumb().handle, destroy, allowed=_NO_INODE)


# --- sharing them -----------------------------------------------------------------------------


class _FreshHandle:
    """A handle of an own buffer, a new one each time: a second export of one finds the first."""

    def __init__(self, card: Drm) -> None:
        self._card = card
        self.now = card.create_dumb().handle

    def renew(self) -> None:
        self._card.close_handle(self.now)
        self.now = self._card.create_dumb().handle


@check
def prime_export_out_of_memory() -> None:
    """The handle stays usable: it can be closed. What was exported all the same is known by its handle."""
    with vgem() as card:
        handle = _FreshHandle(card)

        def import_and_close(made: object) -> None:
            assert isinstance(made, DmaBuf)
            with made:
                expect_equal("handle of what was exported", card.import_fd(made.fileno()), handle.now)

        survives(lambda: card.export(handle.now), import_and_close, handle.renew)


def _import_survives(buffer: DmaBuf) -> None:
    with vgem() as card:

        def close(handle: object) -> None:
            assert isinstance(handle, int)
            card.close_handle(handle)

        references = buffer.info()["count"]

        def look() -> None:
            expect_equal("count in fdinfo", buffer.info()["count"], references)

        survives(lambda: card.import_fd(buffer.fileno()), close, look, _NO_INODE)


@check
def import_of_a_udmabuf_out_of_memory() -> None:
    """No attachment and no reference stays (``drm_gem_prime_import_dev``, ``dma_buf_dynamic_attach``)."""
    with udmabuf(3 * PAGE) as buffer:
        _import_survives(buffer)


@check
def import_of_a_heap_buffer_out_of_memory() -> None:
    """No attachment and no reference stays; the exporter's own part of it fails as well."""
    with Heap() as heap, heap.allocate(3 * PAGE) as buffer:
        _import_survives(buffer)


@check
def opening_the_card_out_of_memory() -> None:
    with vgem():
        survives(vgem)


# --- using them -------------------------------------------------------------------------------


@check
def mapping_out_of_memory() -> None:
    with udmabuf(3 * PAGE) as buffer:

        def touch_and_close(view: object) -> None:
            assert isinstance(view, BareMapping)
            view[2 * PAGE] = 1
            view.close()

        survives(lambda: buffer.map_bare(3 * PAGE), touch_and_close)


@check
def cpu_access_out_of_memory() -> None:
    """udmabuf makes its scatter list when CPU access begins for the first time; a failed one is not kept."""
    buffers = [udmabuf(3 * PAGE)]
    begin, end = uapi.DMA_BUF_SYNC_START | uapi.DMA_BUF_SYNC_RW, uapi.DMA_BUF_SYNC_END | uapi.DMA_BUF_SYNC_RW

    def look() -> None:
        """The same buffer works now; the next time it is a fresh one."""
        buffers[0].sync(begin)
        buffers[0].sync(end)
        buffers[0].close()
        buffers[0] = udmabuf(3 * PAGE)

    try:
        survives(lambda: buffers[0].sync(begin), lambda _: buffers[0].sync(end), look)
    finally:
        buffers[0].close()


@check
def renaming_out_of_memory() -> None:
    """The old name stays."""
    with udmabuf() as buffer:
        with absent_is_skipped("DMA_BUF_SET_NAME"):
            buffer.set_name(b"old")
        names = ["old"]

        def rename() -> None:
            names[0] = "new"

        def look() -> None:
            expect_equal("name in fdinfo", buffer.info().get("name"), names[0])

        survives(lambda: buffer.set_name(b"new"), lambda _: rename(), look)


# --- fences -----------------------------------------------------------------------------------


@check
def vgem_fence_out_of_memory() -> None:
    """A fence that could not be attached does not block the buffer."""
    with vgem() as card, udmabuf() as buffer:
        handle = card.import_fd(buffer.fileno())

        def signal(fence: object) -> None:
            assert isinstance(fence, int)
            card.signal_fence(fence)

        def look() -> None:
            expect_equal("ready events", buffer.poll(READABLE | WRITABLE, 5), READABLE | WRITABLE)

        survives(lambda: card.attach_fence(handle), signal, look)


@check
def timeline_out_of_memory() -> None:
    with Timeline():
        survives(Timeline)


@check
def software_fence_out_of_memory() -> None:
    """The timeline goes on."""
    with Timeline() as timeline:

        def look() -> None:
            timeline.advance()
            with timeline.fence(0) as fence:
                expect_equal("status of a fence in the past", fence.status(), 1)

        survives(lambda: timeline.fence(0x7FFFFFF0), _expect_pending(1), look)


@check
def merge_out_of_memory() -> None:
    """The parts stay as they were."""
    with Timeline() as first, Timeline() as second, first.fence(1) as one, second.fence(1) as two:

        def look() -> None:
            expect_equal("statuses", [one.status(), two.status()], [0, 0])

        survives(lambda: one.merge(two.fileno()), look=look)
        first.advance()
        expect_equal("statuses", [one.status(), two.status()], [1, 0])


@check
def merge_of_signalled_fences_out_of_memory() -> None:
    """Nothing is pending, so that the merge is a fence of its own, which needs memory as well."""
    with Timeline() as first, Timeline() as second, first.fence(1) as one, second.fence(1) as two:
        first.advance()
        second.advance()

        def look() -> None:
            expect_equal("statuses", [one.status(), two.status()], [1, 1])

        survives(lambda: one.merge(two.fileno()), look=look)


@check
def info_out_of_memory() -> None:
    """A description of two fences is told in full or not at all."""

    def described(fences: object) -> None:
        assert isinstance(fences, list)
        expect_equal("fences", len(fences), 2)

    with (
        Timeline() as first,
        Timeline() as second,
        first.fence(1) as one,
        second.fence(1) as two,
        one.merge(two.fileno()) as both,
    ):
        survives(both.fences, described)


def _two_readers(buffer: DmaBuf, first: SyncFile, second: SyncFile) -> None:
    with absent_is_skipped("DMA_BUF_IOCTL_IMPORT_SYNC_FILE"):
        for fence in (first, second):
            buffer.import_sync_file(uapi.DMA_BUF_SYNC_READ, fence.fileno())


@check
def export_of_fences_out_of_memory() -> None:
    """Of two fences, which need an array. What is exported all the same has both."""
    with udmabuf() as buffer, Timeline() as first, Timeline() as second, first.fence(1) as one, second.fence(1) as two:
        _two_readers(buffer, one, two)
        survives(lambda: buffer.export_sync_file(_WRITE), _expect_pending(2))
        first.advance()
        second.advance()
        expect_equal("ready events", buffer.poll(WRITABLE, 5), WRITABLE)


class _FreshBuffer:
    """A buffer without fences, a new one each time."""

    def __init__(self) -> None:
        self.now = udmabuf()

    def renew(self) -> None:
        self.now.close()
        self.now = udmabuf()


@check
def import_of_fences_out_of_memory() -> None:
    """All of them are on the buffer, or none."""
    with Timeline() as first, Timeline() as second, first.fence(1) as one, second.fence(1) as two:
        buffer = _FreshBuffer()

        def fences() -> int:
            with buffer.now.export_sync_file(_WRITE) as exported:
                return sum(fence.status == 0 for fence in exported.fences())

        def look() -> None:
            expect(fences() in (0, 2), f"{fences()} of 2 fences were added")
            buffer.renew()

        try:
            with absent_is_skipped("DMA_BUF_IOCTL_IMPORT_SYNC_FILE"), one.merge(two.fileno()) as both:
                buffer.now.import_sync_file(_WRITE, both.fileno())
                buffer.renew()
                survives(
                    lambda: buffer.now.import_sync_file(_WRITE, both.fileno()),
                    lambda _: expect_equal("fences", fences(), 2),
                    look,
                )
        finally:
            buffer.now.close()
