# SPDX-License-Identifier: GPL-2.0-only
"""The module dmabuf_probe as Python sees it: exporters and importers that do as told, and tell what was done to them.

What each call means stands in kselftest-wrappers/dmabuf-probe/dmabuf_probe.h. Attachments and mappings end with their
``with`` block; if a check fails in it, they are left to the end of ``Probe``, which undoes all that was made with it.
"""

from __future__ import annotations

import array
import os

from harness.guest import uapi
from harness.guest.configured import PROBE as MODULE
from harness.guest.configured import lacking
from harness.guest.kernel import Descriptor, DmaBuf
from harness.guest.registry import CheckSkipped, errno_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

NODE = "/dev/dmabuf-probe"
MODPROBE = "/sbin/modprobe"

# enum dma_data_direction (include/linux/dma-direction.h)
BOTH_WAYS, TO_DEVICE, FROM_DEVICE = 0, 1, 2
# Callbacks by their number, DMABUF_PROBE_CALL_...
CALLS = ("attach", "detach", "pin", "unpin", "map", "unmap", "release", "notify")

_EVENTS_AT_ONCE = 256
_tried_to_load: list[str] = []


def load(module: str) -> None:
    """modprobe, once for all checks. MODPROBE_OPTIONS in the environment says where this kernel's modules are."""
    if module not in _tried_to_load:
        _tried_to_load.append(module)
        try:
            os.waitpid(os.posix_spawn(MODPROBE, [MODPROBE, module], os.environ), 0)
        except FileNotFoundError:
            return


def _open_probe() -> int:
    if not os.access(NODE, os.F_OK):
        load(MODULE)
    try:
        return os.open(NODE, os.O_RDWR | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError) as error:
        raise lacking(f"{NODE} cannot be opened ({error.strerror})", MODULE) from error


# --- what happened ----------------------------------------------------------------------------


def _by_call(numbers: tuple[int, ...]) -> dict[str, int]:
    return dict(zip(CALLS, numbers, strict=True))


class BufferState:
    """What an exported buffer has seen. ``calls``, ``unlocked``: by callback; sizes in bytes; ``pins``, ``mappings``
    and ``attachments``: those that are held now. Failed calls count as calls."""

    def __init__(self, data: bytearray) -> None:
        layout = uapi.dmabuf_probe_buffer_state
        self.calls = _by_call(layout.numbers(data, "calls"))
        self.unlocked = _by_call(layout.numbers(data, "unlocked"))
        self.released = layout.number(data, "released") != 0
        self.size = layout.number(data, "size")
        self.generation = layout.number(data, "generation")
        self.pins = layout.number(data, "pins")
        self.mappings = layout.number(data, "mappings")
        self.attachments = layout.number(data, "attachments")
        self.pinned_bytes = layout.number(data, "pinned_bytes")


class AttachmentState:
    """What an importer has seen ("notify"), and the exporter of it. ``pins``: held for it, ``own_pins``: its own."""

    def __init__(self, data: bytearray) -> None:
        layout = uapi.dmabuf_probe_attachment_state
        self.calls = _by_call(layout.numbers(data, "calls"))
        self.unlocked = _by_call(layout.numbers(data, "unlocked"))
        self.mappings = layout.number(data, "mappings")
        self.pins = layout.number(data, "pins")
        self.own_pins = layout.number(data, "own_pins")
        self.stale_mappings = layout.number(data, "stale_mappings")


class ProbeEvent:
    """One callback, as it was called. ``buffer`` and ``attachment`` are handles, 0 if there is none."""

    def __init__(self, data: bytes) -> None:
        layout = uapi.dmabuf_probe_event
        self.sequence = layout.number(data, "sequence")
        self.generation = layout.number(data, "generation")
        self.call = CALLS[layout.number(data, "call")]
        self.buffer = layout.number(data, "buffer")
        self.attachment = layout.number(data, "attachment")
        self.result = layout.number(data, "result")
        self.locked = layout.number(data, "locked") != 0

    def __str__(self) -> str:
        """ "map", or "map:ENOSPC" for one that failed."""
        return f"{self.call}:{errno_name(-self.result)}" if self.result else self.call


# --- the device -------------------------------------------------------------------------------


class Probe(Descriptor):
    """The open device. ``generation`` and ``features``: DMABUF_PROBE_V15..., DMABUF_PROBE_HAS_... of this kernel."""

    def __init__(self) -> None:
        super().__init__(_open_probe())
        self._last_event = 0
        argument = uapi.dmabuf_probe_info.pack()
        self.ioctl(uapi.DMABUF_PROBE_INFO, argument)
        self.abi = uapi.dmabuf_probe_info.number(argument, "abi")
        self.generation = uapi.dmabuf_probe_info.number(argument, "generation")
        self.features = uapi.dmabuf_probe_info.number(argument, "features")
        if self.generation == uapi.DMABUF_PROBE_PRE:
            self.close()
            raise CheckSkipped("the dma-buf API of this kernel has neither pin nor notification: needs the first patch")

    def export(self, size: int, kind: int = uapi.DMABUF_PROBE_DYNAMIC, flags: int = os.O_RDWR | os.O_CLOEXEC) -> Buffer:
        """A new buffer of zeroed memory; ``kind``: DMABUF_PROBE_STATIC and so on."""
        argument = uapi.dmabuf_probe_export.pack(size=size, kind=kind, fd_flags=flags)
        self.ioctl(uapi.DMABUF_PROBE_EXPORT, argument)
        layout = uapi.dmabuf_probe_export
        return Buffer(self, layout.number(argument, "fd"), layout.number(argument, "handle"))

    def attach(self, fd: int, kind: int, reserved: int = 0) -> Attachment:
        """Import any dma-buf; ``kind``: DMABUF_PROBE_IMPORT_STATIC and so on."""
        argument = uapi.dmabuf_probe_attach.pack(fd=fd, kind=kind, reserved=reserved)
        self.ioctl(uapi.DMABUF_PROBE_ATTACH, argument)
        return Attachment(self, uapi.dmabuf_probe_attach.number(argument, "handle"))

    def map_all(self, attachments: Sequence[Attachment], direction: int = BOTH_WAYS) -> tuple[list[Mapping], int]:
        """Lock the buffers of all attachments in this order, with one acquire context, and map them all.

        Returns the mappings, and how often the kernel had it back off.
        """
        layout, count = uapi.dmabuf_probe_map_all, len(attachments)
        handles = [attachment.handle for attachment in attachments] + [0] * (uapi.DMABUF_PROBE_MAX_LOCKS - count)
        argument = layout.pack(count=count, direction=direction, attachments=tuple(handles))
        self.ioctl(uapi.DMABUF_PROBE_MAP_ALL, argument)
        mapped = layout.numbers(argument, "handles")[:count]
        return [Mapping(self, handle) for handle in mapped], layout.number(argument, "retries")

    def access(self, argument: bytearray) -> None:
        """The plain call that reads and writes contents."""
        self.ioctl(uapi.DMABUF_PROBE_ACCESS, argument)

    def events(self, after: int = 0) -> list[ProbeEvent]:
        """The log from the event after number ``after`` on."""
        found: list[ProbeEvent] = []
        while len(page := self._page_of_events(after)) == _EVENTS_AT_ONCE:
            found += page
            after = page[-1].sequence
        return found + page

    def _page_of_events(self, after: int) -> list[ProbeEvent]:
        size = uapi.dmabuf_probe_event.size
        room = array.array("B", bytes(_EVENTS_AT_ONCE * size))
        argument = uapi.dmabuf_probe_events.pack(after=after, pointer=room.buffer_info()[0], room=_EVENTS_AT_ONCE)
        self.ioctl(uapi.DMABUF_PROBE_EVENTS, argument)
        count = uapi.dmabuf_probe_events.number(argument, "count")
        data = room.tobytes()
        return [ProbeEvent(data[at : at + size]) for at in range(0, count * size, size)]

    def last_event(self) -> int:
        """Number of the latest event, 0 before the first."""
        for event in self.events(self._last_event):
            self._last_event = event.sequence
        return self._last_event


def _read(probe: Probe, handle: int, kind: int, length: int, offset: int) -> bytes:
    room = array.array("B", bytes(length))
    address = room.buffer_info()[0]
    probe.access(
        uapi.dmabuf_probe_access.pack(handle=handle, object=kind, offset=offset, length=length, pointer=address)
    )
    return room.tobytes()


def _write(probe: Probe, handle: int, kind: int, data: bytes, offset: int) -> None:
    room = array.array("B", data)
    probe.access(
        uapi.dmabuf_probe_access.pack(
            handle=handle,
            object=kind,
            flags=uapi.DMABUF_PROBE_WRITE,
            offset=offset,
            length=len(data),
            pointer=room.buffer_info()[0],
        )
    )


class Buffer(DmaBuf):
    """A dma-buf that the probe exports. Its state can be asked for also after it was closed."""

    def __init__(self, probe: Probe, fd: int, handle: int) -> None:
        super().__init__(fd)
        self.probe = probe
        self.handle = handle

    def attach(self, kind: int) -> Attachment:
        return self.probe.attach(self.fileno(), kind)

    def state(self) -> BufferState:
        argument = uapi.dmabuf_probe_buffer_state.pack(buffer=self.handle)
        self.probe.ioctl(uapi.DMABUF_PROBE_BUFFER_STATE, argument)
        return BufferState(argument)

    def fail(self, callback: int, error: int, nth: int = 1) -> None:
        """The ``nth`` next call of ``callback`` (DMABUF_PROBE_ON_PIN...) returns ``error``; nth 0: no call does."""
        argument = uapi.dmabuf_probe_fail.pack(buffer=self.handle, callback=callback, nth=nth, error=error)
        self.probe.ioctl(uapi.DMABUF_PROBE_FAIL, argument)

    def move(self, flags: int = 0) -> None:
        """To other pages, with its contents, and tell the importers. EBUSY while it is pinned."""
        self.probe.ioctl(uapi.DMABUF_PROBE_MOVE, uapi.dmabuf_probe_move.pack(buffer=self.handle, flags=flags))

    def read(self, length: int, offset: int = 0) -> bytes:
        """Bytes from where the buffer is now."""
        return _read(self.probe, self.handle, uapi.DMABUF_PROBE_BUFFER, length, offset)

    def write(self, data: bytes, offset: int = 0) -> None:
        """Bytes to where the buffer is now."""
        _write(self.probe, self.handle, uapi.DMABUF_PROBE_BUFFER, data, offset)

    def forget(self, flags: int = 0) -> None:
        """End the handle; the dma-buf lives on."""
        argument = uapi.dmabuf_probe_handle.pack(handle=self.handle, flags=flags)
        self.probe.ioctl(uapi.DMABUF_PROBE_CLOSE_BUFFER, argument)


class Handle:
    """An attachment or a mapping: ends with its ``with`` block unless a failure does."""

    def __init__(self, probe: Probe, handle: int) -> None:
        self.probe = probe
        self.handle = handle
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if error is None and self._open:
            self.close()

    def close(self) -> None:
        raise NotImplementedError

    def _end(self, request: int, argument: bytearray) -> None:
        self.probe.ioctl(request, argument)
        self._open = False


class Attachment(Handle):
    """An importer of a dma-buf."""

    def close(self) -> None:
        self.detach()

    def detach(self, flags: int = 0) -> None:
        self._end(uapi.DMABUF_PROBE_DETACH, uapi.dmabuf_probe_handle.pack(handle=self.handle, flags=flags))

    def map(self, direction: int = BOTH_WAYS, flags: int = 0) -> Mapping:
        argument = uapi.dmabuf_probe_map.pack(attachment=self.handle, direction=direction, flags=flags)
        self.probe.ioctl(uapi.DMABUF_PROBE_MAP, argument)
        number = uapi.dmabuf_probe_map.number
        return Mapping(self.probe, number(argument, "handle"), number(argument, "size"), number(argument, "table"))

    def pin(self, flags: int = 0) -> None:
        self.probe.ioctl(uapi.DMABUF_PROBE_PIN, uapi.dmabuf_probe_handle.pack(handle=self.handle, flags=flags))

    def unpin(self, flags: int = 0) -> None:
        self.probe.ioctl(uapi.DMABUF_PROBE_UNPIN, uapi.dmabuf_probe_handle.pack(handle=self.handle, flags=flags))

    def state(self) -> AttachmentState:
        argument = uapi.dmabuf_probe_attachment_state.pack(attachment=self.handle)
        self.probe.ioctl(uapi.DMABUF_PROBE_ATTACHMENT_STATE, argument)
        return AttachmentState(argument)


class Mapping(Handle):
    """A buffer as an importer has mapped it: ``size`` bytes. Two with the same ``table`` are one cached mapping."""

    def __init__(self, probe: Probe, handle: int, size: int = 0, table: int = 0) -> None:
        super().__init__(probe, handle)
        self.size = size
        self.table = table

    def close(self) -> None:
        self.unmap()

    def unmap(self, flags: int = 0) -> None:
        self._end(uapi.DMABUF_PROBE_UNMAP, uapi.dmabuf_probe_unmap.pack(mapping=self.handle, flags=flags))

    def read(self, length: int, offset: int = 0) -> bytes:
        """Bytes at the bus addresses of this mapping, as a device would see them."""
        return _read(self.probe, self.handle, uapi.DMABUF_PROBE_MAPPING, length, offset)

    def write(self, data: bytes, offset: int = 0) -> None:
        _write(self.probe, self.handle, uapi.DMABUF_PROBE_MAPPING, data, offset)
