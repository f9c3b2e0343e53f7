# SPDX-License-Identifier: GPL-2.0-only
"""What is to be built, and the key under which the same content is found again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from harness import process
from harness.architecture import ARCHITECTURE
from harness.build.coverage_kernel import recipe
from harness.build.probe_module import sources_digest
from harness.model import ResolvedConfig
from harness.series import Applied

# Part of every key: change it when the same sources would come out as a different kernel directory.
RECIPE = "5"


@dataclass(frozen=True)
class BuildRequest:
    """``jobs``: how many compilers run at once. ``selftests``: folders of tools/testing/selftests that come with it.

    ``profiled``: C files whose objects count which lines run; the variant has a name that ends in ``COUNTING`` then.
    """

    applied: Applied
    config: ResolvedConfig
    jobs: int
    selftests: tuple[str, ...]
    profiled: tuple[str, ...] = ()


def compiler() -> str:
    """Compiler and linker, one line: "gcc (Debian 12.2.0-14) 12.2.0, GNU ld (...) 2.40"."""
    return ", ".join(
        process.check([ARCHITECTURE.tool(program), "--version"], what="compiler").splitlines()[0]
        for program in ("gcc", "ld")
    )


def key(request: BuildRequest, compiler_id: str) -> str:
    """The kernel's identity: equal key, equal kernel. What is touched, and in what, is in it for the warnings that are
    kept."""
    applied = request.applied
    parts = [RECIPE, sources_digest(), *request.selftests, applied.tree_id, request.config.sha256, compiler_id]
    if applied.touched:
        parts += [applied.tree.commit, *applied.touched]
    parts += recipe(request.profiled)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
