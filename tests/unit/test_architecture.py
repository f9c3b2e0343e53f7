# SPDX-License-Identifier: GPL-2.0-only
"""What only one architecture has is in one value: nowhere else does the code name it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.architecture import ARCHITECTURE
from harness.paths import KERNEL_CONFIGS, PROJECT_ROOT

HOME = PROJECT_ROOT / "harness/architecture.py"
MACHINE_CODE = PROJECT_ROOT / "harness/guest/armed_calls.py"  # a program of its own; skips itself elsewhere
NAMES = re.compile(r"x86|amd64|i386|bzImage|ttyS\d|q35|microvm|qemu-system|CROSS_COMPILE=", re.IGNORECASE)


def spoken_of(file: Path) -> list[str]:
    """Texts and names in the code of ``file`` that belong to one architecture; comments and docstrings may cite."""
    tree = ast.parse(file.read_text())
    cited = {id(text) for text in _docstrings(tree)}
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in cited]
    found = [node.value for node in texts if isinstance(node.value, str)]
    found += [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return [text for text in found if NAMES.search(text)]


def _docstrings(tree: ast.Module) -> Iterator[ast.expr]:
    yield from (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))


FILES = sorted(set((PROJECT_ROOT / "harness").rglob("*.py")) - {HOME, MACHINE_CODE})


def test_code_does_not_name_it_elsewhere() -> None:
    assert {str(file): found for file in FILES if (found := spoken_of(file))} == {}


@pytest.mark.parametrize("file", [HOME, MACHINE_CODE], ids=lambda file: file.name)
def test_names_are_found_where_they_are(file: Path) -> None:
    assert spoken_of(file)


def test_comments_and_docstrings_may_cite(tmp_path: Path) -> None:
    file = tmp_path / "cites.py"
    file.write_text('"""arch/x86/kernel/traps.c"""\nTEXT = "harmless"  # ttyS0\n')
    assert spoken_of(file) == []
    file.write_text('"""arch/x86/kernel/traps.c"""\nTEXT = f"console=ttyS{0}"\nTEXT = "console=ttyS0"\n')
    assert spoken_of(file) == ["console=ttyS0"]


def test_fragments_of_all_architectures_name_none() -> None:
    """Of base.config and the features; what needs a symbol of one machine stands in that one's fragment."""
    assert (KERNEL_CONFIGS / ARCHITECTURE.config).is_file()
    shared = [KERNEL_CONFIGS / "base.config", *(KERNEL_CONFIGS / "features").glob("*.config")]
    symbols = [line for file in shared for line in file.read_text().splitlines() if line.startswith("CONFIG_")]
    assert symbols
    assert [line for line in symbols if re.match(r"CONFIG_(?:X86|PVH|HPET|KVM_GUEST|PROCESSOR_SELECT)", line)] == []


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("arch/x86/mm/fault.c", True),
        ("arch/arm64/mm/fault.c", False),
        ("arch/Kconfig", True),
        ("drivers/dma-buf/dma-buf.c", True),
    ],
)
def test_files_of_other_architectures_are_known(path: str, ours: bool) -> None:
    assert ARCHITECTURE.owns(path) is ours
