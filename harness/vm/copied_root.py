# SPDX-License-Identifier: GPL-2.0-only
"""The root of a guest as one archive: copies of the host's files that it runs from, in its own memory.

A guest that was booted from the host's root over 9p cannot be saved: QEMU refuses while an export is mounted
(hw/9pfs/9p.c, ``v9fs_attach``). ``harness/guest/init`` unpacks this archive, lets the host's root go, and starts again.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from harness.model import Kernel
from harness.paths import GUEST_INIT
from harness.vm.host import named_guest_files

ARCHIVE = "root.tar"
"""Its name in the directory of a boot: that it is there tells ``init`` what to do."""

_DIRECTORIES = ("proc", "sys", "dev", "run", "tmp", "old", "root", "usr", "var")
_ACCOUNTS = ("etc/passwd", "etc/shadow")  # over which init mounts its own


def write_root(archive: Path, kernel: Kernel, boot_files: Mapping[Path, Path]) -> None:
    """Write the ``archive`` for a guest of ``kernel``. ``boot_files``: path in the guest -> file on the host."""
    files = named_guest_files()
    compiled = [found for path in files for found in path.parent.glob(f"__pycache__/{path.stem}.*.pyc")]
    named = [*files, *compiled, GUEST_INIT]
    modules = [path for path in kernel.modules.joinpath("lib").rglob("*") if path.is_file()]
    with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(set(_with_links([*_top(), *named, *modules]))):
            tar.add(path, arcname=str(path).lstrip("/"), recursive=False)
        for name in (*_DIRECTORIES, *(str(path.parent) for path in boot_files)):
            tar.addfile(_directory(name.lstrip("/")))
        for name in _ACCOUNTS:
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
        for inside, outside in boot_files.items():
            tar.add(outside, arcname=str(inside).lstrip("/"))


def _directory(name: str) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
    return made


def _top() -> Iterator[Path]:
    """/bin, /lib64 and their like, where they are links into /usr."""
    return (path for path in Path("/").iterdir() if path.is_symlink() and path.name.startswith(("bin", "sbin", "lib")))


def _with_links(paths: Iterable[Path]) -> Iterator[Path]:
    """Each of ``paths`` in its real directory, with all that it is a link to."""
    for path in paths:
        real = path.parent.resolve() / path.name
        while True:
            yield real
            if not real.is_symlink():
                break
            target = real.parent / real.readlink()
            real = target.parent.resolve() / target.name
            if real.is_dir():
                break
