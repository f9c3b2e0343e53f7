# SPDX-License-Identifier: GPL-2.0-only
"""The digest of a finished kernel: the same for kernels that boot alike, though their sources differ in a comment.

Left out of the comparison is what is made of line numbers and paths: debug information, and the build ids, which are
hashes of it. There is no clock, user, host or git state in an image (``build.make``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from harness import process
from harness.architecture import ARCHITECTURE
from harness.model import Kernel
from harness.scratch import scratch

_ELF = b"\x7fELF"
# The note NT_GNU_BUILD_ID (elf(5)) with an MD5 or a SHA-1. vmlinux has more than its own: those of the vDSOs in it.
_BUILD_ID = re.compile(rb"\x04\0{3}(?:\x10\0{3}\x03\0{3}GNU\0.{16}|\x14\0{3}\x03\0{3}GNU\0.{20})", re.DOTALL)


def kernel_digest(kernel: Kernel) -> str:
    """Hash of a kernel's image, modules, selftests and options: equal kernels have the same."""
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


def _content(path: Path, plain: Path) -> bytes:
    data = path.read_bytes()
    if not data.startswith(_ELF):
        return data
    process.check([ARCHITECTURE.tool("objcopy"), "--strip-debug", path, plain], what="objcopy")
    return _BUILD_ID.sub(b"", plain.read_bytes())
