# SPDX-License-Identifier: GPL-2.0-only
"""Which config symbols a file needs, read from Makefiles as kernel trees have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.static.makefiles import Makefiles, parse
from harness.static.units import Units

FILES = {
    "Kbuild": "obj-y += drivers/\nobj-$(CONFIG_NET) += net/\n",
    "drivers/Makefile": "obj-y += gpu/\nobj-$(CONFIG_DMA_SHARED_BUFFER) += dma-buf/  # a comment\n",
    "drivers/dma-buf/Makefile": (
        "obj-y := dma-buf.o \\\n\tdma-fence.o\n"
        "obj-$(CONFIG_DMABUF_SELFTESTS) += dmabuf_selftests.o\n"
        "dmabuf_selftests-y := \\\n\tselftest.o st-dma-fence.o\n"
    ),
    "drivers/gpu/Makefile": (
        "obj-$(CONFIG_DRM_AMDGPU)+= amd/amdgpu/\nobj-$(CONFIG_OLD) += x/\nobj-$(CONFIG_NEW) += x/\n"
    ),
    "drivers/gpu/amd/amdgpu/Makefile": (
        "amdgpu-y := amdgpu_drv.o\namdgpu-$(CONFIG_HSA_AMD) += amdkfd.o\n"
        "ifneq ($(CONFIG_DRM_ACP),)\namdgpu-y += acp.o\nelse\namdgpu-y += no_acp.o\nendif\n"
        "obj-$(CONFIG_DRM_AMDGPU) += amdgpu.o\n"
    ),
    "drivers/gpu/x/Makefile": "obj-y += x.o\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("drivers/dma-buf/dma-buf.c", [("DMA_SHARED_BUFFER",)]),
        ("drivers/dma-buf/dma-fence.c", [("DMA_SHARED_BUFFER",)]),
        ("drivers/dma-buf/st-dma-fence.c", [("DMA_SHARED_BUFFER", "DMABUF_SELFTESTS")]),
        ("drivers/gpu/amd/amdgpu/amdgpu_drv.c", [("DRM_AMDGPU", "DRM_AMDGPU")]),
        ("drivers/gpu/amd/amdgpu/amdkfd.c", [("DRM_AMDGPU", "DRM_AMDGPU", "HSA_AMD")]),
        ("drivers/gpu/amd/amdgpu/acp.c", [("DRM_AMDGPU", "DRM_AMDGPU", "DRM_ACP")]),
        ("drivers/gpu/amd/amdgpu/no_acp.c", [("DRM_AMDGPU", "DRM_AMDGPU")]),
        ("drivers/gpu/x/x.c", [("OLD",), ("NEW",)]),
        ("drivers/dma-buf/nobody.c", []),
    ],
)
def test_symbols_on_the_way_to_an_object(tree: Path, source: str, expected: list[tuple[str, ...]]) -> None:
    assert Makefiles(tree).chains(source) == expected


def test_a_makefile_that_names_itself_ends() -> None:
    assert [entry.stem for entry in parse("a-y := b.o\nb-objs := a.o\n")] == ["a", "b"]


def test_objects_that_name_each_other_end(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("a-y := b.o\nb-y := a.o\n")
    assert Makefiles(tmp_path).chains("a.c") == []


def test_what_is_off_is_said_and_one_way_in_is_enough(tree: Path) -> None:
    (tree / "Kconfig").write_text('config ARM\n\tbool\nconfig OLD\n\tbool "old"\n\tdepends on ARM\n')
    units = Units(tree, {"NEW": "m"})
    assert units.own("drivers/gpu/x/x.c") == "drivers/gpu/x/x.o"
    assert units.is_on("drivers/gpu/x/x.c") and units.off("drivers/gpu/x/x.c") == ""
    off = Units(tree, {})
    assert off.off("drivers/gpu/x/x.c") == "needs CONFIG_OLD: depends on ARM (n)"
    assert off.off("drivers/dma-buf/nobody.c") == "no Makefile of the tree names it"
