# SPDX-License-Identifier: GPL-2.0-only
"""What the module dmabuf_probe refuses: handles, sizes, kinds and flags that a call may not have."""

from __future__ import annotations

import os
from errno import EBADF, EINVAL, EIO, ENOENT, EOPNOTSUPP

from harness.guest import uapi
from harness.guest.checks.contract import SIZE, D, expect_balance
from harness.guest.kernel import PAGE
from harness.guest.probe import BOTH_WAYS, FROM_DEVICE, Probe
from harness.guest.registry import Group, does_not_apply, expect_errno

check = Group("probe")

_NAMING = (
    (uapi.DMABUF_PROBE_FAIL, uapi.dmabuf_probe_fail, "buffer"),
    (uapi.DMABUF_PROBE_MOVE, uapi.dmabuf_probe_move, "buffer"),
    (uapi.DMABUF_PROBE_CLOSE_BUFFER, uapi.dmabuf_probe_handle, "handle"),
    (uapi.DMABUF_PROBE_BUFFER_STATE, uapi.dmabuf_probe_buffer_state, "buffer"),
    (uapi.DMABUF_PROBE_DETACH, uapi.dmabuf_probe_handle, "handle"),
    (uapi.DMABUF_PROBE_PIN, uapi.dmabuf_probe_handle, "handle"),
    (uapi.DMABUF_PROBE_UNPIN, uapi.dmabuf_probe_handle, "handle"),
    (uapi.DMABUF_PROBE_MAP, uapi.dmabuf_probe_map, "attachment"),
    (uapi.DMABUF_PROBE_ATTACHMENT_STATE, uapi.dmabuf_probe_attachment_state, "attachment"),
    (uapi.DMABUF_PROBE_UNMAP, uapi.dmabuf_probe_unmap, "mapping"),
)
_OF_BUFFERS, _OF_ATTACHMENTS, _OF_MAPPINGS = _NAMING[:4], _NAMING[4:9], _NAMING[9:]


def _expect_unknown(probe: Probe, naming: tuple[tuple[int, uapi.Layout, str], ...], handle: int) -> None:
    for request, layout, field in naming:
        with expect_errno(ENOENT):
            probe.ioctl(request, layout.pack(**{field: handle}))


# --- handles ----------------------------------------------------------------------------------


@check
def handles_that_were_never_given_are_unknown() -> None:
    with Probe() as probe:
        for handle in (0, 1, uapi.DMABUF_PROBE_MAX_HANDLES + 1, 0xFFFFFFFF):
            _expect_unknown(probe, _NAMING, handle)


@check
def handles_of_another_kind_are_unknown() -> None:
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as importer, importer.map() as mapping:
        _expect_unknown(probe, _OF_ATTACHMENTS + _OF_MAPPINGS, buffer.handle)
        _expect_unknown(probe, _OF_BUFFERS + _OF_MAPPINGS, importer.handle)
        _expect_unknown(probe, _OF_BUFFERS + _OF_ATTACHMENTS, mapping.handle)


@check
def handles_of_another_file_are_unknown() -> None:
    with (
        Probe() as probe,
        Probe() as stranger,
        probe.export(SIZE) as buffer,
        buffer.attach(D) as importer,
        importer.map() as mapping,
    ):
        for handle in (buffer.handle, importer.handle, mapping.handle):
            _expect_unknown(stranger, _NAMING, handle)


@check
def handles_end_with_what_they_stand_for() -> None:
    with Probe() as probe, probe.export(SIZE) as buffer:
        importer = buffer.attach(D)
        mapping = importer.map()
        mapping.unmap()
        _expect_unknown(probe, _OF_MAPPINGS, mapping.handle)
        importer.detach()
        _expect_unknown(probe, _OF_ATTACHMENTS, importer.handle)
        buffer.forget()
        _expect_unknown(probe, _OF_BUFFERS, buffer.handle)


# --- arguments --------------------------------------------------------------------------------


@check
def sizes_are_whole_pages_within_the_limit() -> None:
    with Probe() as probe:
        for size in (0, 1, PAGE - 1, PAGE + 1, uapi.DMABUF_PROBE_MAX_SIZE + PAGE, 1 << 63):
            with expect_errno(EINVAL):
                probe.export(size)


@check
def unknown_kinds_and_flags_are_refused() -> None:
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as importer, importer.map() as mapping:
        for act in (
            lambda: probe.export(SIZE, uapi.DMABUF_PROBE_CACHING_DYNAMIC + 1),
            lambda: probe.export(SIZE, flags=os.O_APPEND),
            lambda: probe.export(SIZE, flags=os.O_ACCMODE),
            lambda: buffer.attach(uapi.DMABUF_PROBE_IMPORT_NO_CALLBACK + 1),
            lambda: buffer.fail(uapi.DMABUF_PROBE_ON_MAP + 1, EIO),
            lambda: buffer.move(2),
            lambda: buffer.forget(1),
            lambda: importer.map(FROM_DEVICE + 1),
            lambda: importer.map(BOTH_WAYS, 2),
            lambda: importer.pin(2),
            lambda: importer.unpin(2),
            lambda: importer.detach(1),
            lambda: mapping.unmap(2),
        ):
            with expect_errno(EINVAL):
                act()
        expect_balance(buffer, buffer.state().pins, mappings=1, attachments=1)


@check
def reserved_fields_must_be_zero() -> None:
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as importer:
        named = uapi.dmabuf_probe_map_all.pack(count=1, attachments=(importer.handle, 0, 0, 0, 0, 0, 0, 0), reserved=1)
        for request, argument in (
            (uapi.DMABUF_PROBE_ATTACH, uapi.dmabuf_probe_attach.pack(fd=buffer.fileno(), reserved=1)),
            (uapi.DMABUF_PROBE_MAP, uapi.dmabuf_probe_map.pack(attachment=importer.handle, reserved=1)),
            (uapi.DMABUF_PROBE_MAP_ALL, named),
            (uapi.DMABUF_PROBE_ACCESS, uapi.dmabuf_probe_access.pack(handle=buffer.handle, object=1, reserved=1)),
            (uapi.DMABUF_PROBE_BUFFER_STATE, uapi.dmabuf_probe_buffer_state.pack(buffer=buffer.handle, reserved=1)),
            (
                uapi.DMABUF_PROBE_ATTACHMENT_STATE,
                uapi.dmabuf_probe_attachment_state.pack(attachment=importer.handle, reserved=1),
            ),
        ):
            with expect_errno(EINVAL):
                probe.ioctl(request, argument)


@check
def exporters_that_an_api_lacks_are_refused() -> None:
    """As such, not as invalid."""
    with Probe() as probe:
        absent = []
        if probe.generation != uapi.DMABUF_PROBE_V15:
            absent.append(uapi.DMABUF_PROBE_NOT_DYNAMIC)
        if probe.generation == uapi.DMABUF_PROBE_INVALIDATE:
            absent += [uapi.DMABUF_PROBE_CACHING, uapi.DMABUF_PROBE_CACHING_DYNAMIC]
        if not absent:
            does_not_apply("this API has exporters of all kinds")
        for kind in absent:
            with expect_errno(EOPNOTSUPP):
                probe.export(SIZE, kind)


@check
def only_dma_bufs_are_imported() -> None:
    with Probe() as probe:
        with expect_errno(EBADF):
            probe.attach(-1, D)
        with expect_errno(EINVAL):
            probe.attach(probe.fileno(), D)
