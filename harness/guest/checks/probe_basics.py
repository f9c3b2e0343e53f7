# SPDX-License-Identifier: GPL-2.0-only
"""The probe module itself: what the contract's checks take for granted (kselftest-wrappers/dmabuf-probe)."""

from __future__ import annotations

from errno import EBUSY, EFAULT, EINVAL, EIO, ENOENT, ENOSPC, ENOTTY, ERANGE

from harness.guest import uapi
from harness.guest.checks.contract import DYNAMIC, SIZE, STATIC, D, S, calls, expect_balance
from harness.guest.kernel import PAGE
from harness.guest.probe import Attachment, Probe
from harness.guest.registry import Group, expect, expect_equal, expect_errno

check = Group("probe")

_TWO_PAGES = bytes([1]) * PAGE + bytes([2]) * PAGE


# --- what it is -------------------------------------------------------------------------------


@check
def tells_a_known_generation_of_the_api() -> None:
    with Probe() as probe:
        expect_equal("ABI", probe.abi, uapi.DMABUF_PROBE_ABI)
        known = (uapi.DMABUF_PROBE_V15, uapi.DMABUF_PROBE_NOTIFY, uapi.DMABUF_PROBE_INVALIDATE)
        expect(probe.generation in known, f"generation {probe.generation} is unknown")


@check
def is_the_exporter_of_its_buffers() -> None:
    with Probe() as probe, probe.export(3 * PAGE) as buffer:
        expect_equal("exp_name in fdinfo", buffer.info().get("exp_name"), "dmabuf_probe")
        expect_equal("size", buffer.size(), 3 * PAGE)
        expect_equal("size as the exporter knows it", buffer.state().size, 3 * PAGE)
        expect_equal("contents", buffer.read(3 * PAGE), bytes(3 * PAGE))


@check
def unknown_calls_are_refused() -> None:
    """Numbers that are not there, and those that are with another size."""
    with Probe() as probe:
        for request in (uapi.DMABUF_PROBE_VMAP + 1, uapi.DMABUF_PROBE_INFO + 0x10000, uapi.DMA_BUF_IOCTL_SYNC, 0):
            with expect_errno(ENOTTY):
                probe.ioctl(request, bytearray(512))


@check
def bad_addresses_are_refused() -> None:
    """Of arguments, of contents, of the log."""
    with Probe() as probe, probe.export(PAGE) as buffer, buffer.attach(D):
        for request in (uapi.DMABUF_PROBE_INFO, uapi.DMABUF_PROBE_EXPORT, uapi.DMABUF_PROBE_MOVE):
            with expect_errno(EFAULT):
                probe.ioctl(request, 8)
        argument = uapi.dmabuf_probe_access.pack(handle=buffer.handle, object=1, length=PAGE, pointer=8)
        with expect_errno(EFAULT):
            probe.access(argument)
        with expect_errno(EFAULT):
            probe.ioctl(uapi.DMABUF_PROBE_EVENTS, uapi.dmabuf_probe_events.pack(pointer=8, room=1))


# --- contents ---------------------------------------------------------------------------------


@check
def contents_end_with_the_buffer() -> None:
    """To the last byte and not beyond; also through a mapping."""
    with Probe() as probe, probe.export(2 * PAGE) as buffer, buffer.attach(S) as importer, importer.map() as mapping:
        buffer.write(_TWO_PAGES)
        for place in (buffer, mapping):
            expect_equal("the end of the first page and the next byte", place.read(2, PAGE - 1), b"\1\2")
            expect_equal("the last byte", place.read(1, 2 * PAGE - 1), b"\2")
            expect_equal("nothing, at the end", place.read(0, 2 * PAGE), b"")
            for length, offset in ((1, 2 * PAGE), (2, 2 * PAGE - 1), (2 * PAGE + 1, 0), (1, (1 << 64) - 1)):
                with expect_errno(ERANGE):
                    place.read(length, offset)
                with expect_errno(ERANGE):
                    place.write(bytes(length), offset)
        expect_equal("contents", buffer.read(2 * PAGE), _TWO_PAGES)


@check
def contents_move_along() -> None:
    """To another place: what is written there is not in the old one."""
    with Probe() as probe, probe.export(2 * PAGE, STATIC) as buffer, buffer.attach(S) as importer:
        buffer.write(_TWO_PAGES)
        with importer.map() as old:
            for generation in (2, 3, 4):
                buffer.move()
                expect_equal("location", buffer.state().generation, generation)
                expect_equal("contents", buffer.read(2 * PAGE), _TWO_PAGES)
            buffer.write(bytes(2 * PAGE))
            expect_equal("old location", old.read(2 * PAGE), _TWO_PAGES)


# --- planned failures -------------------------------------------------------------------------


@check
def planned_failure_happens_once_at_its_call() -> None:
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as importer:
        buffer.fail(uapi.DMABUF_PROBE_ON_PIN, ENOSPC, nth=3)
        with calls(buffer, DYNAMIC, "pin", "pin", "pin:ENOSPC", "pin"):
            for number in range(4):
                if number == 2:
                    with expect_errno(ENOSPC):
                        importer.pin()
                else:
                    importer.pin()
        expect_equal("calls of pin, the failed one included", buffer.state().calls["pin"], 4)
        expect_balance(buffer, pins=3, attachments=1)


@check
def planned_failure_can_be_cancelled() -> None:
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as importer:
        buffer.fail(uapi.DMABUF_PROBE_ON_PIN, ENOSPC)
        buffer.fail(uapi.DMABUF_PROBE_ON_PIN, 0, nth=0)
        with calls(buffer, DYNAMIC, "pin", "unpin"):
            importer.pin()
            importer.unpin()


@check
def planned_failures_are_errors() -> None:
    """Numbers that are none would mean something else to the kernel."""
    with Probe() as probe, probe.export(SIZE) as buffer:
        for error, nth in ((0, 1), (EIO, 0), (4096, 1), (512, 1)):
            with expect_errno(EINVAL):
                buffer.fail(uapi.DMABUF_PROBE_ON_MAP, error, nth)


# --- order of things --------------------------------------------------------------------------


@check
def mapped_attachment_does_not_detach() -> None:
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as importer:
        with importer.map():
            with expect_errno(EBUSY):
                importer.detach()
            expect_equal("mappings of the importer", importer.state().mappings, 1)
        expect_equal("mappings of the importer", importer.state().mappings, 0)


@check
def only_own_pins_are_given_back() -> None:
    """Static importers have none."""
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as importer, buffer.attach(S) as static:
        with expect_errno(EINVAL):
            importer.unpin()
        for act in (static.pin, static.unpin):
            with expect_errno(EINVAL):
                act()
        importer.pin()
        expect_equal("own pins", importer.state().own_pins, 1)
        importer.unpin()
        with expect_errno(EINVAL):
            importer.unpin()


def _expect_map_all_fails(probe: Probe, error: int, *importers: Attachment) -> None:
    with expect_errno(error):
        probe.map_all(importers)


@check
def map_all_maps_all_or_none() -> None:
    """The second of three buffers fails: the first is unmapped again."""
    with Probe() as probe:
        buffers = [probe.export(SIZE) for _ in range(3)]
        importers = [buffer.attach(D) for buffer in buffers]
        buffers[1].fail(uapi.DMABUF_PROBE_ON_MAP, ENOSPC)
        _expect_map_all_fails(probe, ENOSPC, *importers)
        for buffer in buffers:
            expect_balance(buffer, attachments=1)
        mappings, _ = probe.map_all(importers)
        for buffer, mapping in zip(buffers, mappings, strict=True):
            expect_equal("mappings", buffer.state().mappings, 1)
            mapping.unmap()
        for buffer in buffers:
            buffer.close()


@check
def map_all_locks_a_buffer_once() -> None:
    """Of two importers of the same buffer, or one that is named twice."""
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as one, buffer.attach(D) as other:
        mappings, _ = probe.map_all([one, other, one])
        expect_equal("mappings", buffer.state().mappings, 3)
        for mapping in mappings:
            mapping.unmap()
        expect_equal("maps without the lock", buffer.state().unlocked["map"], 0)


@check
def map_all_is_for_dynamic_importers() -> None:
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as dynamic, buffer.attach(S) as static:
        _expect_map_all_fails(probe, EINVAL)
        _expect_map_all_fails(probe, EINVAL, dynamic, static)
        for count in (uapi.DMABUF_PROBE_MAX_LOCKS + 1, 0xFFFFFFFF):
            with expect_errno(EINVAL):
                probe.ioctl(uapi.DMABUF_PROBE_MAP_ALL, uapi.dmabuf_probe_map_all.pack(count=count))
        mapping = dynamic.map()
        mapping.unmap()
        _expect_map_all_fails(probe, ENOENT, dynamic, Attachment(probe, mapping.handle))
        expect_equal("mappings of the importer", dynamic.state().mappings, 0)


# --- its log ----------------------------------------------------------------------------------


@check
def log_and_counts_agree() -> None:
    """Numbered from 1 without gaps, and the same calls in the states of buffer and attachment."""
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as importer:
        importer.pin()
        importer.unpin()
        buffer.move()
        importer.map().unmap()
        events = probe.events()
        expect_equal("numbers", [event.sequence for event in events], list(range(1, len(events) + 1)))
        for call, count in buffer.state().calls.items():
            expect_equal(f"events of {call}", [event.call for event in events].count(call), count)
        for call, count in importer.state().calls.items():
            seen = [event.call for event in events if event.attachment == importer.handle].count(call)
            # While it attaches an importer has no handle yet.
            expect(seen == count or call == "attach", f"events of {call} for the importer: {seen}, counted {count}")
        expect_equal("events after the last", probe.events(len(events)), [])
        expect_equal("the last event", [event.call for event in probe.events(len(events) - 1)], [events[-1].call])


@check
def log_drops_the_oldest() -> None:
    """And says how many."""
    with Probe() as probe, probe.export(PAGE) as buffer:
        importers = [buffer.attach(D) for _ in range(100)]
        for _ in range(uapi.DMABUF_PROBE_MAX_EVENTS // 100 + 1):
            buffer.move()
        argument = uapi.dmabuf_probe_events.pack()
        probe.ioctl(uapi.DMABUF_PROBE_EVENTS, argument)
        dropped = uapi.dmabuf_probe_events.number(argument, "dropped")
        events = probe.events()
        expect(dropped > 0, "nothing was dropped")
        expect_equal("events kept", len(events), uapi.DMABUF_PROBE_MAX_EVENTS)
        expect_equal("the oldest of them", events[0].sequence, dropped + 1)
        for importer in importers:
            importer.detach()


# --- the end ----------------------------------------------------------------------------------


@check
def closing_the_file_undoes_everything() -> None:
    """Mappings, pins and attachments of one file, of a buffer of another."""
    with Probe() as probe, probe.export(SIZE) as buffer:
        with Probe() as other:
            for kind in (D, D, S):
                importer = other.attach(buffer.fileno(), kind)
                importer.map()
                if kind == D:
                    importer.pin()
            expect_equal("attachments", buffer.state().attachments, 3)
        expect_balance(buffer)
        calls_seen = buffer.state().calls
        for act, undo in (("attach", "detach"), ("pin", "unpin"), ("map", "unmap")):
            expect_equal(f"calls of {undo}", calls_seen[undo], calls_seen[act])


@check
def buffer_outlives_the_file_that_made_it() -> None:
    """Whoever has its descriptor imports it as before."""
    with Probe() as other:
        with Probe() as probe:
            buffer = probe.export(2 * PAGE)
            buffer.write(_TWO_PAGES)
        with buffer, other.attach(buffer.fileno(), D) as importer, importer.map() as mapping:
            expect_equal("mapping", mapping.read(2 * PAGE), _TWO_PAGES)


@check
def forgotten_buffer_is_still_a_buffer() -> None:
    with Probe() as probe, probe.export(2 * PAGE) as buffer:
        buffer.write(_TWO_PAGES)
        buffer.forget()
        with buffer.attach(D) as importer, importer.map() as mapping:
            expect_equal("mapping", mapping.read(2 * PAGE), _TWO_PAGES)
