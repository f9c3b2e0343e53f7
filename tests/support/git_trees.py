# SPDX-License-Identifier: GPL-2.0-only
"""A kernel tree of four files under git, for tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

DRIVER = "drivers/dma-buf/dma-buf.c"
LINES = "".join(f"int line_{number};\n" for number in range(1, 21))


def git(tree: Path, *args: str | Path) -> str:
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    identity = ["-c", "user.name=U Ser", "-c", "user.email=u@localhost", "-c", "protocol.file.allow=always"]
    done = subprocess.run(["git", "-C", tree, *identity, *args], env=env, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(tree: Path, message: str) -> str:
    git(tree, "add", "--all", "--force")
    git(tree, "commit", "--quiet", "--message", message)
    return git(tree, "rev-parse", "HEAD")


def write_tree(tree: Path) -> None:
    """Without git; the driver has twenty lines, so that patches to both its ends do not touch."""
    (tree / "drivers/dma-buf").mkdir(parents=True)
    (tree / "Makefile").write_text("VERSION = 9\nPATCHLEVEL = 8\nSUBLEVEL = 7\nEXTRAVERSION =\n")
    (tree / "Kconfig").write_text("mainmenu\n")
    (tree / ".gitignore").write_text("*.o\n")
    (tree / DRIVER).write_text(LINES)


def edit(tree: Path, old: str, new: str, name: str = DRIVER) -> None:
    text = (tree / name).read_text()
    assert old in text
    (tree / name).write_text(text.replace(old, new))


def make_repository(tree: Path) -> Path:
    """On ``main``: "base" (tagged v1), then "first" and "second", which change the driver's first and last line."""
    write_tree(tree)
    git(tree, "init", "--quiet", "--initial-branch=main")
    commit(tree, "base")
    git(tree, "tag", "v1")
    edit(tree, "int line_1;", "int first;")
    commit(tree, "first")
    edit(tree, "int line_20;", "int second;")
    commit(tree, "second")
    return tree
