# SPDX-License-Identifier: GPL-2.0-only
"""Object trees: one for each source tree and variant, kept for the next build.

kbuild records absolute paths, and what it finds at another path it makes again: objtool first, then every object that
went through it. So the tree that is being built always stands at the same path, "current"; the others are parked
beside it. A new variant's tree starts as a copy of another one, so that only what differs is compiled.

A build that was killed leaves a tree that make alone would trust too much; ``untrusted`` names what it must not.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import process
from harness.build.messages import is_compilation, target_of
from harness.build.warnings import WarningStore
from harness.paths import write_atomic

COUNTING = "-coverage"
"""How the name of a variant ends whose kernel counts which lines run."""

OBJECTS = "objects"
"""Directory beside a work tree with its object trees."""

_NAME = ".dmabuf-harness-variant"  # in each tree: whose it is
_MARKER = ".dmabuf-harness-building"  # in a tree that is being built, or whose build was killed


@dataclass(frozen=True)
class ObjectTree:
    """The object tree of ``variant`` among those of one source tree, which live in ``parent``.

    ``path``: what make is given as ``O=``; the tree is there once it was prepared. The caller holds the work tree.
    """

    parent: Path
    variant: str

    @property
    def path(self) -> Path:
        return self.parent / "current"

    @property
    def log(self) -> Path:
        """Output of the variant's latest build."""
        return self.parent / f"{self.variant}.log"

    @property
    def warnings(self) -> WarningStore:
        return WarningStore(self.path / ".dmabuf-harness-warnings.json")

    @property
    def _marker(self) -> Path:
        return self.path / _MARKER

    def prepare(self, source: Path, config: str) -> int | None:
        """Make the tree ready for a build of ``source`` with ``config`` (the text of ``.config``).

        Returns how many objects of a whole build are made: 0 in an empty tree, and more if that build was killed. None
        if the tree is that of a finished build, or of one that failed: how much of it serves nobody knows.
        """
        self._bring_in()
        before = 0 if self._is_empty else None
        if self._marker.exists():
            before = self._recover(source)
        current = self.path / ".config"
        # A newer .config makes kbuild look at everything again.
        if not current.is_file() or current.read_text() != config:
            write_atomic(current, config)
        return before

    @property
    def _is_empty(self) -> bool:
        return all(path.name == _NAME for path in self.path.iterdir())

    @contextlib.contextmanager
    def building(self, before: int | None = None) -> Iterator[None]:
        """Around make. The marker stays behind if the body does not come to its end; it holds ``before``, which is what
        ``prepare`` returned."""
        self.log.unlink(missing_ok=True)  # where a build could put a link
        self.log.touch()
        write_atomic(self._marker, "" if before is None else str(before))
        yield
        self._marker.unlink()

    def _bring_in(self) -> None:
        """Park the tree of another variant and put this one's in its place."""
        if self.path.is_dir() and _owner(self.path) != self.variant:
            parked = self._parked(_owner(self.path))
            shutil.rmtree(parked, ignore_errors=True)
            self.path.rename(parked)
        if self.path.is_dir():
            return
        parked = self._parked(self.variant)
        if not parked.is_dir():
            self._make(parked)
        parked.rename(self.path)

    def _parked(self, variant: str) -> Path:
        return self.parent / f"parked-{variant}"

    def _make(self, target: Path) -> None:
        """A copy of the tree that was built last, or an empty one."""
        part = self.parent / "part"
        shutil.rmtree(part, ignore_errors=True)
        whole = [tree for tree in self.parent.glob("parked-*") if not (tree / _MARKER).exists()]
        # A plain tree is not made from one that counts: less is to be compiled the other way round.
        counting = self.variant.endswith(COUNTING)
        usable = [tree for tree in whole if counting or not tree.name.endswith(COUNTING)]
        if usable:
            newest = max(usable, key=lambda tree: (tree.name.endswith(COUNTING), tree.stat().st_mtime_ns))
            process.check(["cp", "-a", "--reflink=auto", str(newest), str(part)], what="copying an object tree")
        else:
            part.mkdir()
        (part / _NAME).write_text(self.variant)
        part.rename(target)

    def _recover(self, source: Path) -> int | None:
        """Take away what a killed build left half made. Returns what ``prepare`` is to."""
        before = self._marker.read_text()
        lines = self.log.read_text(errors="surrogateescape").splitlines() if self.log.exists() else []
        self.warnings.update(lines, source)
        announced = {target_of(line).removeprefix(f"{self.path}/") for line in lines}
        for path in untrusted(self.path, self._marker.stat().st_mtime_ns, announced):
            path.unlink()
        self._marker.unlink()
        return int(before) + sum(map(is_compilation, lines)) if before.isdigit() else None


def object_tree(source: Path, variant: str) -> ObjectTree:
    """The tree of ``variant`` for the sources at ``source``; it need not exist yet.

    It lives beside the sources: seen from it they are at the same relative path in each base, which is what ccache goes
    by (harness/build/make.py).
    """
    parent = source.parent / OBJECTS
    parent.mkdir(exist_ok=True)
    return ObjectTree(parent, variant)


def _owner(tree: Path) -> str:
    name = tree / _NAME
    owner = name.read_text() if name.is_file() else ""
    return owner if re.fullmatch(r"\w[\w.=-]*", owner) else "unknown"  # a build can write there, and it is in a path


def untrusted(objects: Path, since: int, announced: Collection[str]) -> Iterator[Path]:
    """Files that a build killed after ``since`` (ns, file time) may have left half made.

    kbuild writes ``.X.cmd`` when ``X`` is done (scripts/Kbuild.include, ``if_changed``): a file that is newer than
    its ``.cmd`` was being written. An object whose line never reached the log took its warnings with it.
    """
    for directory, _, names in os.walk(objects):
        for name in names:
            path, command = Path(directory, name), Path(directory, f".{name}.cmd")
            if name.endswith(".cmd") or path.is_symlink() or not command.is_file():
                continue
            made = path.stat().st_mtime_ns
            if made < since:
                continue
            unannounced = name.endswith(".o") and str(path.relative_to(objects)) not in announced
            if unannounced or command.stat().st_mtime_ns < made:
                yield path
