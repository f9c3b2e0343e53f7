# SPDX-License-Identifier: GPL-2.0-only
"""A name leads to one place: public classes and files of the package are called what nothing else is called."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.paths import PROJECT_ROOT

# What Python wants to be called so.
SHARED_FILES = {"__init__.py", "__main__.py"}


def files(package: Path) -> list[Path]:
    return [path for path in sorted(package.rglob("*.py")) if path.name not in SHARED_FILES]


def public_types(source: str) -> Iterator[str]:
    """Classes, and names that stand for a type (``Case = tuple[str, ...]``), at the top of a module."""
    for node in ast.parse(source).body:
        names = [node.name] if isinstance(node, ast.ClassDef) else []
        if isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        yield from (name for name in names if name[:1].isupper() and not name.isupper())


def shared(package: Path) -> dict[str, list[str]]:
    """Name of a file or a type -> the files that have it, if they are several."""
    found: dict[str, list[str]] = {}
    for path in files(package):
        for name in (path.name, *public_types(path.read_text(encoding="utf-8"))):
            found.setdefault(name, []).append(str(path.relative_to(package)))
    return {name: places for name, places in found.items() if len(places) > 1}


def test_a_name_in_the_package_is_there_once() -> None:
    assert shared(PROJECT_ROOT / "harness") == {}


@pytest.mark.parametrize(
    ("one", "other", "name"),
    [
        ("a/verdict.py", "b/judging.py", "Verdict"),
        ("a/judging.py", "b/judging.py", "judging.py"),
        ("a/case.py", "b/row.py", "Case"),
    ],
)
def test_a_name_that_comes_twice_is_noticed(one: str, other: str, name: str, tmp_path: Path) -> None:
    sources = {one: f"class {name}:\n    pass\n", other: f"{name} = tuple[str, ...]\n"}
    for place, source in sources.items():
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text("T = 1\nclass _Own:\n    pass\n" if name.endswith(".py") else source)
    assert shared(tmp_path) == {name: [one, other]}


def test_what_is_private_or_a_constant_may_come_twice(tmp_path: Path) -> None:
    for place in ("a.py", "b.py"):
        (tmp_path / place).write_text(
            "class _Page:\n    pass\nMAX = T = 1\ndef run() -> None:\n    class Inner:\n        pass\n"
        )
    assert shared(tmp_path) == {}
