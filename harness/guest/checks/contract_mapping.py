# SPDX-License-Identifier: GPL-2.0-only
"""Rows 1 to 8 and 17 of the contract: who is attached and mapped when, who pins, and which mappings the core keeps."""

from __future__ import annotations

from errno import EBUSY, EINVAL

from harness.guest.checks.contract import (
    CACHING,
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
    needs_importers_without_callback,
)
from harness.guest.probe import BOTH_WAYS, FROM_DEVICE, TO_DEVICE, Buffer, Probe
from harness.guest.registry import does_not_apply, expect, expect_equal, expect_errno

DIRECTIONS = (BOTH_WAYS, TO_DEVICE, FROM_DEVICE)


def _with_kept_mappings(expected: Expected) -> None:
    """End a check of kept mappings where there are none."""
    if not expected.caches:
        does_not_apply("this API keeps no mapping")


# --- a dynamic buffer, dynamic importers ------------------------------------------------------


@check
def row_01_dynamic_importer_maps_with_a_pin_only_if_it_must() -> None:
    """Pinned where the kernel is built to pin; left movable where the importer is told of moves."""
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as importer:
        expected = Expected(probe)
        pins = int(expected.pins_on_map(D, DYNAMIC))
        for direction in DIRECTIONS:
            with calls(buffer, DYNAMIC, *expected.map(D, DYNAMIC)):
                mapping = importer.map(direction)
            expect_balance(buffer, pins, mappings=1, attachments=1)
            expect_equal("pins held for the importer", importer.state().pins, pins)
            expect_equal("pinned bytes", buffer.state().pinned_bytes, pins * SIZE)
            mapping.unmap()


@check
def row_01_each_map_of_a_dynamic_importer_is_its_own() -> None:
    """Two maps are two mappings, and each is undone alone."""
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as importer:
        expected = Expected(probe)
        pins = int(expected.pins_on_map(D, DYNAMIC))
        with importer.map() as first:
            with calls(buffer, DYNAMIC, *expected.map(D, DYNAMIC)):
                second = importer.map()
            expect(first.table != second.table, "the second map gave the first one's table")
            expect_balance(buffer, 2 * pins, mappings=2, attachments=1)
            second.unmap()
            expect_balance(buffer, pins, mappings=1, attachments=1)


@check
def row_02_dynamic_importer_unmaps_and_unpins() -> None:
    """What map did is undone: first the mapping, then the pin."""
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as importer:
        expected = Expected(probe)
        for direction in DIRECTIONS:
            mapping = importer.map(direction)
            with calls(buffer, DYNAMIC, *expected.unmap(D, DYNAMIC)):
                mapping.unmap()
            expect_balance(buffer, attachments=1)
        with calls(buffer, DYNAMIC, "detach"):
            importer.detach()
        expect_balance(buffer)


# --- importers without the callback -----------------------------------------------------------


@check.provokes("dma_buf_dynamic_attach")
def row_03_importer_without_callback_is_refused() -> None:
    """It could not follow a buffer that moves; the exporter never hears of it."""
    with Probe() as probe:
        if Expected(probe).accepts(DEAF):
            does_not_apply("this API takes importer operations without a callback")
        for exporter in (DYNAMIC, STATIC):
            with probe.export(SIZE, exporter) as buffer:
                with calls(buffer, exporter), expect_errno(EINVAL):
                    buffer.attach(DEAF)
                expect_balance(buffer)


@check
def row_03_importer_without_callback_attaches() -> None:
    with Probe() as probe:
        needs_importers_without_callback(probe)
        expected = Expected(probe)
        for exporter in (DYNAMIC, STATIC):
            with probe.export(SIZE, exporter) as buffer:
                with calls(buffer, exporter, *expected.attach(DEAF, exporter)):
                    importer = buffer.attach(DEAF)
                with calls(buffer, exporter, *expected.detach(DEAF, exporter)):
                    importer.detach()
                expect_balance(buffer)


@check
def row_04_importer_without_callback_maps_and_unmaps() -> None:
    """On the first API its mapping is pinned whatever the option; on the last one it pins itself if it has to."""
    with Probe() as probe, probe.export(SIZE) as buffer:
        needs_importers_without_callback(probe)
        expected = Expected(probe)
        with buffer.attach(DEAF) as importer:
            with calls(buffer, DYNAMIC, *expected.map(DEAF, DYNAMIC)):
                mapping = importer.map()
            expect_balance(buffer, int(expected.pins_on_map(DEAF, DYNAMIC)), mappings=1, attachments=1)
            with calls(buffer, DYNAMIC, *expected.unmap(DEAF, DYNAMIC)):
                mapping.unmap()
            expect_balance(buffer, attachments=1)


# --- a dynamic buffer, static importers -------------------------------------------------------


@check
def row_05_static_importer_attaches_to_a_dynamic_buffer() -> None:
    """Pinned and mapped at once, or nothing yet: as the API has it."""
    with Probe() as probe, probe.export(SIZE) as buffer:
        expected = Expected(probe)
        kept = int(expected.maps_on_attach(S, DYNAMIC))
        with calls(buffer, DYNAMIC, *expected.attach(S, DYNAMIC)):
            importer = buffer.attach(S)
        expect_balance(buffer, pins=kept, mappings=kept, attachments=1)
        expect_equal("pinned bytes", buffer.state().pinned_bytes, kept * SIZE)
        importer.detach()


@check
def row_06_static_importer_maps_and_unmaps_a_dynamic_buffer() -> None:
    """The kept mapping is handed out without a call; without one, the buffer is pinned as long as it is mapped."""
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(S) as importer:
        expected = Expected(probe)
        kept = int(expected.maps_on_attach(S, DYNAMIC))
        for direction in DIRECTIONS:
            with calls(buffer, DYNAMIC, *expected.map(S, DYNAMIC)):
                mapping = importer.map(direction)
            expect_balance(buffer, pins=1, mappings=1, attachments=1)
            with calls(buffer, DYNAMIC, *expected.unmap(S, DYNAMIC)):
                mapping.unmap()
            expect_balance(buffer, pins=kept, mappings=kept, attachments=1)


@check
def row_06_maps_of_a_static_importer_share_a_kept_mapping() -> None:
    """One table for all maps if it is kept, else one for each."""
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(S) as importer:
        kept = Expected(probe).maps_on_attach(S, DYNAMIC)
        with importer.map() as first, importer.map() as second:
            expect_equal("the second map gave the first one's table", first.table == second.table, kept)
            held = 1 if kept else 2
            expect_balance(buffer, pins=held, mappings=held, attachments=1)


@check
def row_07_static_importer_detaches_from_a_dynamic_buffer() -> None:
    """A kept mapping ends, and then its pin; also if it was never handed out."""
    for used in (True, False):
        with Probe() as probe, probe.export(SIZE) as buffer:
            importer = buffer.attach(S)
            if used:
                importer.map().unmap()
            with calls(buffer, DYNAMIC, *Expected(probe).detach(S, DYNAMIC)):
                importer.detach()
            expect_balance(buffer)


# --- static buffers ---------------------------------------------------------------------------


@check
def row_06_static_importer_maps_and_unmaps_a_static_buffer() -> None:
    """Neither side is dynamic: each map is the exporter's, and nobody pins."""
    with Probe() as probe, probe.export(SIZE, STATIC) as buffer:
        with calls(buffer, STATIC, "attach"):
            importer = buffer.attach(S)
        for direction in DIRECTIONS:
            with calls(buffer, STATIC, "map"):
                mapping = importer.map(direction)
            with calls(buffer, STATIC, "unmap"):
                mapping.unmap()
        with calls(buffer, STATIC, "detach"):
            importer.detach()


@check
def row_08_dynamic_importer_of_a_static_buffer() -> None:
    """Mapped at once and kept, so that the exporter is not called under the importer's lock; or as it maps. No pin."""
    with Probe() as probe, probe.export(SIZE, STATIC) as buffer:
        expected = Expected(probe)
        with calls(buffer, STATIC, *expected.attach(D, STATIC)):
            importer = buffer.attach(D)
        expect_balance(buffer, mappings=int(expected.maps_on_attach(D, STATIC)), attachments=1)
        for direction in DIRECTIONS:
            with calls(buffer, STATIC, *expected.map(D, STATIC)):
                mapping = importer.map(direction)
            expect_balance(buffer, mappings=1, attachments=1)
            with calls(buffer, STATIC, *expected.unmap(D, STATIC)):
                mapping.unmap()
        with calls(buffer, STATIC, *expected.detach(D, STATIC)):
            importer.detach()
        expect_balance(buffer)


# --- kept mappings and their direction --------------------------------------------------------


def _caching(probe: Probe) -> Buffer:
    """A buffer whose exporter asks the core to keep the first mapping of each attachment."""
    _with_kept_mappings(Expected(probe))
    return probe.export(SIZE, CACHING)


@check
def row_17_kept_mapping_refuses_another_direction() -> None:
    """While the first one is mapped, and after: it is kept until the importer detaches."""
    for first in (TO_DEVICE, FROM_DEVICE):
        with Probe() as probe, _caching(probe) as buffer, buffer.attach(S) as importer:
            mapping = importer.map(first)
            others = [direction for direction in DIRECTIONS if direction != first]
            with calls(buffer, CACHING):
                for other in others:
                    with expect_errno(EBUSY):
                        importer.map(other)
                mapping.unmap()
                for other in others:
                    with expect_errno(EBUSY):
                        importer.map(other)


@check
def row_17_kept_mapping_serves_its_own_direction() -> None:
    for direction in DIRECTIONS:
        with Probe() as probe, _caching(probe) as buffer, buffer.attach(S) as importer:
            with calls(buffer, CACHING, "map"):
                first = importer.map(direction)
            with calls(buffer, CACHING), importer.map(direction) as second:
                expect(first.table == second.table, "the second map gave another table")
                first.unmap()
            expect_balance(buffer, mappings=1, attachments=1)


@check
def row_17_mapping_kept_both_ways_serves_every_direction() -> None:
    """One that was mapped so first, and those that were mapped by attach."""
    for importer_kind, exporter in ((S, CACHING), (D, CACHING), (S, DYNAMIC), (D, STATIC)):
        with Probe() as probe:
            _with_kept_mappings(Expected(probe))
            with (
                probe.export(SIZE, exporter) as buffer,
                buffer.attach(importer_kind) as importer,
                importer.map(BOTH_WAYS) as first,
                calls(buffer, exporter),
            ):
                for direction in DIRECTIONS:
                    with importer.map(direction) as mapping:
                        expect(mapping.table == first.table, "a map gave another table")


@check
def row_17_kept_mapping_ends_with_its_attachment() -> None:
    """It is unmapped by detach, once, and the next attachment has one of its own."""
    with Probe() as probe, _caching(probe) as buffer:
        for importer_kind in (S, D, S):
            importer = buffer.attach(importer_kind)
            importer.map().unmap()
            expect_balance(buffer, mappings=1, attachments=1)
            with calls(buffer, CACHING, "unmap", "detach"):
                importer.detach()
            expect_balance(buffer)


@check
def row_17_directions_are_free_if_nothing_is_kept() -> None:
    """Mappings of different directions side by side."""
    with Probe() as probe:
        expected = Expected(probe)
        for importer_kind in (S, D):
            for exporter in (STATIC, DYNAMIC):
                if expected.maps_on_attach(importer_kind, exporter):
                    continue
                with (
                    probe.export(SIZE, exporter) as buffer,
                    buffer.attach(importer_kind) as importer,
                    importer.map(TO_DEVICE),
                    importer.map(FROM_DEVICE),
                    importer.map(BOTH_WAYS),
                ):
                    expect_equal("mappings", buffer.state().mappings, 3)
