# SPDX-License-Identifier: GPL-2.0-only
"""The files in which reach is measured: those of ``kernel-configs/coverage/scope.toml``, and those of a patch."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from harness.gitcmd import run_git
from harness.paths import KERNEL_CONFIGS
from harness.toml_tables import read_toml

_FILE = KERNEL_CONFIGS / "coverage" / "scope.toml"
# Make's command line names an object by its stem alone (scripts/Makefile.lib, GCOV_PROFILE_$(target-stem).o), and
# overrides what a Makefile says: an object of the same name in one of these may run before there can be counters.
_EARLY = ("arch/", "drivers/firmware/", "init/", "kernel/", "lib/", "mm/")
_NO_KERNEL = ("Documentation/", "samples/", "scripts/", "tools/", "usr/")


@dataclass(frozen=True)
class ProfiledSources:
    """``files``: C files whose objects are to count. ``left_out``: files of the patch that cannot, and why."""

    files: tuple[str, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scope:
    """Patterns of paths in a kernel tree; "*" does not match "/". Fields as in the file."""

    files: tuple[str, ...]
    headers: tuple[str, ...]
    without: tuple[str, ...]

    def holds(self, path: str) -> bool:
        """True for a C file or header that belongs to it."""
        return _any(self.files + self.headers, path) and not _any(self.without, path)

    def sources(self, tree: Path, touched: Iterable[str] = ()) -> ProfiledSources:
        """The C files of ``tree`` that belong to it, and those of the paths ``touched`` that can be made to count."""
        found = {str(path.relative_to(tree)) for pattern in self.files for path in tree.glob(pattern)}
        own = {path for path in touched if path.endswith(".c") and (tree / path).is_file()} - found
        own = {path for path in own if not _any(self.without, path) and not path.startswith(_NO_KERNEL)}
        unfit = {path: why for path in sorted(own) if (why := _unfit(tree, path))}
        chosen = {path for path in found | own if not _any(self.without, path)} - unfit.keys()
        return ProfiledSources(tuple(sorted(chosen)), tuple(f"{path}: {why}" for path, why in unfit.items()))


def load_scope(path: Path = _FILE) -> Scope:
    """The scope in ``path``. Raises ``UserError`` if the file cannot be used."""
    return read_toml(path, "write it as the file says that comes with the project").decode(Scope)


def _any(patterns: Iterable[str], path: str) -> bool:
    return any(_matches(pattern, path) for pattern in patterns)


def _matches(pattern: str, path: str) -> bool:
    wanted, parts = PurePosixPath(pattern).parts, PurePosixPath(path).parts
    return len(wanted) == len(parts) and all(map(fnmatchcase, parts, wanted))


def _unfit(tree: Path, path: str) -> str:
    """Why the object of ``path``, a file of the patch, cannot count; empty if it can."""
    stem = PurePosixPath(path).stem
    if _is_forbidden(tree / path, stem):
        return "its Makefile forbids counters in it"
    twins = run_git(tree, "ls-files", "--", f":(glob)**/{stem}.c").stdout.splitlines()
    early = [twin for twin in twins if twin != path and twin.startswith(_EARLY)]
    return f"counters in it would be in {early[0]}, too" if early else ""


def _is_forbidden(path: Path, stem: str) -> bool:
    makefiles = [path.with_name(name) for name in ("Kbuild", "Makefile")]
    text = "\n".join(file.read_text(errors="replace") for file in makefiles if file.is_file())
    return bool(re.search(rf"^\s*GCOV_PROFILE(_{re.escape(stem)}\.o)?\s*:?=\s*n", text, re.MULTILINE))
