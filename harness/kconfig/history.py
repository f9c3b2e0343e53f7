# SPDX-License-Identifier: GPL-2.0-only
"""``kernel-configs/symbols.toml``: why a tree does not have a symbol. Only for words: whether it has, the tree says."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UserError
from harness.paths import KERNEL_CONFIGS

_KEYS = frozenset({"name", "came", "came_commit", "gone", "gone_commit", "now"})


@dataclass(frozen=True)
class History:
    """``came``: first release with the symbol. ``gone``: first without it again, "" if none; ``now``: what is instead.

    ``came_by``, ``gone_by``: the commits, or their subjects, as far as known.
    """

    came: str
    came_by: str = ""
    gone: str = ""
    gone_by: str = ""
    now: str = ""

    def why_absent(self, version: str) -> str:
        """Why a tree of ``version`` ("7.3.4") lacks it, in words; "" if that cannot be told from its version."""
        if self.gone and _numbers(version) >= _numbers(self.gone):
            by = f' by "{self.gone_by}"' if self.gone_by else ""
            return f"removed in {self.gone}{by}" + (f": since then {self.now}" if self.now else "")
        if _numbers(version) < _numbers(self.came):
            return f"it came with {self.came}" + (f" ({self.came_by})" if self.came_by else "")
        return ""


def load_history(path: Path = KERNEL_CONFIGS / "symbols.toml") -> dict[str, History]:
    """By symbol. Raises ``UserError`` if the file cannot be used."""
    try:
        entries = tomllib.loads(path.read_text()).get("symbol", [])
        return {str(entry["name"]): _history(entry) for entry in entries}
    except (OSError, tomllib.TOMLDecodeError, KeyError, ValueError, AttributeError) as error:
        raise UserError(f"cannot be used ({error})", where=str(path)) from error


def _history(entry: Mapping[str, object]) -> History:
    if unknown := sorted(set(entry) - _KEYS):
        raise ValueError(f"unknown key {unknown[0]!r}")
    words = {key: str(entry.get(key, "")) for key in _KEYS}
    return History(str(entry["came"]), words["came_commit"], words["gone"], words["gone_commit"], words["now"])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("-")[0])[:2])
