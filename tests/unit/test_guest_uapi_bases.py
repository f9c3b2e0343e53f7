# SPDX-License-Identifier: GPL-2.0-only
"""The bindings against the sources of each Debian base: every number, size and offset, as the C compiler sees them.

The text comes from git, at the commit of the unpatched base: a run may have a patch applied to the tree meanwhile.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.guest import uapi
from harness.guest.uapi import Layout
from harness.paths import cache_root
from tests.support.c_headers import bindings, c_program, compiled

BASES = ("5.10", "6.1", "6.12", "7.3")
# What older bases do not have, and the first version that does. Nothing else may be missing.
SINCE = {
    "DMA_BUF_IOCTL_EXPORT_SYNC_FILE": (6, 0),
    "DMA_BUF_IOCTL_IMPORT_SYNC_FILE": (6, 0),
    "struct dma_buf_export_sync_file": (6, 0),
    "struct dma_buf_import_sync_file": (6, 0),
    "SYNC_IOC_SET_DEADLINE": (6, 6),
    "struct sync_set_deadline": (6, 6),
    "SW_SYNC_GET_DEADLINE": (6, 6),
    "struct sw_sync_get_deadline": (6, 6),
}
HEADERS = (
    "linux/fcntl.h",
    "linux/memfd.h",
    "linux/udmabuf.h",
    "linux/dma-buf.h",
    "linux/dma-heap.h",
    "linux/sync_file.h",
    "drm/drm.h",
    "drm/drm_mode.h",
    "drm/vgem_drm.h",
)
SW_SYNC = "drivers/dma-buf/sw_sync.c"

pytestmark = pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")


def _tree(base: str) -> Path:
    tree = cache_root() / "trees" / f"debian-{base}" / "linux"
    if not (tree / ".git").is_dir():
        pytest.skip(f"the source of debian:{base} is not in the cache; a run on that base brings it")
    return tree


def _version(base: str) -> tuple[int, ...]:
    return tuple(map(int, base.split(".")))


def _git(tree: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(tree), *arguments], capture_output=True, check=True).stdout


def _headers(tree: Path, folder: Path) -> list[str]:
    """The tree's user space headers below ``folder``, as options for the compiler.

    What "make headers_install" does to them, without a build: wrappers around asm-generic where x86 has nothing of its
    own, and no trace of what only the kernel's compiler knows.
    """
    paths = ["include/uapi/linux", "include/uapi/drm", "include/uapi/asm-generic", "arch/x86/include/uapi/asm"]
    archive = folder / "headers.tar"
    archive.write_bytes(_git(tree, "archive", "HEAD", *paths))
    subprocess.run(["tar", "-xf", str(archive), "-C", str(folder)], check=True)
    own, wrappers = folder / "arch/x86/include/uapi", folder / "wrappers"
    for name in ("asm", "linux"):
        (wrappers / name).mkdir(parents=True)
    for header in (folder / "include/uapi/asm-generic").iterdir():
        if not (own / "asm" / header.name).exists():
            (wrappers / "asm" / header.name).write_text(f"#include <asm-generic/{header.name}>\n")
    for name in ("compiler.h", "compiler_types.h"):
        (wrappers / "linux" / name).write_text("")
    return ["-D__user=", *(f"-I{path}" for path in (folder / "include/uapi", own, wrappers))]


def _sw_sync(tree: Path) -> str:
    """The structs and numbers that sw_sync.c defines for user space: cut out of its text."""
    text = _git(tree, "show", f"HEAD:{SW_SYNC}").decode()
    structs = re.findall(r"^struct sw_sync_\w+ \{\n.*?^\};", text, re.MULTILINE | re.DOTALL)
    numbers = re.findall(r"^#define SW_SYNC_(?:(?!BIT)\w)+\b(?:.*\\\n)*.*$", text, re.MULTILINE)
    return "\n".join([*structs, *numbers])


def _expected(base: str) -> tuple[dict[str, int], dict[str, Layout]]:
    """The constants and structs that ``base`` must have."""

    def is_there(name: str) -> bool:
        ours = "dmabuf_probe" in name.lower()
        return not ours and _version(base) >= SINCE.get(name, (0,))

    names = {name: value for name, value in uapi.numbers().items() if is_there(name)}
    return names, {name: layout for name, layout in uapi.layouts().items() if is_there(name)}


@pytest.mark.parametrize("base", BASES)
def test_every_number_size_and_offset_is_that_of_the_base(base: str, tmp_path: Path) -> None:
    tree = _tree(base)
    options = _headers(tree, tmp_path)
    includes = "\n".join(f"#include <{header}>" for header in ("stdio.h", "stddef.h", *HEADERS))
    names, structs = _expected(base)
    theirs = compiled(c_program(f"{includes}\n{_sw_sync(tree)}", names, structs), tmp_path, options)
    assert theirs == bindings(names, structs)


@pytest.mark.parametrize("base", BASES)
def test_what_is_said_to_be_newer_is_missing_there(base: str) -> None:
    """The list of exceptions holds nothing that the base has after all."""
    tree = _tree(base)
    files = [f"HEAD:include/uapi/{name}" for name in HEADERS[2:6]] + [f"HEAD:{SW_SYNC}"]
    text = "".join(_git(tree, "show", file).decode() for file in files)
    for name, since in SINCE.items():
        assert bool(re.search(rf"{name}\b", text)) == (_version(base) >= since), name


@pytest.mark.parametrize(
    "fields",
    [
        "I:memfd I:flags I:offset Q:size",  # as long, and each field in its place, but one too narrow
        "I:flags I:memfd Q:offset Q:size",
        "I:memfd I:flags Q:offset",
    ],
)
def test_a_wrong_layout_is_found(fields: str, tmp_path: Path) -> None:
    options = _headers(_tree("6.12"), tmp_path)
    wrong = {"struct udmabuf_create": Layout("struct udmabuf_create", fields)}
    prologue = "#include <stdio.h>\n#include <stddef.h>\n#include <linux/udmabuf.h>"
    assert compiled(c_program(prologue, [], wrong), tmp_path, options) != bindings({}, wrong)
