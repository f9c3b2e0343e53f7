# SPDX-License-Identifier: GPL-2.0-only
"""Rows 12, 13, 14, 16 and 21 of the contract: a callback that fails is told as it is, what came before it is undone."""

from __future__ import annotations

from errno import EAGAIN, EINVAL, EIO, ENOMEM, ENOSPC

from harness.guest import uapi
from harness.guest.checks.contract import (
    CACHING,
    DEAF,
    DYNAMIC,
    SIZE,
    D,
    Expected,
    S,
    calls,
    check,
    expect_balance,
    expect_moves,
    expect_notified,
)
from harness.guest.probe import FROM_DEVICE, TO_DEVICE, Probe
from harness.guest.registry import does_not_apply, errno_name, expect_errno

# Not EBUSY: 7.x warns of an exporter that refuses to pin a buffer so (dma_buf_map_attachment()).
ERRORS = (ENOMEM, ENOSPC, EAGAIN, EIO)


# --- row 12: pin fails while a mapping is made ------------------------------------------------


def _who_pins(expected: Expected) -> list[int]:
    """The importers for whose mappings a dynamic buffer is pinned as it is mapped."""
    found = [kind for kind in (S, D, DEAF) if expected.accepts(kind) and expected.pins_on_map(kind, DYNAMIC)]
    if not found:
        does_not_apply("this kernel pins for no importer as it maps")
    return found


@check
def row_12_failed_pin_fails_the_map() -> None:
    """With its own error, and the exporter is not asked to map."""
    with Probe() as probe, probe.export(SIZE) as buffer:
        for kind in _who_pins(Expected(probe)):
            with buffer.attach(kind) as importer:
                for error in ERRORS:
                    buffer.fail(uapi.DMABUF_PROBE_ON_PIN, error)
                    with calls(buffer, DYNAMIC, f"pin:{errno_name(error)}"), expect_errno(error):
                        importer.map()
                    expect_balance(buffer, attachments=1)


@check
def row_12_failed_pin_leaves_the_other_mapping_alone() -> None:
    """The second map of an importer fails; the first one's pin stays, and a third map is as the first was."""
    with Probe() as probe, probe.export(SIZE) as buffer:
        expected = Expected(probe)
        for kind in _who_pins(expected):
            with buffer.attach(kind) as importer, importer.map():
                buffer.fail(uapi.DMABUF_PROBE_ON_PIN, ENOSPC)
                with expect_errno(ENOSPC):
                    importer.map()
                expect_balance(buffer, pins=1, mappings=1, attachments=1)
                with calls(buffer, DYNAMIC, *expected.map(kind, DYNAMIC)):
                    third = importer.map()
                expect_balance(buffer, pins=2, mappings=2, attachments=1)
                third.unmap()


# --- row 13: map fails ------------------------------------------------------------------------


@check
def row_13_failed_map_is_undone() -> None:
    """With its own error; a pin that was taken for it is given back, and the next map works."""
    with Probe() as probe:
        expected = Expected(probe)
        for kind, exporter in expected.pairs():
            if expected.maps_on_attach(kind, exporter):
                continue
            before = expected.map(kind, exporter)[:-1]
            after = ["unpin"] if before else []
            with probe.export(SIZE, exporter) as buffer, buffer.attach(kind) as importer:
                for error in ERRORS:
                    buffer.fail(uapi.DMABUF_PROBE_ON_MAP, error)
                    wanted = [*before, f"map:{errno_name(error)}", *after]
                    with calls(buffer, exporter, *wanted), expect_errno(error):
                        importer.map()
                    expect_balance(buffer, attachments=1)
                with calls(buffer, exporter, *expected.map(kind, exporter)):
                    mapping = importer.map()
                mapping.unmap()


@check
def row_13_failed_map_leaves_the_other_mapping_alone() -> None:
    """Its contents can still be read, and its pin is still there if it has one."""
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as importer, importer.map() as mapping:
        pins = int(Expected(probe).pins_on_map(D, DYNAMIC))
        buffer.fail(uapi.DMABUF_PROBE_ON_MAP, ENOSPC)
        with expect_errno(ENOSPC):
            importer.map()
        expect_balance(buffer, pins, mappings=1, attachments=1)
        mapping.write(bytes([0x33]) * SIZE)


@check
def row_13_failed_map_during_attach_is_undone() -> None:
    """Attach fails with its error: unpinned, detached, and the next importer is welcome."""
    with Probe() as probe:
        expected = Expected(probe)
        pairs = [pair for pair in expected.pairs() if expected.maps_on_attach(*pair)]
        if not pairs:
            does_not_apply("this API never maps on attach")
        for kind, exporter in pairs:
            before = expected.attach(kind, exporter)[:-1]
            after = ["unpin", "detach"] if "pin" in before else ["detach"]
            with probe.export(SIZE, exporter) as buffer:
                for error in ERRORS:
                    buffer.fail(uapi.DMABUF_PROBE_ON_MAP, error)
                    wanted = [*before, f"map:{errno_name(error)}", *after]
                    with calls(buffer, exporter, *wanted), expect_errno(error):
                        buffer.attach(kind)
                    expect_balance(buffer)
                with buffer.attach(kind), buffer.attach(kind):
                    expect_balance(buffer, 2 * before.count("pin"), mappings=2, attachments=2)


@check
def row_13_failed_map_is_not_kept() -> None:
    """Of an exporter whose mappings are kept: the next map is asked for again, in any direction."""
    with Probe() as probe:
        if not Expected(probe).caches:
            does_not_apply("this API keeps no mapping")
        with probe.export(SIZE, CACHING) as buffer, buffer.attach(S) as importer:
            buffer.fail(uapi.DMABUF_PROBE_ON_MAP, ENOSPC)
            with expect_errno(ENOSPC):
                importer.map(TO_DEVICE)
            with calls(buffer, CACHING, "map"):
                mapping = importer.map(FROM_DEVICE)
            mapping.unmap()


# --- row 14: pin fails while a static importer attaches ---------------------------------------


@check
def row_14_failed_pin_fails_the_attach() -> None:
    """With its own error; the exporter is not asked to map, and sees the attachment go."""
    with Probe() as probe, probe.export(SIZE) as buffer:
        if not Expected(probe).maps_on_attach(S, DYNAMIC):
            does_not_apply("this API never pins on attach")
        for error in ERRORS:
            buffer.fail(uapi.DMABUF_PROBE_ON_PIN, error)
            with calls(buffer, DYNAMIC, "attach", f"pin:{errno_name(error)}", "detach"), expect_errno(error):
                buffer.attach(S)
            expect_balance(buffer)
        with buffer.attach(S):
            expect_balance(buffer, pins=1, mappings=1, attachments=1)


@check
def row_14_failed_attach_leaves_no_importer_behind() -> None:
    """Those before and after it hear of moves, and the list between them is whole."""
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as first:
        if not Expected(probe).maps_on_attach(S, DYNAMIC):
            does_not_apply("this API never pins on attach")
        buffer.fail(uapi.DMABUF_PROBE_ON_PIN, ENOSPC)
        with expect_errno(ENOSPC):
            buffer.attach(S)
        with buffer.attach(D) as last:
            expect_moves(buffer, "notify", "notify")
            expect_notified("the importer before", first, 1)
            expect_notified("the importer after", last, 1)


# --- row 21: the exporter's attach fails ------------------------------------------------------


@check
def row_21_failed_attach_callback_fails_the_attach() -> None:
    """With its own error, before anything else, and without a detach."""
    with Probe() as probe:
        for kind, exporter in Expected(probe).pairs():
            with probe.export(SIZE, exporter) as buffer:
                for error in ERRORS:
                    buffer.fail(uapi.DMABUF_PROBE_ON_ATTACH, error)
                    with calls(buffer, exporter, f"attach:{errno_name(error)}"), expect_errno(error):
                        buffer.attach(kind)
                    expect_balance(buffer)


@check
def row_21_refused_importer_is_not_in_the_list() -> None:
    """Those before and after it hear of moves."""
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as first:
        buffer.fail(uapi.DMABUF_PROBE_ON_ATTACH, ENOSPC)
        with expect_errno(ENOSPC):
            buffer.attach(D)
        with buffer.attach(D) as last:
            expect_moves(buffer, "notify", "notify")
            expect_notified("the importer before", first, 1)
            expect_notified("the importer after", last, 1)


# --- row 16: exporters that are no whole thing ------------------------------------------------


def _expect_export_refused(kind: int) -> None:
    with Probe() as probe, expect_errno(EINVAL):
        probe.export(SIZE, kind)


@check.provokes("dma_buf_export")
def row_16_pin_without_unpin_is_refused() -> None:
    _expect_export_refused(uapi.DMABUF_PROBE_PIN_ALONE)


@check.provokes("dma_buf_export")
def row_16_unpin_without_pin_is_refused() -> None:
    _expect_export_refused(uapi.DMABUF_PROBE_UNPIN_ALONE)


@check.provokes("dma_buf_export")
def row_16_pin_without_dynamic_mapping_is_refused() -> None:
    with Probe() as probe:
        if probe.generation != uapi.DMABUF_PROBE_V15:
            does_not_apply("this API has no dma_buf_ops.dynamic_mapping")
    _expect_export_refused(uapi.DMABUF_PROBE_NOT_DYNAMIC)


@check.provokes("dma_buf_export")
def row_16_kept_mappings_of_a_dynamic_exporter_are_refused() -> None:
    """A mapping that is kept cannot follow the buffer."""
    with Probe() as probe:
        if not Expected(probe).caches:
            does_not_apply("this API has no dma_buf_ops.cache_sgt_mapping")
    _expect_export_refused(uapi.DMABUF_PROBE_CACHING_DYNAMIC)
