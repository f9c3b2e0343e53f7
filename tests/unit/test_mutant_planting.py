# SPDX-License-Identifier: GPL-2.0-only
"""The mutants as a patch of the tree."""

from __future__ import annotations

import subprocess
from pathlib import Path

from harness.intake import read_patches
from harness.mutants.operators import mutants_of
from harness.mutants.planting import MAKEFILE, mutant_patch
from harness.mutants.schemata import with_mutants

SOURCE = b"int f(int a)\n{\n\tg(a);\n\treturn -EINVAL;\n}"  # without a line end at its end
MAKE = b"obj-y := x.o\n"


def test_it_applies_and_makes_the_tree_that_was_meant(tmp_path: Path) -> None:
    numbered = dict(enumerate(mutants_of("drivers/dma-buf/x.c", SOURCE), 1))
    sources = {"drivers/dma-buf/x.c": SOURCE, MAKEFILE: MAKE}
    for path, data in sources.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    patch = tmp_path / "mutants.patch"
    patch.write_bytes(mutant_patch(sources, numbered))
    (read,) = read_patches([patch])
    assert set(read.files) == {*sources, "drivers/dma-buf/dmabuf_mutant.c", "include/linux/dmabuf_mutant.h"}
    subprocess.run(["git", "apply", "-"], input=read.diff, cwd=tmp_path, check=True)
    assert (tmp_path / "drivers/dma-buf/x.c").read_bytes() == with_mutants(SOURCE, numbered)
    assert (tmp_path / MAKEFILE).read_text() == "obj-y := x.o\nobj-y += dmabuf_mutant.o\n"
    assert "EXPORT_SYMBOL_GPL(dmabuf_mutant);" in (tmp_path / "drivers/dma-buf/dmabuf_mutant.c").read_text()


def test_a_makefile_of_which_mutants_are_none_stays_the_only_other_file() -> None:
    patch = mutant_patch({"drivers/dma-buf/x.c": SOURCE, MAKEFILE: MAKE}, {})
    assert b"a/drivers/dma-buf/x.c" not in patch
