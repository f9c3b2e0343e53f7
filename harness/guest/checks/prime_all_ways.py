# SPDX-License-Identifier: GPL-2.0-only
"""PRIME between drivers that are not one and the same (drivers/gpu/drm/drm_prime.c): docs/functions.md."""

from __future__ import annotations

from harness.guest import uapi
from harness.guest.kernel import PAGE, DmaBuf, Drm, Heap, udmabuf, vgem
from harness.guest.probe import Probe
from harness.guest.registry import Group, expect_equal
from harness.guest.slabs import expect_slabs_given_back
from harness.guest.syncobj import SyncNode

check = Group("prime")

_PATTERN = b"shared " * 4
_ROUNDS = 24  # enough to be told from what others allocate meanwhile


def _dumb(node: Drm) -> DmaBuf:
    """A buffer of ``node`` without a handle."""
    handle = node.create_dumb(PAGE // 4, 1).handle
    buffer = node.export(handle)
    node.close_handle(handle)
    return buffer


def _imported(node: Drm, buffer: DmaBuf) -> int:
    """The one handle of ``buffer`` in ``node``, whose buffer it is."""
    handle = node.import_fd(buffer.fileno())
    expect_equal("the handle, when it is imported again", node.import_fd(buffer.fileno()), handle)
    with node.export(handle) as again:
        expect_equal("the inode of what is exported again", again.inode(), buffer.inode())
    return handle


def _import_costs_nothing(node: Drm, buffer: DmaBuf) -> None:
    def import_and_close() -> None:
        node.close_handle(node.import_fd(buffer.fileno()))

    with buffer:
        expect_slabs_given_back(import_and_close, _ROUNDS)


def _expect_shared(node: Drm, buffer: DmaBuf) -> None:
    """An import keeps the buffer and its contents when its descriptor is closed."""
    with buffer:
        with buffer.map(PAGE) as memory:
            memory[: len(_PATTERN)] = _PATTERN
        handle = _imported(node, buffer)
    with node.export(handle) as again, again.map(PAGE) as memory:
        expect_equal("contents after the descriptor was closed", memory[: len(_PATTERN)], _PATTERN)
    node.close_handle(handle)


@check
def another_driver_imports_every_buffer() -> None:
    """Of udmabuf, the heap and vgem, by the DRM node of the module; its own come back as they are."""
    with SyncNode() as node, Heap() as heap, vgem() as other:
        for buffer in (udmabuf(), heap.allocate(PAGE), _dumb(other), _dumb(node)):
            _expect_shared(node, buffer)


@check
def vgem_imports_the_buffers_of_another_driver() -> None:
    """And the third driver what vgem has imported."""
    with SyncNode() as node, vgem() as other, SyncNode() as third:
        _expect_shared(other, _dumb(node))
        with _dumb(node) as buffer:
            handle = _imported(other, buffer)
            with other.export(handle) as passed_on:
                imported = _imported(third, passed_on)
            other.close_handle(handle)
        with third.export(imported) as again, again.map(PAGE) as memory:
            expect_equal("the first byte of the new buffer", memory[:1], b"\0")
        third.close_handle(imported)


@check
def imports_that_are_gone_cost_nothing() -> None:
    """Neither who exported the buffer nor who imported it keeps memory of some bytes, for the mapping least of all."""
    with SyncNode() as node, Heap() as heap, vgem() as other:
        for buffer in (udmabuf(), heap.allocate(PAGE), _dumb(other)):
            _import_costs_nothing(node, buffer)


@check
def another_driver_imports_what_may_move() -> None:
    """A static importer keeps a dynamic buffer in its place, and gives it back: nothing is left pinned or mapped."""
    with SyncNode() as node, Probe() as probe:
        for kind in (uapi.DMABUF_PROBE_DYNAMIC, uapi.DMABUF_PROBE_STATIC):
            with probe.export(PAGE, kind) as buffer:
                node.close_handle(_imported(node, buffer))
                state = buffer.state()
                left = (state.pins, state.mappings, state.attachments)
                expect_equal("pins, mappings and attachments that are left", left, (0, 0, 0))
