# SPDX-License-Identifier: GPL-2.0-only
"""One file compiled alone: the same object as kbuild's, and another one only where code is another."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.build.lone_object import LoneObject, lone_object
from harness.errors import InfrastructureError

SOURCE = b"""\
// SPDX-License-Identifier: GPL-2.0-only
#define NAME "lone"
#include <linux/first.h>
#include "beside.h"
#include <linux/first.h>

#ifdef CONFIG_OFF
#include <linux/not-there.h>
#endif

#ifdef CONFIG_ON
int on(int a)
{
	return TWICE(a) + BESIDE + __LINE__;
}
#endif

const char *name(void)
{
	return NAME;
}
"""


@pytest.fixture
def objects(tmp_path: Path) -> Path:
    """An object tree with the record that kbuild leaves, beside a source tree."""
    tree, objects = tmp_path / "tree", tmp_path / "objects"
    for directory in (tree / "include/linux", tree / "drivers", objects / "drivers", objects / "include"):
        directory.mkdir(parents=True)
    (tree / "include/linux/first.h").write_text("#ifndef F\n#define F\n#define TWICE(x) ((x) * 2)\n#endif\n")
    (tree / "drivers/beside.h").write_text("#define BESIDE 7\n")
    (objects / "include/config.h").write_text("#define CONFIG_ON 1\n")
    source = tree / "drivers/lone.c"
    source.write_bytes(SOURCE)
    flags = f"-Wp,-MMD,drivers/.lone.o.d -I{tree}/include -include ./include/config.h -O2 -g -D'KBUILD_MODNAME=\"a b\"'"
    command = f"gcc {flags} -c -o drivers/lone.o {source}"
    subprocess.run(["sh", "-c", command], cwd=objects, check=True)
    (objects / "drivers/.lone.o.cmd").write_text(
        f"savedcmd_drivers/lone.o := ccache {command} ; ./objtool x.o\n\nmore\n"
    )
    return objects


@pytest.fixture
def lone(objects: Path) -> LoneObject:
    return lone_object(objects, "drivers/lone.o", SOURCE)


def code(data: bytes, tmp_path: Path) -> str:
    made = tmp_path / "made.o"
    made.write_bytes(data)
    shown = subprocess.run(["objdump", "-d", made], capture_output=True, text=True, check=True).stdout
    return shown.partition("Disassembly")[2]


def test_the_code_is_that_of_the_build(lone: LoneObject, objects: Path, tmp_path: Path) -> None:
    made = lone.compiled(SOURCE)
    assert made is not None
    assert code(made, tmp_path) == code((objects / "drivers/lone.o").read_bytes(), tmp_path)


def test_the_same_code_is_the_same_object(lone: LoneObject) -> None:
    again = SOURCE.replace(b"TWICE(a) + BESIDE", b"BESIDE + a + a")
    assert lone.compiled(again) == lone.compiled(SOURCE)


@pytest.mark.parametrize("change", [(b"BESIDE + ", b""), (b"return NAME", b"return 0"), (b"CONFIG_ON", b"CONFIG_OFF")])
def test_other_code_is_another_object(lone: LoneObject, change: tuple[bytes, bytes]) -> None:
    made = lone.compiled(SOURCE.replace(*change))
    assert made is not None and made != lone.compiled(SOURCE)


def test_what_does_not_compile_is_none(lone: LoneObject) -> None:
    assert lone.compiled(SOURCE.replace(b"return NAME;", b"return nowhere;")) is None


def test_the_tree_is_not_needed_any_more(lone: LoneObject, objects: Path) -> None:
    before = lone.compiled(SOURCE)
    for path in sorted(objects.parent.rglob("*.h")):
        path.unlink()
    assert lone.compiled(SOURCE) == before


def test_a_record_that_is_none_is_told(objects: Path) -> None:
    (objects / "drivers/.lone.o.cmd").write_text("savedcmd_drivers/lone.o := true\n")
    with pytest.raises(InfrastructureError, match="no command of a compiler"):
        lone_object(objects, "drivers/lone.o", SOURCE)
