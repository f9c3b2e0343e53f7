# SPDX-License-Identifier: GPL-2.0-only
"""``kselftest-wrappers/static/static.toml``: which kinds of findings make a run red. It says what each kind is."""

from __future__ import annotations

import tomllib
from pathlib import Path

from harness.errors import UserError
from harness.paths import WRAPPERS

COMPILE, WARNINGS, EXTRA, SPARSE, COCCI, DOC = "compile", "warnings", "w1", "sparse", "coccicheck", "kernel-doc"
STYLE, STYLE_WARNINGS, HELP, FIXES = "checkpatch", "checkpatch-warnings", "kconfig-help", "fixes"
MAINTAINERS = "maintainers"

# In the order in which they are told.
KINDS = (COMPILE, WARNINGS, EXTRA, SPARSE, COCCI, DOC, STYLE, STYLE_WARNINGS, HELP, FIXES, MAINTAINERS)

FILE = "static.toml"
_MEND = f"see the comment in kselftest-wrappers/static/{FILE}"


def load_red(root: Path = WRAPPERS) -> frozenset[str]:
    """The kinds that make a run red. Raises ``UserError`` with what is wrong in the file."""
    where = f"{root.name}/static/{FILE}"
    try:
        table = tomllib.loads((root / "static" / FILE).read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"cannot be read: {error}", where=where, mend=_MEND) from error
    red = table.get("red")
    if set(table) != {"red"} or not isinstance(red, list):
        raise UserError('holds something else than red = ["..."]', where=where, mend=_MEND)
    unknown = [str(kind) for kind in red if kind not in KINDS]
    if unknown:
        raise UserError(f"unknown kind {unknown[0]!r}", where=where, mend=f"possible: {', '.join(KINDS)}")
    return frozenset(red)
