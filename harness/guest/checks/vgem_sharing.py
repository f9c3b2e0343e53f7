# SPDX-License-Identifier: GPL-2.0-only
"""vgem as an importer of others' buffers, and in which order things may be closed (drm_prime.c, dma-buf.c)."""

from __future__ import annotations

import mmap

from harness.guest import uapi
from harness.guest.kernel import PAGE, READABLE, WRITABLE, DmaBuf, Drm, Heap, Memfd, Udmabuf, udmabuf, vgem
from harness.guest.memory import expect_freed
from harness.guest.registry import Group, expect_equal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

check = Group("vgem")

_ANY = READABLE | WRITABLE
_ORDERS = ("hbc", "hcb", "bhc", "bch", "chb", "cbh")  # handle, buffer, card


# --- buffers of others ------------------------------------------------------------------------


def _imports(buffer: DmaBuf) -> None:
    """vgem gives back the same buffer with its contents, and a device's fence reaches it."""
    with vgem() as card, buffer.map(PAGE) as view:
        view[:4] = b"here"
        handle = card.import_fd(buffer.fileno())
        with card.export(handle) as again, again.map(PAGE) as other:
            expect_equal("re-exported buffer", again.inode(), buffer.inode())
            expect_equal("first bytes", other[:4], b"here")
            other[:5] = b"there"
        expect_equal("first bytes", view[:5], b"there")
        fence = card.attach_fence(handle, uapi.VGEM_FENCE_WRITE)
        expect_equal("ready events while a device writes", buffer.poll(_ANY), 0)
        card.signal_fence(fence)
        expect_equal("ready events", buffer.poll(_ANY, 5), _ANY)


@check
def imports_a_udmabuf() -> None:
    with udmabuf(2 * PAGE) as buffer:
        _imports(buffer)


@check
def imports_a_buffer_of_the_heap() -> None:
    with Heap() as heap, heap.allocate(2 * PAGE) as buffer:
        _imports(buffer)


@check
def imports_a_list_of_pieces() -> None:
    """A buffer that is scattered in memory, with pieces that appear twice."""
    with Udmabuf() as device, Memfd(16 * PAGE) as memfd:
        pieces = [(memfd.fileno(), page * PAGE, PAGE) for page in (15, 0, 3, 3, 8, 1)]
        with device.create_list(pieces) as buffer:
            _imports(buffer)


@check
def holds_many_imports() -> None:
    """Thirty buffers have thirty handles; each leads back to its own, in whatever order they are looked up."""
    buffers: list[DmaBuf] = []
    with vgem() as card:
        try:
            for _ in range(30):
                buffers.append(udmabuf())
            handles = [card.import_fd(buffer.fileno()) for buffer in buffers]
            expect_equal("different handles", len(set(handles)), len(buffers))
            for at in [*range(1, 30, 2), *range(28, -1, -2)]:
                with card.export(handles[at]) as again:
                    expect_equal(f"buffer behind handle {handles[at]}", again.inode(), buffers[at].inode())
                card.close_handle(handles[at])
        finally:
            for buffer in buffers:
                buffer.close()


@check
def several_importers_share_a_buffer() -> None:
    """Each has its own attachment; CPU access and the contents survive the going of any of them."""
    with udmabuf() as buffer, vgem() as one, vgem() as two, buffer.map(PAGE) as view:
        for card in (one, two):
            card.import_fd(buffer.fileno())
        for card in (one, two):
            buffer.sync(uapi.DMA_BUF_SYNC_START | uapi.DMA_BUF_SYNC_RW)
            view[0] += 1
            buffer.sync(uapi.DMA_BUF_SYNC_END | uapi.DMA_BUF_SYNC_RW)
            card.close()
        expect_equal("first byte", view[0], 2)


# --- closing ----------------------------------------------------------------------------------


def _closed_in_every_order(make: Callable[[Drm], tuple[int, DmaBuf]]) -> None:
    """Contents are there as long as the buffer is open, whatever else was closed; nothing is left at the end."""
    for order in _ORDERS:
        with vgem() as card:
            handle, buffer = make(card)
            with buffer:
                with buffer.map(PAGE) as view:
                    view[:4] = b"kept"
                for what in order:
                    _close(what, card, handle, buffer)


def _close(what: str, card: Drm, handle: int, buffer: DmaBuf) -> None:
    if what == "b":
        buffer.close()
    elif what == "c":
        card.close()
    elif card.fileno() >= 0:  # a card that is closed has closed its handles
        card.close_handle(handle)
    if buffer.fileno() >= 0:
        with buffer.map(PAGE) as view:
            expect_equal(f"first bytes after closing {what}", view[:4], b"kept")


@check
def own_buffer_is_closed_in_every_order() -> None:
    """Handle, dma-buf and card of an exported buffer."""

    def exported(card: Drm) -> tuple[int, DmaBuf]:
        handle = card.create_dumb().handle
        return handle, card.export(handle)

    _closed_in_every_order(exported)


@check
def imported_buffer_is_closed_in_every_order() -> None:
    """Handle, dma-buf and card of an import."""

    def imported(card: Drm) -> tuple[int, DmaBuf]:
        buffer = udmabuf()
        return card.import_fd(buffer.fileno()), buffer

    _closed_in_every_order(imported)


@check
def mapping_is_closed_last() -> None:
    """A mapping of the node and one of the dma-buf outlive handle, buffer and card."""
    with vgem() as card:
        dumb = card.create_dumb()
        own = mmap.mmap(card.fileno(), dumb.size, offset=card.dumb_offset(dumb.handle))
        with own, card.export(dumb.handle) as buffer, buffer.map(dumb.size) as view:
            own[:4] = b"kept"
            card.close_handle(dumb.handle)
            buffer.close()
            card.close()
            expect_equal("first bytes", view[:4], b"kept")
            view[-4:] = b"last"
            expect_equal("last bytes through the node", own[-4:], b"last")


@check
def memory_of_dumb_buffers_comes_back() -> None:
    """Of 16 MiB that were exported, mapped and closed in different orders nothing stays."""
    size = 2 << 20

    def share_and_close() -> None:
        for order in (*_ORDERS, "hbc", "cbh"):
            with vgem() as card:
                dumb = card.create_dumb(1024, size >> 12, 32)
                with card.export(dumb.handle) as buffer, buffer.map(size) as view:
                    for page in range(0, size, PAGE):
                        view[page] = 1
                    view[:4] = b"kept"
                    for what in order:
                        _close(what, card, dumb.handle, buffer)

    expect_freed(share_and_close, 4 * size)
