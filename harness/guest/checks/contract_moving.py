# SPDX-License-Identifier: GPL-2.0-only
"""Rows 9 and 10 of the contract: who hears that a buffer moves, and what stays valid."""

from __future__ import annotations

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
    expect_notified,
    needs_importers_without_callback,
)
from harness.guest.kernel import PAGE
from harness.guest.probe import Probe
from harness.guest.registry import does_not_apply, expect_equal

_OLD, _NEW = bytes([0x11]) * SIZE, bytes([0x22]) * SIZE


def _movable_while_mapped(expected: Expected, importer: int = D) -> None:
    """End a check of mappings of a moving buffer where a mapping keeps the buffer in its place."""
    if expected.pins_on_map(importer, DYNAMIC) or expected.maps_on_attach(importer, DYNAMIC):
        does_not_apply("this kernel pins a buffer that such an importer has mapped")


# --- row 9: who is told -----------------------------------------------------------------------


@check
def row_09_every_dynamic_importer_is_notified_once() -> None:
    """The first, those in between and the last of the list; nobody has a mapping."""
    with Probe() as probe, probe.export(SIZE) as buffer:
        importers = [buffer.attach(D) for _ in range(4)]
        with calls(buffer, DYNAMIC, *["notify"] * 4):
            buffer.move()
        for number, importer in enumerate(importers, 1):
            expect_notified(f"importer {number} of 4", importer, 1)
            importer.detach()


@check
def row_09_importers_are_notified_at_every_move() -> None:
    """One who came later hears of the later moves."""
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as early:
        for _ in range(3):
            expect_moves(buffer, "notify")
        with buffer.attach(D) as late:
            for _ in range(2):
                expect_moves(buffer, "notify", "notify")
            expect_notified("the importer that came late", late, 2)
        expect_notified("the importer that was there first", early, 5)


@check
def row_09_importer_that_left_is_not_notified() -> None:
    """The first, the middle or the last of three leaves: the other two are told."""
    for leaver in range(3):
        with Probe() as probe, probe.export(SIZE) as buffer:
            importers = [buffer.attach(D) for _ in range(3)]
            importers.pop(leaver).detach()
            expect_moves(buffer, "notify", "notify")
            for importer in importers:
                expect_notified(f"an importer that stayed when number {leaver + 1} left", importer, 1)
                importer.detach()


@check
def row_09_importer_with_a_mapping_is_notified() -> None:
    """Its mapping is then known to be old; one that it makes afterwards is not."""
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as importer:
        _movable_while_mapped(Expected(probe))
        with importer.map():
            expect_moves(buffer, "notify")
            expect_notified("the importer", importer, 1)
            expect_equal("old mappings", importer.state().stale_mappings, 1)
        with importer.map():
            expect_equal("old mappings", importer.state().stale_mappings, 0)


@check
def row_09_static_importers_are_not_notified() -> None:
    """They have no callback. Beside a dynamic importer, which is; of a static buffer where a dynamic one is pinned."""
    with Probe() as probe:
        exporter = STATIC if Expected(probe).maps_on_attach(S, DYNAMIC) else DYNAMIC
        with (
            probe.export(SIZE, exporter) as buffer,
            buffer.attach(S) as first,
            buffer.attach(D) as dynamic,
            buffer.attach(S) as last,
        ):
            with calls(buffer, exporter, "notify"):
                buffer.move()
            expect_notified("the dynamic importer", dynamic, 1)
            for static in (first, last):
                expect_notified("a static importer", static, 0)


@check
def row_09_importers_without_callback_are_not_notified() -> None:
    """The dynamic ones before and behind them in the list are."""
    with Probe() as probe, probe.export(SIZE) as buffer:
        needs_importers_without_callback(probe)
        with buffer.attach(D) as first, buffer.attach(DEAF) as deaf, buffer.attach(D) as last:
            expect_moves(buffer, "notify", "notify")
            for importer in (first, last):
                expect_notified("an importer with the callback", importer, 1)
            expect_notified("the importer without it", deaf, 0)


@check
def row_09_move_concerns_only_importers_of_that_buffer() -> None:
    with (
        Probe() as probe,
        probe.export(SIZE) as buffer,
        probe.export(SIZE) as other,
        buffer.attach(D) as concerned,
        other.attach(D) as unconcerned,
    ):
        with calls(other, DYNAMIC):
            expect_moves(buffer, "notify")
        expect_notified("the importer of the moved buffer", concerned, 1)
        expect_notified("the importer of the other buffer", unconcerned, 0)


# --- row 10: what stays valid -----------------------------------------------------------------


@check
def row_10_old_mapping_stays_at_the_old_place() -> None:
    """Until it is unmapped it can be read and written, and has nothing to do with the buffer any more."""
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as importer:
        _movable_while_mapped(Expected(probe))
        buffer.write(_OLD)
        with importer.map() as mapping:
            buffer.move()
            buffer.write(_NEW)
            expect_equal("old mapping", mapping.read(SIZE), _OLD)
            mapping.write(bytes(PAGE), PAGE)
            expect_equal("old mapping, page 1", mapping.read(PAGE, PAGE), bytes(PAGE))
            expect_equal("buffer", buffer.read(SIZE), _NEW)
            with calls(buffer, DYNAMIC, "unmap"):
                mapping.unmap()
        expect_balance(buffer, attachments=1)


@check
def row_10_new_mapping_is_at_the_new_place() -> None:
    """Beside the old one of the same importer: each shows its own place."""
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as importer:
        _movable_while_mapped(Expected(probe))
        buffer.write(_OLD)
        with importer.map() as old:
            buffer.move()
            with importer.map() as new:
                expect_equal("new mapping: contents that moved along", new.read(SIZE), _OLD)
                new.write(_NEW)
                expect_equal("buffer", buffer.read(SIZE), _NEW)
                expect_equal("old mapping", old.read(SIZE), _OLD)


@check
def row_10_mapping_after_a_move_is_at_the_new_place() -> None:
    """For every importer that lets the buffer move as long as it has nothing mapped."""
    with Probe() as probe:
        expected = Expected(probe)
        for kind in (D, DEAF, S):
            if not expected.accepts(kind) or expected.maps_on_attach(kind, DYNAMIC):
                continue
            with probe.export(SIZE) as buffer, buffer.attach(kind) as importer:
                importer.map().unmap()
                buffer.move()
                buffer.write(_NEW)
                with importer.map() as mapping:
                    expect_equal("mapping", mapping.read(SIZE), _NEW)
