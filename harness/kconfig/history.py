# SPDX-License-Identifier: GPL-2.0-only
"""``kernel-configs/symbols.toml``: why a tree does not have a symbol. Only for words: whether it has, the tree says."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from harness.paths import KERNEL_CONFIGS
from harness.toml_tables import keyed, read_toml
from harness.version_numbers import release

_HINT = "see the entries of kernel-configs/symbols.toml"


@dataclass(frozen=True)
class History:
    """``came``: first release with the symbol. ``gone``: first without it again, "" if none; ``now``: what is instead.

    ``came_by``, ``gone_by``: the commits, or their subjects, as far as known.
    """

    came: str
    came_by: str = field(default="", metadata=keyed("came_commit"))
    gone: str = ""
    gone_by: str = field(default="", metadata=keyed("gone_commit"))
    now: str = ""

    def why_absent(self, version: str) -> str:
        """Why a tree of ``version`` ("7.3.4") lacks it, in words; "" if that cannot be told from its version."""
        if self.gone and release(version, 2) >= release(self.gone, 2):
            by = f' by "{self.gone_by}"' if self.gone_by else ""
            return f"removed in {self.gone}{by}" + (f": since then {self.now}" if self.now else "")
        if release(version, 2) < release(self.came, 2):
            return f"it came with {self.came}" + (f" ({self.came_by})" if self.came_by else "")
        return ""


def load_history(path: Path = KERNEL_CONFIGS / "symbols.toml") -> dict[str, History]:
    """By symbol. Raises ``UserError`` if the file cannot be used."""
    entries = read_toml(path, _HINT).entries("symbol")
    return {entry.text("name"): entry.decode(History, ignored=("name",)) for entry in entries}
