# SPDX-License-Identifier: GPL-2.0-only
"""The host's programs are the guest's, too: its root is the host's, read over 9p.

Where a package manager replaces them, a guest loses what it runs from, sshd first. That is no failure of its kernel.
And what a test shows depends on them: on those files that a guest runs from, whatever else the host has installed.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable, Iterator
from functools import cache, partial
from itertools import chain
from pathlib import Path

from harness import process
from harness.architecture import ARCHITECTURE
from harness.causes import Cause
from harness.interfaces import GuestLost
from harness.paths import PROJECT_ROOT

PACKAGES = tuple(map(Path, ("/var/lib/dpkg/info", "/var/lib/dpkg/status", "/var/lib/rpm", "/var/lib/pacman/local")))
"""What package managers write to with every package."""

PROGRAMS = (
    *("sh", "mount", "mkdir", "chmod", "ip", "cat", "install", "ln", "sshd"),  # harness/guest/init
    *("tar", "pivot_root", "chroot", "umount"),  # the same, of a guest whose root is a copy
    *("python3", "modprobe", "dmesg", "sed", "grep", "timeout", "stdbuf"),  # what suites run, and vm/ asks with
)
"""What runs in a guest, found as ``init`` finds it."""

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_PYTHON = Path("/usr/bin/python3")  # as in harness/guest/bundle.py
# What those start, load and read without anybody naming it: sshd has parts since OpenSSH 9.8.
_BESIDE = (
    *("/usr/lib/openssh/sshd-*", "/usr/libexec/openssh/sshd-*", "/usr/lib/ssh/sshd-*"),
    *("/usr/libexec/coreutils/libstdbuf.so", "/usr/lib/coreutils/libstdbuf.so"),
    *("/etc/modprobe.d/*.conf", "/usr/lib/modprobe.d/*.conf"),
)
# The modules that the checks import, those that they import only at need included (harness/guest/oracle.py,
# runner.py, armed_calls.py, checks/limits.py).
_ASK_PYTHON = (
    f"import sys; sys.path.insert(0, {str(PROJECT_ROOT)!r}); from harness.guest import checks, runner;"
    "checks.all_checks(); import ctypes, fnmatch, re, resource;"
    "print(*filter(None, (getattr(module, '__file__', None) for module in tuple(sys.modules.values()))), sep='\\n')"
)
_LIBRARY = re.compile(r"(/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)  # "libc.so.6 => /lib/.../libc.so.6 (0x00007f...)"


def blamed(
    lost: GuestLost, since: float, packages: Iterable[Path] = PACKAGES, files: Iterable[Path] | None = None
) -> GuestLost:
    """``lost`` as the machine's doing, if its kernel lived and what it runs from was changed ``since`` (epoch seconds).

    ``packages``: lists of package managers, which may be in the middle of it. ``files``: default ``guest_files``.
    """
    if lost.cause is not Cause.CONNECTION:
        return lost
    changed = any(path.exists() and _is_newer(path, since) for path in packages)
    if not changed and not any(_is_newer(path, since) for path in (guest_files() if files is None else files)):
        return lost
    return GuestLost(f"{lost.reason}; packages of the host, whose files are the guest's, were changed", Cause.MACHINE)


def _is_newer(path: Path, since: float) -> bool:
    """True if ``path`` was written or put in its place after ``since``, or is gone.

    A file out of a package has an old mtime; its ctime is when it was put there.
    """
    try:
        return path.stat().st_ctime > since
    except OSError:
        return True


def guest_identity() -> str:
    """Equal as long as guests run from the same files, in another container, too: what they show depends on them.

    Paths and content count, and no times. QEMU counts, as the machine that a guest sees.
    """
    emulator = process.which(ARCHITECTURE.emulator)
    return identity([*guest_files(), *([emulator] if emulator is not None else [])])


def identity(files: Iterable[Path]) -> str:
    """Hash of the paths of ``files`` and what is in them; one that cannot be read counts as empty."""
    digest = hashlib.sha256()
    for path in sorted(set(files)):
        digest.update(f"\0{path}\0".encode("utf-8", "surrogateescape") + _digest(path))
    return digest.hexdigest()


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:  # being replaced: then nothing is equal to it
        return b""


@cache
def guest_files() -> frozenset[Path]:
    """The files of the host that a guest runs from: programs, their libraries, the modules of Python, settings.

    Where that cannot be told (no ldd), what the package managers list stands for the libraries. They are looked for
    once: one that is replaced under another name meanwhile is one that cannot be read any more.
    """
    return frozenset(path.resolve() for path in named_guest_files())


@cache
def named_guest_files() -> frozenset[Path]:
    """The same under the names by which they are asked for, which may be links."""
    programs = [Path(found) for found in map(partial(shutil.which, path=_PATH), PROGRAMS) if found]
    modules = _python_modules()
    named = [*programs, *modules, *chain.from_iterable(Path("/").glob(pattern[1:]) for pattern in _BESIDE)]
    libraries = _libraries([path for path in named if path.suffix not in (".py", ".conf")])
    rest = libraries if libraries and modules else _listed()
    return frozenset([*named, *rest])


def _listed() -> Iterator[Path]:
    for path in PACKAGES:
        yield from path.iterdir() if path.is_dir() else [path]


def _python_modules() -> list[Path]:
    if not _PYTHON.is_file():
        return []
    done = process.run([_PYTHON, "-I", "-S", "-B", "-c", _ASK_PYTHON])
    files = map(Path, done.stdout.splitlines() if done.ok else [])
    return [path for path in files if not path.is_relative_to(PROJECT_ROOT)]


def _libraries(binaries: Iterable[Path]) -> list[Path]:
    """What the dynamic linker loads for ``binaries``, itself included; nothing if there is no ldd."""
    ldd = process.which("ldd")
    if ldd is None:
        return []
    told = process.run([ldd, *binaries]).stdout  # its status is no answer: one that is linked statically is a failure
    return [Path(found) for found in _LIBRARY.findall(told)]
