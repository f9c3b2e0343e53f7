# SPDX-License-Identifier: GPL-2.0-only
"""Which files a kernel was made from, by what kbuild left in its object tree."""

from __future__ import annotations

from pathlib import Path

from harness.build.source_files import source_files


def test_what_a_former_patch_added_is_no_source_of_what_is_built_now(tmp_path: Path) -> None:
    tree, objects = tmp_path / "linux", tmp_path / "objects"
    for place in (tree, objects):
        place.mkdir()
    for name in ("stays", "went"):
        (tree / f"{name}.c").write_text("")
        (objects / f".{name}.o.cmd").write_text(f"savedcmd_{name}.o := gcc\n\nsource_{name}.o := {tree}/{name}.c\n")
    assert source_files(objects, tree) == {"stays.c", "went.c"}
    (tree / "went.c").unlink()
    assert source_files(objects, tree) == {"stays.c"}
