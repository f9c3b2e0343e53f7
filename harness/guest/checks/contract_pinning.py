# SPDX-License-Identifier: GPL-2.0-only
"""Rows 11, 15 and 19 of the contract: what keeps a buffer in its place."""

from __future__ import annotations

from errno import EBUSY, ENOSPC

from harness.guest import uapi
from harness.guest.checks.contract import (
    DEAF,
    DYNAMIC,
    SIZE,
    STATIC,
    D,
    Expected,
    S,
    calls,
    check,
    expect_balance,
    expect_moves,
    needs_importers_without_callback,
)
from harness.guest.probe import Buffer, Probe
from harness.guest.registry import does_not_apply, expect_equal, expect_errno, measurement

_OLD = bytes([0x11]) * SIZE


def _expect_stays(buffer: Buffer) -> None:
    """The exporter refuses to move, and nothing has happened."""
    before = buffer.state()
    buffer.write(_OLD)
    with calls(buffer, DYNAMIC), expect_errno(EBUSY):
        buffer.move()
    expect_equal("location", buffer.state().generation, before.generation)
    expect_equal("contents", buffer.read(SIZE), _OLD)


# --- row 11: what keeps a buffer in its place -------------------------------------------------


@check
def row_11_mapping_without_move_notify_keeps_the_buffer_in_place() -> None:
    """With the option off, a dynamic importer's mapping is a pin: from map to unmap."""
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as importer:
        if not Expected(probe).pins_on_map(D, DYNAMIC):
            does_not_apply("this kernel does not pin for importers with a callback")
        expect_moves(buffer, "notify")
        with importer.map() as mapping:
            _expect_stays(buffer)
            expect_equal("mapping", mapping.read(SIZE), _OLD)
        expect_moves(buffer, "notify")


@check
def row_11_static_importer_keeps_the_buffer_in_place() -> None:
    """While it is attached where attach maps, else while it has a mapping."""
    with Probe() as probe, probe.export(SIZE) as buffer:
        importer = buffer.attach(S)
        if not Expected(probe).maps_on_attach(S, DYNAMIC):
            expect_moves(buffer)
        with importer.map() as mapping:
            _expect_stays(buffer)
            expect_equal("mapping", mapping.read(SIZE), _OLD)
        if Expected(probe).maps_on_attach(S, DYNAMIC):
            _expect_stays(buffer)
        importer.detach()
        expect_moves(buffer)


@check
def row_11_explicit_pin_keeps_the_buffer_in_place() -> None:
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as importer:
        importer.pin()
        _expect_stays(buffer)
        importer.unpin()
        expect_moves(buffer, "notify")


@check
def row_11_buffer_stays_until_the_last_pin_is_gone() -> None:
    """Two pins of one importer, one of another."""
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as one, buffer.attach(D) as other:
        for importer in (one, one, other):
            importer.pin()
        for importer in (one, other, one):
            _expect_stays(buffer)
            importer.unpin()
        expect_moves(buffer, "notify", "notify")


# --- row 15: pin and unpin by the importer ----------------------------------------------------


@check
def row_15_pin_and_unpin_reach_the_exporter() -> None:
    """Each one, under the lock."""
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as importer:
        for held in (1, 2):
            with calls(buffer, DYNAMIC, "pin"):
                importer.pin()
            expect_balance(buffer, pins=held, attachments=1)
        for held in (1, 0):
            with calls(buffer, DYNAMIC, "unpin"):
                importer.unpin()
            expect_balance(buffer, pins=held, attachments=1)


@check
def row_15_failed_pin_is_told_and_holds_nothing() -> None:
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as importer:
        buffer.fail(uapi.DMABUF_PROBE_ON_PIN, ENOSPC)
        with calls(buffer, DYNAMIC, "pin:ENOSPC"), expect_errno(ENOSPC):
            importer.pin()
        expect_balance(buffer, attachments=1)
        expect_moves(buffer, "notify")


@check
def row_15_pinned_importer_maps_as_ever() -> None:
    """Its own pin is one thing, that of a mapping another."""
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as importer:
        expected = Expected(probe)
        importer.pin()
        with calls(buffer, DYNAMIC, *expected.map(D, DYNAMIC)):
            mapping = importer.map()
        expect_balance(buffer, 1 + int(expected.pins_on_map(D, DYNAMIC)), mappings=1, attachments=1)
        with calls(buffer, DYNAMIC, *expected.unmap(D, DYNAMIC)):
            mapping.unmap()
        expect_balance(buffer, pins=1, attachments=1)
        importer.unpin()


@check
def row_15_importer_without_callback_pins() -> None:
    """So it can map a buffer that would move away under it otherwise."""
    with Probe() as probe, probe.export(SIZE) as buffer:
        needs_importers_without_callback(probe)
        with buffer.attach(DEAF) as importer:
            with calls(buffer, DYNAMIC, "pin"):
                importer.pin()
            with importer.map() as mapping:
                _expect_stays(buffer)
                expect_equal("mapping", mapping.read(SIZE), _OLD)
            with calls(buffer, DYNAMIC, "unpin"):
                importer.unpin()


@check
def row_15_pin_of_a_static_buffer_is_granted() -> None:
    """It does not move anyhow: the exporter has no pin to call."""
    with (
        Probe() as probe,
        probe.export(SIZE, STATIC) as buffer,
        buffer.attach(D) as importer,
        calls(buffer, STATIC),
    ):
        importer.pin()
        importer.unpin()


# --- row 19: what idle imports pin ------------------------------------------------------------

_IMPORTS, _IMPORT_SIZE = 8, 256 << 10


def _pinned_by_idle_imports(probe: Probe, importer: int) -> int:
    """Bytes pinned by buffers that are mapped, and that nobody uses."""
    buffers = [probe.export(_IMPORT_SIZE) for _ in range(_IMPORTS)]
    mappings = [buffer.attach(importer).map() for buffer in buffers]
    pinned = sum(buffer.state().pinned_bytes for buffer in buffers)
    for mapping in mappings:
        mapping.unmap()
    for buffer in buffers:
        buffer.close()
    return pinned


def _check_idle_imports(name: str, importer: int, pins: bool) -> None:
    with Probe() as probe:
        pinned = _pinned_by_idle_imports(probe, importer)
        measurement(f"bytes pinned by {_IMPORTS} idle {name} imports of {_IMPORT_SIZE >> 10} KiB: {pinned}")
        expect_equal("pinned bytes", pinned, _IMPORTS * _IMPORT_SIZE * pins)


@check
def row_19_idle_dynamic_imports_pin_nothing_with_move_notify() -> None:
    """The point of the option: without it, whoever can import can pin any amount of memory."""
    with Probe() as probe:
        pins = Expected(probe).pins_on_map(D, DYNAMIC)
    _check_idle_imports("dynamic", D, pins)


@check
def row_19_idle_static_imports_pin_their_buffers() -> None:
    """They cannot follow: the option is no help against them."""
    _check_idle_imports("static", S, True)
