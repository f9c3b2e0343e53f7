# SPDX-License-Identifier: GPL-2.0-only
"""What Kconfig's answer depends on: not on the text of the kernel's sources, so most patches leave it as it is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from harness.gitcmd import check_git, run_git

# Kconfig reads Kconfig files, runs make, and with it scripts and compilers. Everything else counts, too, whatever its
# name is; what cannot is only the bulk.
_SOURCES = (".c", ".h", ".S", ".rst", ".yaml", ".dts", ".dtsi")
_PROGRAMS = ("scripts/", "tools/")  # there, sources are those of programs that run during a build
# Lines that make Kconfig read another file: macros (Documentation/kbuild/kconfig-macro-language.rst), and source.
_READING = r'\$\(|^[[:space:]]*[ro]*source[[:space:]]+"'
_NAMED = re.compile(rf"[\w./-]*\w(?:{'|'.join(map(re.escape, _SOURCES))})\b")


@lru_cache(maxsize=64)
def inputs_digest(tree: Path, content: str) -> str:
    """Hash of the files of ``content`` (git's id of a tree) on which a config may depend, by name, mode and text.

    ``tree``: a repository that has them. Raises ``InfrastructureError`` if it has not.
    """
    digest = hashlib.sha256()
    for line in _listed(tree, content):
        if not _is_source(line.partition("\t")[2]):
            digest.update(f"{line}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def reads_sources(tree: Path, content: str) -> bool:
    """Whether a Kconfig file names a source file that ``inputs_digest`` leaves out: no kernel does, but a patch may."""
    found = run_git(tree, "grep", "-h", "-I", "-E", "-e", _READING, content, "--", "*Kconfig*")
    named = {word.lstrip("./") for line in found.stdout.splitlines() for word in _NAMED.findall(line)}
    left_out = (path for line in _listed(tree, content) if _is_source(path := line.partition("\t")[2]))
    return bool(named) and any(path.endswith(tuple(named)) for path in left_out)


def _is_source(path: str) -> bool:
    return path.endswith(_SOURCES) and not path.startswith(_PROGRAMS)


def _listed(tree: Path, content: str) -> Iterator[str]:
    """Mode, type, id and path of each file."""
    listed = check_git(tree, "ls-tree", "-r", "-z", "--full-tree", content)
    return filter(None, listed.split("\0"))
