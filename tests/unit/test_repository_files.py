# SPDX-License-Identifier: GPL-2.0-only
"""What git, editors and pre-commit are told of this repository is so."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from harness.paths import PROJECT_ROOT
from tests.support.makefile import recipe

HOOKS = PROJECT_ROOT / ".pre-commit-config.yaml"
CONTENT = (".patch", ".log", ".xz")  # a space at the end of a line, or a missing last line end, is content there


def git(*args: str, where: Path = PROJECT_ROOT) -> str:
    done = subprocess.run(["git", "-C", where, *args], capture_output=True, text=True, check=False)
    if where == PROJECT_ROOT and done.returncode != 0:
        pytest.skip("this is no git checkout")
    assert done.returncode == 0, done.stderr
    return done.stdout


def tracked() -> list[str]:
    return [name for name in git("ls-files", "-z").split("\0") if name and (PROJECT_ROOT / name).is_file()]


def linting() -> set[str]:
    """The commands of ``make lint``, without the names of the shell scripts."""
    return {"shellcheck" if line.startswith("shellcheck ") else line for line in recipe("lint")}


def test_the_hooks_are_what_make_lint_runs() -> None:
    entries = re.findall(r"^ +entry: (.+)$", HOOKS.read_text(), re.MULTILINE)
    assert len(entries) >= 5
    assert set(entries) == linting()


def test_the_hooks_fetch_nothing() -> None:
    text = HOOKS.read_text()
    assert re.findall(r"repo: (.+)", text) == ["local"]
    assert set(re.findall(r"language: (.+)", text)) == {"system"}


def test_every_patch_and_recording_is_left_as_it_is() -> None:
    names = [name for name in tracked() if name.endswith((".patch", ".xz")) or name.startswith("tests/data/")]
    assert len(names) > 100
    told = git("check-attr", "text", "--", *names).splitlines()
    assert [line for line in told if not line.endswith(": text: unset")] == []


@pytest.mark.parametrize("name", ["patches/fixups/x.patch", "tests/data/x.log", "tests/data/planted/x"])
def test_a_git_that_converts_line_ends_does_not_convert_these(tmp_path: Path, name: str) -> None:
    shutil.copy(PROJECT_ROOT / ".gitattributes", tmp_path)
    for path in (tmp_path / name, tmp_path / "x.py"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a \nb\n")
    git("init", "-q", where=tmp_path)
    git("-c", "core.autocrlf=true", "add", ".", where=tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / "x.py").unlink()
    git("-c", "core.autocrlf=true", "checkout", ".", where=tmp_path)
    assert (tmp_path / name).read_bytes() == b"a \nb\n"
    assert (tmp_path / "x.py").read_bytes() == b"a \r\nb\r\n"  # what it does to others


def test_every_file_is_as_editors_are_told_to_leave_it() -> None:
    for name in tracked():
        text = (PROJECT_ROOT / name).read_bytes()
        if text and not name.endswith(CONTENT) and not name.startswith(("tests/data/", "docs/examples/")):
            assert text.endswith(b"\n"), f"{name}: no line end at its end"
            assert not re.search(rb"[ \t\r]\n", text), f"{name}: space at the end of a line"


def test_editors_and_ruff_agree_on_the_width() -> None:
    width = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["line-length"]
    section = (PROJECT_ROOT / ".editorconfig").read_text().partition("[*.{py,toml,md}]")[2].partition("[")[0]
    assert f"max_line_length = {width}\n" in section
