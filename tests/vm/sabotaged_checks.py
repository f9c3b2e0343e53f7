# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: T201 - it runs in a guest, where printing is how results leave
"""Runs in a guest: shows that every check can fail, by lying to it about what the kernel did.

``/usr/bin/python3 -I -S sabotaged_checks.py PROJECT [NAME|GROUP|PATTERN ...]`` runs each check honestly, then under
each lie until one makes it fail. Prints ``BROKEN name`` for a check that fails honestly, ``BLIND name`` for one that
no lie could make fail; exit status 0 if there is neither.
"""

from __future__ import annotations

import mmap
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])

from harness.guest import kernel, registry, runner, uapi  # noqa: E402
from harness.guest.checks import dmabuf_names  # noqa: E402
from tests.vm import probe_lies  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_ioctl, _map, _seal, _close = kernel.Descriptor.ioctl, kernel.DmaBuf.map, kernel.Memfd.seal, kernel.Descriptor.close
_fences, _lseek, _import = kernel.SyncFile.fences, os.lseek, kernel.Drm.import_fd


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
    if isinstance(self, kernel.DmaBuf) and self.fileno() >= 0:
        with _map(self, kernel.PAGE) as view:
            view[:] = bytes(kernel.PAGE)
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


def _new_inodes() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number


def _refuses(*_arguments: object) -> None:
    raise OSError(5, "EIO")


_INODES = _new_inodes()
LIES: tuple[tuple[object, str, object], ...] = (
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
    (kernel.DmaBuf, "inode", lambda _self: next(_INODES)),
    (kernel.DmaBuf, "info", lambda _self: {"size": "1", "count": "1"}),
    (kernel.SyncFile, "status", lambda _self: 0),
    (kernel.SyncFile, "status", lambda _self: 1),
    (kernel.SyncFile, "fences", _wrong_fences),
    (kernel.Timeline, "deadline", lambda _self, _fence: 1),
    (kernel.Memfd, "seal", _no_write_seal),
    (kernel.Memfd, "seal", _false_seal),
    (kernel.Drm, "import_fd", lambda self, fd: _import(self, fd) + 1),
    (kernel.Drm, "capability", lambda _self, _number: 0),
    (uapi.Layout, "text", lambda _self, _data, _name: "x"),
    (dmabuf_names, "bufinfo", lambda: ""),
    (os, "lseek", _seeks_anywhere),
    (os, "read", lambda _fd, _count: b"x"),
)


def _run(name: str) -> runner.Outcome:
    return runner.run_check(registry.registered()[name], places=registry.provoked(name))


def _lies(name: str) -> tuple[tuple[object, str, object], ...]:
    return probe_lies.LIES if name.startswith(("contract.", "probe.")) else LIES


def _caught(name: str, owner: object, attribute: str, lie: object) -> bool:
    truth = getattr(owner, attribute)
    setattr(owner, attribute, lie)
    try:
        trouble = _run(name).trouble
    finally:
        setattr(owner, attribute, truth)
    if _lies(name) is LIES:
        return bool(trouble)
    # Found by the check's own eyes: what it leaves behind when it is led astray does not count.
    return any(line.startswith(("failed: ", "no kernel report ")) for line in trouble)


def main() -> int:
    bad = 0
    for name in runner.select(sys.argv[2:]):
        honest = _run(name)
        if honest.trouble:
            print(f"BROKEN {name}: {honest.trouble[0]}", flush=True)
        elif honest.skipped:
            print(f"skipped {name}: {honest.skipped}", flush=True)
            continue
        elif any(_caught(name, *lie) for lie in _lies(name)):
            continue
        else:
            print(f"BLIND {name}", flush=True)
        bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    runner.RELEASE_LIMIT = 0.2
    sys.exit(main())
