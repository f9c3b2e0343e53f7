# SPDX-License-Identifier: GPL-2.0-only
"""What the dma-buf core promises dynamic exporters and importers, and the means to hold it to that.

``Expected`` is the one place that knows how kernels differ. It was read off drivers/dma-buf/dma-buf.c of 5.10.262,
6.1.192, 6.12.117 and 7.3.4, and the first patch on 5.6; what its docstrings name are functions there. The checks are
in ``contract_*.py``, named for the rows of docs/contract.md.
"""

from __future__ import annotations

from harness.guest import uapi
from harness.guest.kernel import PAGE
from harness.guest.probe import Attachment, Buffer, Probe, ProbeEvent
from harness.guest.registry import Group, does_not_apply, expect, expect_equal

check = Group("contract")

# Importers: static, dynamic with the callback, dynamic without it.
S = uapi.DMABUF_PROBE_IMPORT_STATIC
D = uapi.DMABUF_PROBE_IMPORT_DYNAMIC
DEAF = uapi.DMABUF_PROBE_IMPORT_NO_CALLBACK

# Exporters: static, dynamic (it has pin), static with cache_sgt_mapping.
STATIC = uapi.DMABUF_PROBE_STATIC
DYNAMIC = uapi.DMABUF_PROBE_DYNAMIC
CACHING = uapi.DMABUF_PROBE_CACHING

SIZE = 4 * PAGE


class Expected:
    """What this kernel promises. ``generation`` and ``move_notify``: its API and its option, as the module found them.

    ``attach``, ``map``, ``unmap`` and ``detach`` give the calls that the exporter must see when an importer does that.
    """

    def __init__(self, probe: Probe) -> None:
        self.generation = probe.generation
        self.move_notify = bool(probe.features & uapi.DMABUF_PROBE_HAS_MOVE_NOTIFY)
        self._always_locks = bool(probe.features & uapi.DMABUF_PROBE_HAS_LOCKED_MAPS)

    @property
    def caches(self) -> bool:
        """Does the core keep mappings? Up to 6.18: dma_buf_attachment.sgt, dma_buf_ops.cache_sgt_mapping."""
        return self.generation != uapi.DMABUF_PROBE_INVALIDATE

    def accepts(self, importer: int) -> bool:
        """dma_buf_dynamic_attach(): operations without a callback are refused from 5.7 to 6.18."""
        return importer != DEAF or self.generation != uapi.DMABUF_PROBE_NOTIFY

    def maps_on_attach(self, importer: int, exporter: int) -> bool:
        """dma_buf_dynamic_attach(): if only one side is dynamic, it maps at once, both ways, and keeps the mapping."""
        return self.caches and (importer != S) != (exporter == DYNAMIC)

    def pins_on_map(self, importer: int, exporter: int) -> bool:
        """dma_buf_map_attachment(): a dynamic buffer is pinned for an importer that could not follow it."""
        if exporter != DYNAMIC or self.maps_on_attach(importer, exporter):
            return False
        if self.generation == uapi.DMABUF_PROBE_INVALIDATE:  # dma_buf_pin_on_map()
            return importer == S
        return importer == DEAF or not self.move_notify

    def pairs(self) -> list[tuple[int, int]]:
        """(importer, exporter): all that exist on this kernel."""
        exporters = (STATIC, DYNAMIC, CACHING) if self.caches else (STATIC, DYNAMIC)
        return [(importer, exporter) for importer in (S, D, DEAF) if self.accepts(importer) for exporter in exporters]

    def attach(self, importer: int, exporter: int) -> list[str]:
        pin = ["pin"] if exporter == DYNAMIC else []
        return ["attach", *pin, "map"] if self.maps_on_attach(importer, exporter) else ["attach"]

    def map(self, importer: int, exporter: int) -> list[str]:
        """Of the first mapping; with CACHING it is kept."""
        if self.maps_on_attach(importer, exporter):
            return []
        return ["pin", "map"] if self.pins_on_map(importer, exporter) else ["map"]

    def unmap(self, importer: int, exporter: int) -> list[str]:
        if self.maps_on_attach(importer, exporter) or exporter == CACHING:
            return []
        return ["unmap", "unpin"] if self.pins_on_map(importer, exporter) else ["unmap"]

    def detach(self, importer: int, exporter: int) -> list[str]:
        """After the mapping was unmapped; with CACHING it was kept until now. dma_buf_detach()."""
        unpin = ["unpin"] if exporter == DYNAMIC else []
        kept = self.maps_on_attach(importer, exporter) or exporter == CACHING
        return ["unmap", *unpin, "detach"] if kept else ["detach"]

    def locked(self, call: str, exporter: int) -> bool | None:
        """Must the reservation lock be held in callback ``call``? None: nothing is promised.

        Up to 6.1 it is free in map and unmap of a static exporter if the core maps on attach, or on 5.10 always; later
        kernels lock for every one ("DOC: locking convention" in dma-buf.c).
        """
        if call in ("attach", "detach", "release"):
            return False
        if call in ("map", "unmap") and exporter != DYNAMIC and not self._always_locks:
            return None
        return True


def needs_importers_without_callback(probe: Probe) -> None:
    """End a check of importers without callback where they are refused."""
    if not Expected(probe).accepts(DEAF):
        does_not_apply("this API refuses importer operations without a callback")


class calls:  # lower case: reads as a statement: with calls(buffer, DYNAMIC, "pin", "map"): ...
    """Context manager: in the block these callbacks come for ``buffer``, in this order, and no others.

    Each finds the reservation lock as promised. "pin:ENOSPC" is a pin that fails so; "notify" is the importer's.
    """

    def __init__(self, buffer: Buffer, exporter: int, *wanted: str) -> None:
        self._buffer = buffer
        self._exporter = exporter
        self._wanted = " ".join(wanted) or "none"

    def __enter__(self) -> None:
        self._start = self._buffer.probe.last_event()

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if error is not None:
            return
        events = [event for event in self._buffer.probe.events(self._start) if event.buffer == self._buffer.handle]
        expect_equal("what was called", " ".join(map(str, events)) or "none", self._wanted)
        expected = Expected(self._buffer.probe)
        for event in events:
            _expect_lock(event, expected.locked(event.call, self._exporter))


def _expect_lock(event: ProbeEvent, wanted: bool | None) -> None:
    holds = "held" if event.locked else "not held"
    expect(wanted in (None, event.locked), f"the reservation lock was {holds} in {event.call}")


def expect_balance(buffer: Buffer, pins: int = 0, mappings: int = 0, attachments: int = 0) -> None:
    """Fail unless this is what the exporter still has to give back."""
    state = buffer.state()
    got = f"{state.pins} pins, {state.mappings} mappings, {state.attachments} attachments"
    expect_equal("what is held", got, f"{pins} pins, {mappings} mappings, {attachments} attachments")


def expect_notified(what: str, importer: Attachment, times: int) -> None:
    """Fail unless the importer's callback was called ``times`` times so far, each time under the lock."""
    state = importer.state()
    expect_equal(f"notifications of {what}", state.calls["notify"], times)
    expect_equal(f"notifications of {what} without the lock", state.unlocked["notify"], 0)


def expect_moves(buffer: Buffer, *notified: str) -> None:
    """Move a dynamic buffer, and fail unless just these callbacks come: one "notify" for each who must be told."""
    before = buffer.state()
    with calls(buffer, DYNAMIC, *notified):
        buffer.move()
    expect_equal("location", buffer.state().generation, before.generation + 1)
