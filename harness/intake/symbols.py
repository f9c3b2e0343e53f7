# SPDX-License-Identifier: GPL-2.0-only
"""Which Kconfig symbols a series brings and takes away, read off its diffs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from harness.intake.diff import parse_diff
from harness.series import Patch

_CONFIG = re.compile(rb"\s*(?:menu)?config\s+(\w+)\s*")


def added_symbols(patches: Sequence[Patch]) -> tuple[str, ...]:
    """Symbols that ``patches`` define and did not take from elsewhere, in order."""
    return _only_in(_defined(patches, b"+"), _defined(patches, b"-"))


def removed_symbols(patches: Sequence[Patch]) -> tuple[str, ...]:
    """Symbols of which ``patches`` drop the definition, in order."""
    return _only_in(_defined(patches, b"-"), _defined(patches, b"+"))


def _only_in(here: Sequence[str], there: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(symbol for symbol in here if symbol not in there))


def _defined(patches: Sequence[Patch], marker: bytes) -> list[str]:
    files = (file for patch in patches for file in parse_diff(patch.diff, patch.origin).files)
    kconfig = (file for file in files if PurePath(file.path).name.startswith("Kconfig"))
    lines = (line[1:] for file in kconfig for hunk in file.hunks for line in hunk.body if line[:1] == marker)
    return [found[1].decode() for line in lines if (found := _CONFIG.fullmatch(line))]
