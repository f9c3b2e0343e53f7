# SPDX-License-Identifier: GPL-2.0-only
"""Object trees: one for each source tree and variant, at a path that never changes, kept for the next build.

A new variant's tree starts as a copy of another one, so that only what differs is compiled. A build that was
killed leaves a tree that make alone would trust too much; ``recover`` takes out what cannot be trusted.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import process
from harness.build.messages import target_of
from harness.build.warnings import WarningStore
from harness.paths import cache_dir, write_atomic


@dataclass(frozen=True)
class ObjectTree:
    """``path``: what make is given as ``O=``. ``log``: output of the latest build."""

    path: Path
    log: Path

    @property
    def warnings(self) -> WarningStore:
        return WarningStore(self.path / ".dmabuf-harness-warnings.json")

    @property
    def _marker(self) -> Path:
        return self.path / ".dmabuf-harness-building"

    def prepare(self, source: Path, config: str) -> None:
        """Make the tree ready for a build of ``source`` with ``config`` (the text of ``.config``)."""
        if not self.path.is_dir():
            self._seed()
        if self._marker.exists():
            self._recover(source)
        current = self.path / ".config"
        # A newer .config makes kbuild look at everything again.
        if not current.is_file() or current.read_text() != config:
            write_atomic(current, config)

    @contextlib.contextmanager
    def building(self) -> Iterator[None]:
        """Around make. The marker stays behind if the body does not come to its end."""
        self.log.write_bytes(b"")
        self._marker.touch()
        yield
        self._marker.unlink()

    def _seed(self) -> None:
        part = self.path.with_name(f"{self.path.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        siblings = [tree for tree in self.path.parent.iterdir() if (tree / ".config").is_file()]
        whole = [tree for tree in siblings if not (tree / self._marker.name).exists()]
        if not whole:
            self.path.mkdir()
            return
        newest = max(whole, key=lambda tree: (tree / ".config").stat().st_mtime_ns)
        process.check(["cp", "-a", "--reflink=auto", str(newest), str(part)], what="copying an object tree")
        part.rename(self.path)

    def _recover(self, source: Path) -> None:
        lines = self.log.read_text(errors="surrogateescape").splitlines() if self.log.exists() else []
        self.warnings.update(lines, source)
        announced = {target for line in lines if (target := target_of(line))}
        for path in untrusted(self.path, self._marker.stat().st_mtime_ns, announced):
            path.unlink()
        self._marker.unlink()


def object_tree(source: Path, variant: str) -> ObjectTree:
    """The tree of ``variant`` for the sources at ``source``; it need not exist yet."""
    digest = hashlib.sha256(str(source).encode()).hexdigest()[:16]
    parent = cache_dir("objects", digest)
    return ObjectTree(parent / variant, parent / f"{variant}.log")


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
