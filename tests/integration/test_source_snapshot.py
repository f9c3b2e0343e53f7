# SPDX-License-Identifier: GPL-2.0-only
"""The source of a kernel can be read after the work tree went on to something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.intake import apply_series, read_patches
from harness.source import Snapshot, obtain, parse_base, reset
from tests.support.fake_archive import write_kernel

CORE = "drivers/dma-buf/dma-buf.c"
CHANGED = f"--- a/{CORE}\n+++ b/{CORE}\n@@ -1 +1 @@\n-int dma_buf;\n+long dma_buf;\n"
PATCH = f"{CHANGED}--- /dev/null\n+++ b/new.c\n@@ -0,0 +1 @@\n+x\n"


def test_each_kernel_keeps_its_own_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_kernel(tmp_path / "linux")
    (tmp_path / "my.patch").write_text(PATCH)
    tree = obtain(parse_base(f"dir:{tmp_path / 'linux'}"), lambda text: None)
    reset(tree)
    patched = apply_series(tree, read_patches([tmp_path / "my.patch"]))
    reset(tree)
    plain = apply_series(tree, ())
    (tree.path / CORE).write_text("something else\n")
    with_patch, without = Snapshot(tree.path, patched.tree_id), Snapshot(tree.path, plain.tree_id)
    assert (with_patch(CORE), without(CORE)) == ("long dma_buf;\n", "int dma_buf;\n")
    assert (with_patch("new.c"), without("new.c")) == ("x\n", None)
    assert Snapshot(tree.path, "0" * 40)(CORE) is None, "what is gone explains nothing, and stops nothing"
    assert with_patch("drivers") is None and with_patch("../etc/passwd") is None
