# SPDX-License-Identifier: GPL-2.0-only
"""``kselftest-wrappers/static/static.toml``: which kinds of findings make a run red. It says what each kind is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.paths import WRAPPERS
from harness.toml_tables import read_toml

COMPILE, WARNINGS, EXTRA, SPARSE, COCCI, DOC = "compile", "warnings", "w1", "sparse", "coccicheck", "kernel-doc"
STYLE, STYLE_WARNINGS, HELP, FIXES = "checkpatch", "checkpatch-warnings", "kconfig-help", "fixes"
MAINTAINERS = "maintainers"

# In the order in which they are told.
KINDS = (COMPILE, WARNINGS, EXTRA, SPARSE, COCCI, DOC, STYLE, STYLE_WARNINGS, HELP, FIXES, MAINTAINERS)

FILE = "static.toml"
_HINT = f"see the comment in kselftest-wrappers/static/{FILE}"


@dataclass(frozen=True)
class _Settings:
    red: tuple[str, ...]


def load_red(root: Path = WRAPPERS) -> frozenset[str]:
    """The kinds that make a run red. Raises ``UserError`` with what is wrong in the file."""
    table = read_toml(root / "static" / FILE, _HINT, f"{root.name}/static/{FILE}")
    red = table.decode(_Settings).red
    if unknown := [kind for kind in red if kind not in KINDS]:
        raise table.refuse(f"unknown kind {unknown[0]!r}", f"possible: {', '.join(KINDS)}")
    return frozenset(red)
