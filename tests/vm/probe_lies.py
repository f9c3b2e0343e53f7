# SPDX-License-Identifier: GPL-2.0-only
"""For sabotaged_checks.py: lies about what the probe module saw, each the mark of a fault that a kernel could have."""

from __future__ import annotations

from harness.guest import kernel, oracle, probe, uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_buffer_state, _attachment_state = probe.BufferState.__init__, probe.AttachmentState.__init__
_events, _ioctl, _map, _number = probe.Probe.events, probe.Probe.ioctl, probe.Attachment.map, uapi.Layout.number


def _buffer(field: str, change: Callable[[int], int]) -> Callable[[probe.BufferState, bytearray], None]:
    def lie(self: probe.BufferState, data: bytearray) -> None:
        _buffer_state(self, data)
        setattr(self, field, change(getattr(self, field)))

    return lie


def _unlocked(self: probe.BufferState, data: bytearray) -> None:
    _buffer_state(self, data)
    self.unlocked = {call: count + 1 for call, count in self.unlocked.items()}


def _uncounted(self: probe.BufferState, data: bytearray) -> None:
    _buffer_state(self, data)
    self.calls = {call: 0 for call in self.calls}


def _attachment(field: str) -> Callable[[probe.AttachmentState, bytearray], None]:
    def lie(self: probe.AttachmentState, data: bytearray) -> None:
        _attachment_state(self, data)
        setattr(self, field, getattr(self, field) + 1)

    return lie


def _notified_twice(self: probe.AttachmentState, data: bytearray) -> None:
    _attachment_state(self, data)
    self.calls["notify"] += 1


def _never_notified(self: probe.AttachmentState, data: bytearray) -> None:
    _attachment_state(self, data)
    self.calls["notify"] = 0


def _one_call_less(self: probe.Probe, after: int = 0) -> list[probe.ProbeEvent]:
    return _events(self, after)[:-1]


def _one_call_more(self: probe.Probe, after: int = 0) -> list[probe.ProbeEvent]:
    return _events(self, after) + _events(self, 0)[-1:]


def _lock_the_other_way(self: probe.Probe, after: int = 0) -> list[probe.ProbeEvent]:
    found = _events(self, after)
    for event in found:
        event.locked = not event.locked
    return found


def _forgives(self: probe.Probe, request: int, argument: bytearray | int) -> int:
    try:
        return _ioctl(self, request, argument)
    except OSError:
        return 0


def _other_errno(self: probe.Probe, request: int, argument: bytearray | int) -> int:
    try:
        return _ioctl(self, request, argument)
    except OSError as error:
        raise OSError(1, "EPERM") from error


def _other_bytes(_self: object, length: int, offset: int = 0) -> bytes:
    return bytes([0xEE]) * length


def _tables() -> Iterator[int]:
    number = 1 << 32
    while True:
        number += 1
        yield number


_TABLES = _tables()


def _always_another_table(self: probe.Attachment, direction: int = 0, flags: int = 0) -> probe.Mapping:
    mapping = _map(self, direction, flags)
    mapping.table = next(_TABLES)
    return mapping


def _always_the_same_table(self: probe.Attachment, direction: int = 0, flags: int = 0) -> probe.Mapping:
    mapping = _map(self, direction, flags)
    mapping.table = 1
    return mapping


def _other_abi(self: uapi.Layout, data: bytes | bytearray, name: str) -> int:
    return _number(self, data, name) + (name in ("abi", "dropped"))


LIES: tuple[tuple[object, str, object], ...] = (
    (probe.Probe, "events", _one_call_less),
    (probe.Probe, "events", _one_call_more),
    (probe.AttachmentState, "__init__", _notified_twice),
    (probe.AttachmentState, "__init__", _never_notified),
    (probe.Mapping, "read", _other_bytes),
    (probe.Buffer, "read", _other_bytes),
    (oracle.KernelLog, "reports", lambda _self: []),
    (probe.Probe, "ioctl", _forgives),
    (probe.Probe, "ioctl", _other_errno),
    (probe.Probe, "events", _lock_the_other_way),
    (probe.BufferState, "__init__", _buffer("pins", lambda pins: pins + 1)),
    (probe.BufferState, "__init__", _buffer("mappings", lambda mappings: mappings + 1)),
    (probe.BufferState, "__init__", _buffer("attachments", lambda attachments: attachments + 1)),
    (probe.BufferState, "__init__", _buffer("generation", lambda generation: 1)),
    (probe.BufferState, "__init__", _buffer("pinned_bytes", lambda pinned: pinned ^ 1)),
    (probe.BufferState, "__init__", _buffer("released", lambda released: not released)),
    (probe.BufferState, "__init__", _unlocked),
    (probe.BufferState, "__init__", _uncounted),
    (probe.AttachmentState, "__init__", _attachment("pins")),
    (probe.AttachmentState, "__init__", _attachment("own_pins")),
    (probe.AttachmentState, "__init__", _attachment("mappings")),
    (probe.AttachmentState, "__init__", _attachment("stale_mappings")),
    (probe.Attachment, "map", _always_another_table),
    (probe.Attachment, "map", _always_the_same_table),
    (uapi.Layout, "number", _other_abi),
    (kernel.DmaBuf, "info", lambda _self: {}),
)
