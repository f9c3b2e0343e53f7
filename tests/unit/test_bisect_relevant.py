# SPDX-License-Identifier: GPL-2.0-only
"""Which files can matter for a build, and where kbuild says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.bisect.relevant import matters, relevant_files
from harness.build.source_files import source_files

SOURCES = frozenset({"drivers/dma-buf/dma-buf.c", "include/linux/dma-buf.h"})


@pytest.mark.parametrize(
    "name",
    [
        "drivers/dma-buf/dma-buf.c",
        "include/linux/dma-buf.h",
        "Makefile",
        "drivers/gpu/drm/Kconfig.debug",
        "arch/x86/Makefile",
        "arch/Kconfig",
        "arch/x86/entry/syscalls/syscall_64.tbl",
        "kernel/time/timeconst.bc",
        "scripts/kconfig/conf.c",
        "tools/objtool/check.c",
        "tools/testing/selftests/sync/sync_test.c",
        "drivers/dma-buf/odd.name",
        "Documentation/Kconfig",
    ],
)
def test_what_can_matter(name: str) -> None:
    assert matters(name, SOURCES)


@pytest.mark.parametrize(
    "name",
    [
        "drivers/net/e1000.c",
        "include/linux/other.h",
        "Documentation/driver-api/dma-buf.rst",
        "Documentation/x.txt",
        "LICENSES/preferred/MIT",
        "arch/arm64/Kconfig",
        "arch/arm64/boot/dts/x.dts",
        "arch/x86/configs/x86_64_defconfig",
        "kernel/configs/debug.config",
        "lib/.gitignore",
        "rust/kernel/lib.rs",
    ],
)
def test_what_cannot(name: str) -> None:
    assert not matters(name, SOURCES)


def test_only_what_is_touched_is_named() -> None:
    touched = {"a": {"drivers/dma-buf/dma-buf.c", "fs/x.c"}, "b": {"Makefile"}}
    assert relevant_files(touched, SOURCES) == ("Makefile", "drivers/dma-buf/dma-buf.c")


def test_kbuild_tells_what_took_part(tmp_path: Path) -> None:
    objects, tree = tmp_path / "o", tmp_path / "linux"
    (objects / "drivers").mkdir(parents=True)
    (objects / "drivers" / ".a.o.cmd").write_text(
        f"savedcmd_drivers/a.o := gcc -I{tree}/not-read -c -o drivers/a.o {tree}/drivers/a.c\n\n"
        f"source_drivers/a.o := {tree}/drivers/a.c\n\n"
        "deps_drivers/a.o := \\\n"
        "    $(wildcard include/config/X) \\\n"
        f"  {tree}/include/linux/a.h \\\n"
        f"  {tree}/drivers/../lib/b.h \\\n"
        "  ../linux/include/linux/by-ccache.h \\\n"
        "  include/generated/autoconf.h \\\n"
        "  /usr/include/stdio.h \\\n\n"
        "drivers/a.o: $(deps_drivers/a.o)\n"
    )
    read = {"drivers/a.c", "include/linux/a.h", "include/linux/by-ccache.h", "lib/b.h"}
    for path in read:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).touch()
    assert source_files(objects, tree) == read
