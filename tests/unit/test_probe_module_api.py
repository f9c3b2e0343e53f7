# SPDX-License-Identifier: GPL-2.0-only
"""The module dmabuf_probe finds out which dma-buf API a tree has, by its headers and whatever they look like."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.paths import WRAPPERS

MODULE = WRAPPERS / "dmabuf-probe"

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")

# What include/linux/dma-buf.h says in each generation, as far as the module asks.
COMMON = """
#include <stddef.h>
typedef _Bool bool;
enum { false, true };
struct device; struct dma_buf; struct sg_table; struct dma_buf_attachment;
#define __maybe_unused __attribute__((unused))
"""
PRE = """
struct dma_buf_ops { bool cache_sgt_mapping; bool dynamic_mapping; };
struct dma_buf_attachment { struct dma_buf *dmabuf; struct device *dev; struct sg_table *sgt; };
struct dma_buf_attachment *dma_buf_dynamic_attach(struct dma_buf *, struct device *, bool dynamic_mapping);
"""
V15 = """
struct dma_buf_ops { bool cache_sgt_mapping; bool dynamic_mapping; };
struct dma_buf_attach_ops { void (*move_notify)(struct dma_buf_attachment *attach); };
struct dma_buf_attachment { struct dma_buf *dmabuf; struct device *dev; struct sg_table *sgt; };
struct dma_buf_attachment *dma_buf_dynamic_attach(struct dma_buf *, struct device *, const struct dma_buf_attach_ops *,
                                                  void *);
"""
NOTIFY = V15.replace("bool dynamic_mapping; ", "") + "int dma_buf_vmap_unlocked(struct dma_buf *dmabuf);"
INVALIDATE = """
struct dma_buf_ops { int (*pin)(struct dma_buf_attachment *attach); };
struct dma_buf_attach_ops { bool allow_peer2peer; void (*invalidate_mappings)(struct dma_buf_attachment *attach); };
struct dma_buf_attachment { struct dma_buf *dmabuf; struct device *dev; };
struct dma_buf_attachment *dma_buf_dynamic_attach(struct dma_buf *, struct device *, const struct dma_buf_attach_ops *,
                                                  void *);
int dma_buf_vmap_unlocked(struct dma_buf *dmabuf);
"""
GENERATIONS = {"PRE": PRE, "V15": V15, "NOTIFY": NOTIFY, "INVALIDATE": INVALIDATE}


def _probe(header: str, tmp_path: Path, compiler: str = "gcc", place: Path = MODULE) -> tuple[set[str], str]:
    """Names that probe-api.sh prints for a tree with this dma-buf.h, and its complaints.

    ``place``: how the directory of api.c is named, from there.
    """
    (tmp_path / "linux").mkdir(exist_ok=True)
    (tmp_path / "linux" / "dma-buf.h").write_text(COMMON + header)
    script, source = str(MODULE / "probe-api.sh"), f"{place}/api.c"
    command = ["sh", script, source, compiler, "-nostdinc", f"-I{tmp_path}", *_builtin()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=MODULE)
    return set(done.stdout.split()), done.stderr


def _builtin() -> list[str]:
    """Where the compiler keeps its own stddef.h."""
    found = subprocess.run(["gcc", "-print-file-name=include"], capture_output=True, text=True, check=True)
    return [f"-I{found.stdout.strip()}"]


def _generation(names: set[str], tmp_path: Path) -> str:
    """What compat.h makes of the names: a generation, or the words of its #error."""
    text = (MODULE / "compat.h").read_text()
    choice = text[text.index("#if defined(PROBE_API_UNREADABLE)") : text.index("/* The option, or what")]
    source = tmp_path / "choice.c"
    source.write_text(choice + "PROBE_GENERATION\n")
    command = ["gcc", "-E", "-P", *(f"-D{name}" for name in names), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr
    return done.stdout.strip().removeprefix("DMABUF_PROBE_")


@pytest.mark.parametrize("generation", GENERATIONS)
def test_each_generation_is_recognised(generation: str, tmp_path: Path) -> None:
    names, complaints = _probe(GENERATIONS[generation], tmp_path)
    assert complaints == ""
    assert _generation(names, tmp_path) == generation


def test_a_compiler_that_names_files_in_another_way_is_understood(tmp_path: Path) -> None:
    """From 6.13 on the module is built in its own directory, and ccache makes paths in messages absolute."""
    compiler = tmp_path / "cc"
    compiler.write_text(f'#!/bin/sh\ngcc "$@" 2>&1 | sed "s|^\\./|{MODULE}/|" >&2\n')
    compiler.chmod(0o755)
    assert _probe(INVALIDATE, tmp_path, str(compiler), Path()) == _probe(INVALIDATE, tmp_path)


def test_all_that_a_tree_has_is_named_and_nothing_else(tmp_path: Path) -> None:
    names, _ = _probe(NOTIFY, tmp_path)
    assert names == {
        "PROBE_HAS_ATTACH_OPS",
        "PROBE_HAS_CACHED_TABLE",
        "PROBE_HAS_CACHING",
        "PROBE_HAS_MOVE_NOTIFY",
        "PROBE_HAS_VMAP_UNLOCKED",
    }


def test_neither_layout_nor_comments_of_the_header_matter(tmp_path: Path) -> None:
    """A patch under test may well reflow the header, or tell of what it removes."""
    reflowed = re.sub(r"(?<=[{;*])\s*", "\n", INVALIDATE)
    told = "/* no more: bool dynamic_mapping; void (*move_notify)(struct dma_buf_attachment *); */\n" + reflowed
    assert _probe(told, tmp_path) == _probe(INVALIDATE, tmp_path)


def test_a_header_that_does_not_compile_is_no_api_at_all(tmp_path: Path) -> None:
    names, complaints = _probe(NOTIFY + "struct broken { undefined_type member; };", tmp_path)
    assert names == {"PROBE_API_UNREADABLE"}
    assert "undefined_type" in complaints
    assert "nothing can be said about this dma-buf API" in _generation(names, tmp_path)


def test_a_compiler_that_finds_no_fault_is_not_believed(tmp_path: Path) -> None:
    names, complaints = _probe(NOTIFY, tmp_path, compiler="true")
    assert names == {"PROBE_API_UNREADABLE"}
    assert "does not say what it lacks" in complaints


def test_an_api_of_no_known_generation_fails_the_build(tmp_path: Path) -> None:
    """As in a tree whose importers are called by another name, or not at all."""
    renamed, _ = _probe(NOTIFY.replace("move_notify", "buffer_moved"), tmp_path)
    assert "no known generation" in _generation(renamed, tmp_path)
    both = _probe(NOTIFY, tmp_path)[0] | _probe(INVALIDATE, tmp_path)[0]
    assert "no known generation" in _generation(both, tmp_path)
