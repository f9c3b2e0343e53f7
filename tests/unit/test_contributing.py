# SPDX-License-Identifier: GPL-2.0-only
"""What CONTRIBUTING.md and the other pages name is there."""

from __future__ import annotations

import re

import pytest

from harness.paths import PROJECT_ROOT

PAGE = (PROJECT_ROOT / "CONTRIBUTING.md").read_text()
PAGES = {path.name: path.read_text() for path in (PROJECT_ROOT / "docs").glob("*.md")} | {"CONTRIBUTING.md": PAGE}
NAMED_FILE = re.compile(r"`((?:harness|tests|ci|docs|patches|kernel-configs|kselftest-wrappers)/[\w./-]*[\w/])`")
MADE_UP = re.compile(r"\b[A-Z]{2,}\b|\.\.\.")  # kselftest-wrappers/NAME/suite.toml


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "glossary.md", "decisions.md", "testing.md", "checks.md"])
def test_every_file_that_is_named_exists(page: str) -> None:
    named = [name for name in NAMED_FILE.findall(PAGES[page]) if not MADE_UP.search(name)]
    assert named
    assert [name for name in named if not (PROJECT_ROOT / name).exists()] == []


def test_every_target_of_make_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT_ROOT / "Makefile").read_text(), re.MULTILINE))
    pages = "\n".join([*PAGES.values(), (PROJECT_ROOT / "README.md").read_text()])
    named = set(re.findall(r"(?:`|^ {4})make ([a-z-]+)", pages, re.MULTILINE))
    assert {"setup", "test-fast", "lint", "man"} <= named
    assert named <= targets


LISTS = re.findall(r"`([A-Z_]{4,})`\s+(?:of|in)\s+`((?:harness|tests)/[\w./]+)`", PAGE)


@pytest.mark.parametrize(("name", "file"), LISTS)
def test_every_list_that_is_named_is_in_its_file(name: str, file: str) -> None:
    assert re.search(rf"^{name}\b.*=", (PROJECT_ROOT / file).read_text(), re.MULTILINE)


def test_lists_are_named() -> None:
    """So that the test above has something to look at."""
    assert len(LISTS) >= 6


def test_every_package_of_the_harness_has_its_row() -> None:
    folders = {path.parent.name for path in (PROJECT_ROOT / "harness").glob("*/__init__.py")}
    assert folders <= set(re.findall(r"`harness/(\w+)`", PAGE.partition("## Rules")[0]))
