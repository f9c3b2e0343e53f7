# SPDX-License-Identifier: GPL-2.0-only
"""Which files of the source tree took part in a build, as kbuild itself recorded it.

kbuild writes ``.X.cmd`` beside each object, with its source and all headers that the compiler read
(scripts/basic/fixdep.c: ``source_X := ...`` and ``deps_X := \\``).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from harness.model import Kernel
from harness.paths import write_atomic

_LIST = "sources.txt"  # in the kernel's directory
_PATH = re.compile(r"[^\s:;()'\"=]+")


def source_files(objects: Path, tree: Path) -> frozenset[str]:
    """Paths relative to ``tree`` of the files that the object tree ``objects`` was made from.

    Only those that are still there: what a former patch added leaves its ``.cmd`` behind.
    """
    inside, found = f"{tree}/", set[str]()
    for directory, _, names in os.walk(objects):
        for name in names:
            if name.endswith(".cmd"):
                found.update(_named(Path(directory, name)))
    paths = (os.path.normpath(objects / path) for path in found)
    mine = (path for path in paths if path.startswith(inside))
    return frozenset(path.removeprefix(inside) for path in mine if os.path.isfile(path))  # noqa: PTH113 - thousands


def _named(command: Path) -> set[str]:
    """Paths, absolute or, after ccache, from the object tree."""
    text = command.read_text(errors="surrogateescape")
    lines = [line for line in text.splitlines() if not line.startswith(("cmd_", "savedcmd_"))]
    return {word for line in lines for word in _PATH.findall(line) if word.startswith(("/", "../"))}


def record(directory: Path, objects: Path, tree: Path) -> None:
    """Write the list of source files into the ``directory`` of a kernel."""
    text = "".join(f"{path}\n" for path in sorted(source_files(objects, tree)))
    write_atomic(directory / _LIST, text)


def sources_of(kernel: Kernel) -> frozenset[str] | None:
    """The source files of a finished kernel; None for a kernel of the cache that is older than this list."""
    path = kernel.modules / _LIST
    if not path.is_file():
        return None
    return frozenset(path.read_bytes().decode("utf-8", "surrogateescape").splitlines())
