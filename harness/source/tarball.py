# SPDX-License-Identifier: GPL-2.0-only
"""A kernel's ``.tar.xz`` from somewhere: looked through before a byte of it is written."""

from __future__ import annotations

import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from harness import process
from harness.errors import InfrastructureError
from harness.machine_failures import failed
from harness.source.download import Notify
from harness.source.unpack import appearing

# 6.12 has 92,000 entries and 1.5 GB; a file of more than this is no kernel.
_MOST_BYTES = 6 << 30
_MOST_ENTRIES = 500_000


def unpack_tarball(tar: Path, target: Path, top: str, notify: Notify, finish: Callable[[Path], None]) -> None:
    """Unpack ``tar``, in which all is below ``top``, to ``target``, which must not exist; ``finish`` as in
    ``unpack_linux_source``. Raises ``InfrastructureError`` if something in it has no place in a kernel's source.
    """
    notify("looking through the tar file")
    try:
        check_tarball(tar, top)
    except InfrastructureError:
        tar.unlink()
        raise
    with appearing(target, notify, finish) as part:
        notify("unpacking the source")
        argv: list[str | Path] = [
            "tar",
            "-xf",
            tar,
            "--strip-components=1",
            "--no-same-owner",
            "--no-same-permissions",
            "-C",
            part,
        ]
        done = process.run(argv, env=process.clean_environment({"XZ_DEFAULTS": "-T0"}))
        if not done.ok:
            raise failed(done, "tar", part)


def check_tarball(tar: Path, top: str) -> None:
    """Read ``tar`` to its end. Raises ``InfrastructureError`` for what is damaged, too large, or leads elsewhere."""
    try:
        with _Limited(tar) as plain, tarfile.open(fileobj=plain, mode="r|") as archive:
            size = 0
            for count, member in enumerate(archive):
                size += member.size
                if size > _MOST_BYTES or count > _MOST_ENTRIES:
                    raise _unfit(tar, f"unpacks to more than {_MOST_BYTES >> 30} GiB or {_MOST_ENTRIES} files")
                if trouble := _trouble(member, top):
                    raise _unfit(tar, f"holds {member.name!r}, {trouble}")
    except (lzma.LZMAError, EOFError, tarfile.TarError) as error:
        raise _unfit(tar, f"is damaged ({error})") from error


class _Limited(lzma.LZMAFile):
    """Ends when it becomes too large: what a header alone declares, or what follows the last file, can be a bomb."""

    def __init__(self, tar: Path) -> None:
        super().__init__(tar)
        self._tar = tar
        self._left = _MOST_BYTES

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self._left -= len(data)
        if self._left < 0:
            raise _unfit(self._tar, f"unpacks to more than {_MOST_BYTES >> 30} GiB")
        return data


def _trouble(member: tarfile.TarInfo, top: str) -> str:
    """What is wrong with an entry; "" if nothing is."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or path.parts[:1] != (top,):
        return f"which is not below {top}"
    if ".git" in path.parts:
        return "which git would take for its own"
    if member.issym():
        return "a link that leaves the tree" if _leaves(path.parent, member.linkname) else ""
    return "" if member.isreg() or member.isdir() else "which is neither file, directory nor symbolic link"


def _leaves(folder: PurePosixPath, target: str) -> bool:
    """True if the link ``target`` in ``folder`` leads above the tree's top, which is the first part of ``folder``."""
    depth = len(folder.parts)
    for part in PurePosixPath(target).parts:
        depth += -1 if part == ".." else 1
        if part == "/" or depth < 1:
            return True
    return False


def _unfit(tar: Path, what: str) -> InfrastructureError:
    return InfrastructureError(f"{what}: not the source of a kernel", where=tar.name, hint="use another mirror")
