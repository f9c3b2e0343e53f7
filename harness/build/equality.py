# SPDX-License-Identifier: GPL-2.0-only
"""Are two kernels the same to whoever boots them, though their sources differ in a comment?

Left out of the comparison is the build id alone: it is made of the debug information, too, which has line numbers.
There is no clock, user, host or git state in an image (``build.make``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from harness import process
from harness.model import Kernel
from harness.scratch import scratch

_BUILD_ID = (".notes", ".note.gnu.build-id")  # of vmlinux, of modules and programs
_ELF = b"\x7fELF"


def kernel_digest(kernel: Kernel) -> str:
    """Equal for kernels whose image, modules, selftests and options are equal."""
    digest = hashlib.sha256()
    options = [line for line in kernel.config.read_text().splitlines() if line.startswith("CONFIG_")]
    digest.update("\n".join(options).encode())
    with scratch("digest") as place:
        for path in _files(kernel):
            name = path.relative_to(kernel.modules)
            digest.update(f"\0{name}\0".encode("utf-8", "surrogateescape"))
            digest.update(_content(path, place / "plain"))
    return digest.hexdigest()[:32]


def _files(kernel: Kernel) -> Iterator[Path]:
    places = (kernel.modules / "lib", kernel.modules / "kselftests")
    found = [path for place in places for path in place.rglob("*") if path.is_file()]
    yield from sorted([kernel.image, *found])


def _content(path: Path, scratch: Path) -> bytes:
    data = path.read_bytes()
    if not data.startswith(_ELF):
        return data
    without = [word for section in _BUILD_ID for word in ("-R", section)]
    process.check(["objcopy", *without, path, scratch], what="objcopy")
    return scratch.read_bytes()
