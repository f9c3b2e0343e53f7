# SPDX-License-Identifier: GPL-2.0-only
"""Rows 24 and 18 of the contract: who holds the reservation lock when, and that the kernel reports a caller without it.

Row 18 needs lockdep. A warning of dma_resv_assert_held() does not turn it off.
"""

from __future__ import annotations

from harness.guest import uapi
from harness.guest.checks.contract import DYNAMIC, SIZE, STATIC, D, Expected, S, calls, check
from harness.guest.probe import Attachment, Buffer, Probe
from harness.guest.registry import does_not_apply, expect_equal, skip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_UNLOCKED = uapi.DMABUF_PROBE_UNLOCKED


@check
def row_24_callbacks_find_the_lock_as_promised() -> None:
    """Held in pin, unpin, map, unmap and the importer's callback; free in attach, detach and release."""
    with Probe() as probe:
        expected = Expected(probe)
        for kind, exporter in expected.pairs():
            with probe.export(SIZE, exporter) as buffer:
                with calls(buffer, exporter, *expected.attach(kind, exporter)):
                    importer = buffer.attach(kind)
                with calls(buffer, exporter, *expected.map(kind, exporter)):
                    mapping = importer.map()
                with calls(buffer, exporter, *expected.unmap(kind, exporter)):
                    mapping.unmap()
                with calls(buffer, exporter, *expected.detach(kind, exporter)):
                    importer.detach()
                with calls(buffer, exporter, "release"):
                    buffer.close()


# --- row 18: without the lock -----------------------------------------------------------------


def _unlocked(act: Callable[[Buffer, Attachment], None], exporter: int = DYNAMIC, kind: int = D) -> None:
    """Let an importer of a buffer do ``act`` on a kernel that watches."""
    with Probe() as probe:
        if not probe.features & uapi.DMABUF_PROBE_HAS_LOCKDEP:
            skip("nobody watches: needs CONFIG_PROVE_LOCKING, and no lockdep report before")
        with probe.export(SIZE, exporter) as buffer, buffer.attach(kind) as importer:
            act(buffer, importer)


def _map(_buffer: Buffer, importer: Attachment) -> None:
    importer.map(flags=_UNLOCKED).unmap()


def _unmap(_buffer: Buffer, importer: Attachment) -> None:
    importer.map().unmap(_UNLOCKED)


# Where a mapping is a pin, unmap also meets the assertion of dma_buf_unpin(), and on 5.10 map that of dma_buf_pin().
@check.provokes("dma_buf_map_attachment", "dma_buf_pin")
def row_18_map_of_a_dynamic_buffer_needs_the_lock() -> None:
    _unlocked(_map)


@check.provokes("dma_buf_unmap_attachment", "dma_buf_unpin")
def row_18_unmap_of_a_dynamic_buffer_needs_the_lock() -> None:
    _unlocked(_unmap)


@check.provokes("dma_buf_map_attachment")
def row_18_map_by_a_dynamic_importer_needs_the_lock() -> None:
    """Of a static buffer too: the importer's side decides."""
    _unlocked(_map, STATIC)


@check.provokes("dma_buf_unmap_attachment")
def row_18_unmap_by_a_dynamic_importer_needs_the_lock() -> None:
    _unlocked(_unmap, STATIC)


def _needs_locked_maps() -> None:
    with Probe() as probe:
        if not probe.features & uapi.DMABUF_PROBE_HAS_LOCKED_MAPS:
            does_not_apply("this API lets static importers map without the lock")


@check.provokes("dma_buf_map_attachment")
def row_18_map_by_a_static_importer_needs_the_lock() -> None:
    _needs_locked_maps()
    _unlocked(_map, STATIC, S)


@check.provokes("dma_buf_unmap_attachment")
def row_18_unmap_by_a_static_importer_needs_the_lock() -> None:
    _needs_locked_maps()
    _unlocked(_unmap, STATIC, S)


@check.provokes("dma_buf_pin")
def row_18_pin_needs_the_lock() -> None:
    """The exporter notices, too."""

    def act(buffer: Buffer, importer: Attachment) -> None:
        importer.pin(_UNLOCKED)
        expect_equal("pins without the lock", buffer.state().unlocked["pin"], 1)
        importer.unpin()

    _unlocked(act)


@check.provokes("dma_buf_unpin")
def row_18_unpin_needs_the_lock() -> None:
    def act(buffer: Buffer, importer: Attachment) -> None:
        importer.pin()
        importer.unpin(_UNLOCKED)
        expect_equal("unpins without the lock", buffer.state().unlocked["unpin"], 1)

    _unlocked(act)


@check.provokes("dma_buf_move_notify", "dma_buf_invalidate_mappings")
def row_18_notification_needs_the_lock() -> None:
    """The importer notices, too."""

    def act(buffer: Buffer, importer: Attachment) -> None:
        buffer.move(_UNLOCKED)
        expect_equal("notifications without the lock", importer.state().unlocked["notify"], 1)

    _unlocked(act)
