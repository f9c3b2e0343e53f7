# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: T201 - it runs in a guest, where printing is how results leave
"""Runs in a guest: hold objects of the module dmabuf_probe until killed.

``/usr/bin/python3 -I -S hold_probe.py PROJECT everything|dmabuf``: buffers of all kinds, importers of all kinds with
mappings and pins, or a mere dma-buf whose maker is closed. Prints "holding" when it has them.
"""

from __future__ import annotations

import os
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])

from harness.guest import uapi  # noqa: E402
from harness.guest.kernel import Descriptor  # noqa: E402


def export(probe: Descriptor, kind: int) -> tuple[int, int]:
    """Handle of the buffer, descriptor of the dma-buf."""
    argument = uapi.dmabuf_probe_export.pack(size=1 << 16, kind=kind, fd_flags=os.O_RDWR)
    probe.ioctl(uapi.DMABUF_PROBE_EXPORT, argument)
    return uapi.dmabuf_probe_export.number(argument, "handle"), uapi.dmabuf_probe_export.number(argument, "fd")


def attach(probe: Descriptor, fd: int, kind: int) -> int:
    argument = uapi.dmabuf_probe_attach.pack(fd=fd, kind=kind)
    probe.ioctl(uapi.DMABUF_PROBE_ATTACH, argument)
    return uapi.dmabuf_probe_attach.number(argument, "handle")


def hold_importers(probe: Descriptor, fd: int) -> None:
    dynamic = attach(probe, fd, uapi.DMABUF_PROBE_IMPORT_DYNAMIC)
    for attachment in (dynamic, attach(probe, fd, uapi.DMABUF_PROBE_IMPORT_STATIC)):
        for direction in range(3):
            probe.ioctl(uapi.DMABUF_PROBE_MAP, uapi.dmabuf_probe_map.pack(attachment=attachment, direction=direction))
    together = uapi.dmabuf_probe_map_all.pack(count=2, attachments=(dynamic, dynamic, 0, 0, 0, 0, 0, 0))
    probe.ioctl(uapi.DMABUF_PROBE_MAP_ALL, together)
    probe.ioctl(uapi.DMABUF_PROBE_PIN, uapi.dmabuf_probe_handle.pack(handle=dynamic))
    probe.ioctl(uapi.DMABUF_PROBE_PIN, uapi.dmabuf_probe_handle.pack(handle=dynamic))


probe = Descriptor(os.open("/dev/dmabuf-probe", os.O_RDWR | os.O_CLOEXEC))
for kind in (uapi.DMABUF_PROBE_STATIC, uapi.DMABUF_PROBE_DYNAMIC):
    buffer, fd = export(probe, kind)
    if sys.argv[2] == "everything":
        probe.ioctl(uapi.DMABUF_PROBE_MOVE, uapi.dmabuf_probe_move.pack(buffer=buffer))
        hold_importers(probe, fd)
if sys.argv[2] != "everything":
    probe.close()
print("holding", flush=True)
signal.pause()
