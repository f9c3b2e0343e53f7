# SPDX-License-Identifier: GPL-2.0-only
"""Lies about what the kernel answered to the ioctl checks: each is put in place of what the bindings really do."""

from __future__ import annotations

import mmap
import os
import socket
from types import SimpleNamespace

from harness.guest import failing, gem_node, kernel, memory, oracle, registry, slabs, syncobj, uapi
from harness.guest.checks import (
    concurrency,
    dmabuf_names,
    dmabuf_sharing,
    exporters,
    gem_memory_of_drivers,
    gem_objects_of_drivers,
    heap,
    limits,
    resv_waits,
    sw_sync,
    sync_objects,
    udmabuf_memory,
    vgem,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Lie = tuple[object, str, object]

_ioctl, _map, _seal, _close = kernel.Descriptor.ioctl, kernel.DmaBuf.map, kernel.Memfd.seal, kernel.Descriptor.close
_fences, _lseek, _read, _import = kernel.SyncFile.fences, os.lseek, os.read, kernel.Drm.import_fd
_number, _query = uapi.Layout.number, syncobj.SyncNode.query


def _accepts(self: kernel.Descriptor, request: int, argument: bytearray | int) -> int:
    try:
        return _ioctl(self, request, argument)
    except OSError:
        return os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)


def _other_errno(self: kernel.Descriptor, request: int, argument: bytearray | int) -> int:
    try:
        return _ioctl(self, request, argument)
    except OSError as error:
        raise OSError(5, "EIO") from error


def _unshared(_self: kernel.DmaBuf, length: int, offset: int = 0, flags: int = 0, prot: int = 3) -> mmap.mmap:
    return mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


def _dirty(self: kernel.DmaBuf, length: int, offset: int = 0, flags: int = 1, prot: int = 3) -> mmap.mmap:
    view = _map(self, length, offset, flags, prot)
    if prot & mmap.PROT_WRITE:
        view[0] = 0xEE
    return view


def _forgetful(self: kernel.Descriptor) -> None:
    """In a child: some buffers of the module's node have no memory, which is SIGBUS for who writes there."""
    if isinstance(self, kernel.DmaBuf) and self.fileno() >= 0:
        child = os.fork()
        if child == 0:
            try:
                _map(self, kernel.PAGE)[:] = bytes(kernel.PAGE)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
    _close(self)


def _no_write_seal(self: kernel.Memfd, seals: int) -> None:
    if seals == uapi.F_SEAL_WRITE:
        raise OSError(16, "EBUSY")
    _seal(self, seals)


def _false_seal(self: kernel.Memfd, seals: int) -> None:
    if seals != uapi.F_SEAL_WRITE:
        _seal(self, seals)


def _wrong_fences(self: kernel.SyncFile) -> list[kernel.Fence]:
    fences = _fences(self)
    for fence in fences:
        fence.timestamp, fence.status = 12, 0
    return fences * 2


def _seeks_anywhere(fd: int, offset: int, whence: int) -> int:
    try:
        return _lseek(fd, offset, whence) + 1
    except OSError:
        return 0


def _reads_anything(fd: int, count: int) -> bytes:
    """But for what the runner reads: the kernel log, and lists, to an end that would never come."""
    name = os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115
    return _read(fd, count) if name == oracle.KMSG or name.startswith(("/sys/", "/proc/")) else b"x"


def _new_inodes() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number


def _end_in_tears(child: int) -> int:
    os.waitpid(child, 0)
    return 1


def _out_of_reach(*_arguments: object) -> tuple[object, OSError, bool]:
    return None, OSError(5, "EIO"), True


def _refuses(*_arguments: object, **_named: object) -> None:
    raise OSError(5, "EIO")


def _other_answers(self: uapi.Layout, data: bytes | bytearray, name: str) -> int:
    return _number(self, data, name) + (name in ("result", "value", "first_signaled"))


class _KeptClient(syncobj.SyncNode):
    """The kernel never hears that it was closed: it is on its way through a socket, and nobody has it open."""

    _way, _end = socket.socketpair()  # before the check, which must leave no descriptor behind

    def close(self) -> None:
        if self.fileno() >= 0:
            socket.send_fds(self._way, [b"!"], [self.fileno()])
        super().close()


_INODES = _new_inodes()
_EVERYWHERE: list[Lie] = [
    (kernel.Descriptor, "ioctl", _accepts),
    (kernel.Descriptor, "ioctl", _other_errno),
    (kernel.Descriptor, "poll", lambda _self, _events, _seconds=0: 0),
    (kernel.Descriptor, "poll", lambda _self, events, _seconds=0: events),
    (kernel.Descriptor, "closes_on_exec", lambda _self: False),
    (kernel.Descriptor, "close", _forgetful),
    (kernel.DmaBuf, "map", _unshared),
    (kernel.DmaBuf, "map", _dirty),
    (kernel.DmaBuf, "size", lambda _self: 1),
    (kernel.DmaBuf, "sync", _refuses),
    (kernel.DmaBuf, "sync", lambda _self, _flags: None),
    (kernel.DmaBuf, "set_name", lambda _self, _name, _request=0: None),
    (kernel.DmaBuf, "inode", lambda _self: next(_INODES)),
    (kernel.DmaBuf, "info", lambda _self: {"size": "1", "count": "1"}),
    (kernel.DmaBuf, "info", lambda _self: {"name": "a lie"}),
    (kernel.SyncFile, "status", lambda _self: 0),
    (kernel.SyncFile, "status", lambda _self: 1),
    (kernel.SyncFile, "fences", _wrong_fences),
    (kernel.Timeline, "deadline", lambda _self, _fence: 1),
    (kernel.Memfd, "seal", _no_write_seal),
    (kernel.Memfd, "seal", _false_seal),
    (kernel.Drm, "import_fd", lambda self, fd: _import(self, fd) + 1),
    (kernel.Drm, "capability", lambda _self, _number: 0),
    (uapi.Layout, "text", lambda _self, _data, _name: "x"),
    (uapi.Layout, "number", _other_answers),
    (syncobj.SyncNode, "query", lambda self, handle, flags=0: _query(self, handle, flags) + 1),
    (syncobj.EventFd, "count", lambda _self: 7),
    (syncobj.SyncNode, "destroy", lambda _self, _handle, pad=0: None),
    (gem_node.GemNode, "lock", _refuses),
    (slabs, "_grown", lambda _before, rounds: {"kmalloc-8": rounds}),
    (failing.Failing, "once", _out_of_reach),
    (memory, "memory", lambda _field: -next(_INODES) << 40),
    (os, "ftruncate", lambda _fd, _size: None),
    (os, "lseek", _seeks_anywhere),
    (os, "read", _reads_anything),
]
# What is found of it is what the kernel still has when the check has ended.
_KEPT: Lie = (sync_objects, "SyncNode", _KeptClient)
# Only for the checks of the module that they are told in.
_THERE: list[Lie] = [
    _KEPT,
    (dmabuf_names, "bufinfo", lambda: ""),
    (concurrency, "bufinfo", lambda: ""),
    (sw_sync, "_sync_info", lambda: ""),
    (dmabuf_sharing, "in_child", lambda _action: 1),
    (dmabuf_sharing, "end_of_child", _end_in_tears),
    (exporters, "in_child", lambda _action: 1),
    (gem_memory_of_drivers, "in_child", lambda _action: 1),
    (gem_objects_of_drivers, "in_child", lambda _action: 1),
    (heap, "end_of_child", _end_in_tears),
    (limits, "in_child", lambda _action: 1),
    (resv_waits, "_excess", lambda *_timelines: 60_000.0),
    (resv_waits, "_sleeps_of", lambda _action: 1000),
    (udmabuf_memory, "memory", lambda _field: -next(_INODES) << 40),
    (vgem, "mmap", SimpleNamespace(mmap=mmap.mmap, MAP_PRIVATE=mmap.MAP_SHARED)),
]


ALL = (*_THERE, *_EVERYWHERE)
"""Every lie, in an order that stays."""


def lies_for(name: str) -> Iterator[Lie]:
    """The lies to tell check ``name``, in an order that soon finds one: those of its own file, then the best so far."""
    home = registry.registered()[name].__module__
    yield from (lie for lie in _THERE if getattr(lie[0], "__name__", "") == home)
    yield from list(_EVERYWHERE)


def left_behind(lie: Lie) -> tuple[str, ...]:
    """How a check that believed ``lie`` says that it found something, if it is what the kernel has kept."""
    return ("leaked 1 timeline: ",) if lie is _KEPT else ()


def was_caught(lie: Lie) -> None:
    """``lie`` was found out: it is likely to be found out by the next check as well."""
    if lie in _EVERYWHERE:
        _EVERYWHERE.remove(lie)
        _EVERYWHERE.insert(0, lie)
