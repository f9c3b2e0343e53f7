# SPDX-License-Identifier: GPL-2.0-only
"""What a series changes in its base, file by file, as git sees the two."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.architecture import ARCHITECTURE
from harness.gitcmd import check_git
from harness.series import Applied

_OPTIONS = ("-r", "-z", "-M", "--name-status", "--no-ext-diff")
_COMPILED = frozenset({".c", ".S", ".h"})
# What no kernel build compiles for this machine, by the beginning of its path.
_ELSEWHERE = {
    "tools/": "programs, which kbuild does not make: the selftests among them are built with the kernel",
    "samples/": "samples are not part of the kernel",
    "scripts/": "programs of the build itself",
    "usr/": "not part of the kernel",
    "Documentation/": "documentation",
}


@dataclass(frozen=True)
class ChangedFile:
    """``path``: with the series; ``old``: in the base, empty if it is not there."""

    path: str
    old: str

    @property
    def is_kconfig(self) -> bool:
        return PurePosixPath(self.path).name.startswith("Kconfig")

    @property
    def is_source(self) -> bool:
        """True for a C file, header or assembler file: what a compiler reads."""
        return PurePosixPath(self.path).suffix in (*_COMPILED, ".rs")

    @property
    def has_comments(self) -> bool:
        """True for a file that kernel-doc reads."""
        return PurePosixPath(self.path).suffix in (".c", ".h")

    @property
    def obstacle(self) -> str:
        """The reason why the suite cannot compile the file; empty if it can try."""
        if self.path.endswith(".rs"):
            return "Rust is not compiled here"
        if not ARCHITECTURE.owns(self.path):
            ours = ARCHITECTURE.source_name
            return f"belongs to {'/'.join(self.path.split('/')[:2])}, and kernels are built for {ours} here"
        return next((why for start, why in _ELSEWHERE.items() if self.path.startswith(start)), "")


@dataclass(frozen=True)
class Changes:
    """``files``: those that are there with the series. ``moved``: paths that only one of the two has."""

    files: tuple[ChangedFile, ...]
    moved: tuple[str, ...]

    def old_path(self, path: str) -> str:
        """Where ``path`` is in the base."""
        return next((file.old for file in self.files if file.path == path and file.old), path)

    def new_path(self, old: str) -> str:
        return next((file.path for file in self.files if file.old == old), old)

    @property
    def gone(self) -> tuple[str, ...]:
        """Paths of the base that are not there with the series."""
        there = {file.path for file in self.files}
        return tuple(path for path in self.moved if path not in there)

    @property
    def added(self) -> tuple[str, ...]:
        return tuple(file.path for file in self.files if not file.old)


def changes(applied: Applied) -> Changes:
    """What ``applied`` changes. Only git's store is read."""
    told = check_git(applied.tree.path, "diff-tree", *_OPTIONS, applied.tree.commit, applied.tree_id)
    words = iter(told.split("\0")[:-1])
    files: list[ChangedFile] = []
    moved: list[str] = []
    for status in words:
        old = next(words)
        new = next(words) if status[0] in "RC" else old
        if status[0] != "D":
            files.append(ChangedFile(new, "" if status[0] == "A" else old))
        if status[0] in "ADR":
            moved += dict.fromkeys([old, new])
    return Changes(tuple(files), tuple(moved))
