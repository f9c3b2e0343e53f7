# SPDX-License-Identifier: GPL-2.0-only
"""What an agent asks for, as words of a command line. Values are its own text: none can become another option."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UserError
from harness.paths import write_atomic

PATCH_FILE = "asked.patch"


@dataclass(frozen=True)
class AgentRequest:
    """``patches``: as ``-p`` takes them. ``diff``: text of a patch, in their place. ``worktree``: uncommitted changes.

    None of them: the base as it is. ``base``, ``variant``, ``accel``: empty for the default.
    """

    patches: Sequence[str] = ()
    diff: str = ""
    worktree: bool = False
    base: str = ""
    variant: str = ""
    suites: Sequence[str] = ()
    only: Sequence[str] = ()
    accel: str = ""

    def words(self, directory: Path) -> list[str]:
        """Options of ``run``; ``directory``: gets the file that ``diff`` is written to. Raises ``UserError``."""
        if sum(map(bool, (self.patches, self.diff, self.worktree))) > 1:
            raise UserError("patches, diff and worktree exclude each other", where="the request", hint="give one")
        words = [f"--{name}={value}" for name, value in self._valued() if value]
        return [*self._source(directory), *words, "--no-project"]

    def _source(self, directory: Path) -> list[str]:
        if self.diff:
            write_atomic(directory / PATCH_FILE, self.diff)
            return [f"--patch={directory / PATCH_FILE}"]
        if any(patch in ("", "-") for patch in self.patches):
            raise UserError("there is no standard input", where="patches", hint="give the text as diff")
        return [f"--patch={one}" for one in self.patches] or ["--worktree" if self.worktree else "--no-patch"]

    def _valued(self) -> list[tuple[str, str]]:
        return [
            ("base", self.base),
            ("variant", self.variant),
            ("accel", self.accel),
            *(("suite", one) for one in self.suites),
            *(("only", one) for one in self.only),
        ]


def plain_word(text: str, what: str) -> str:
    """``text`` as a word that stands alone. Raises ``UserError`` if it would be read as an option."""
    if not text or text.startswith("-"):
        raise UserError(f"not a {what}: {text!r}", where="the request")
    return text
