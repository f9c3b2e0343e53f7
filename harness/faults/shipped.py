# SPDX-License-Identifier: GPL-2.0-only
"""``patches/history/history.toml``: bugs that were in released kernels, put back, and which test sees each of them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path

from harness.faults.catalogue import HINT, Detection, Fault, UpstreamFix, by_name, patch_facts
from harness.paths import PATCHES
from harness.source import DEFAULT_BASE
from harness.toml_tables import TomlTable, read_toml

DIRECTORY = PATCHES / "history"
_LIST = "history.toml"


class ShippedKind(enum.Enum):
    """Whether the kernel itself says that something is wrong, once the bug is reached."""

    LOUD = "loud"  # a report, a crash or a hang
    QUIET = "quiet"  # only what it answers, keeps or forgets is wrong


@dataclass(frozen=True)
class _ShippedEntry:
    """One ``[[bug]]`` as it is written; what the fields mean is in the head of the list."""

    name: str
    subject: str
    year: int
    saw: str
    kind: ShippedKind
    why: str
    commit: str | None = None
    base: str = DEFAULT_BASE
    suite: str = "checks"
    test: str | None = None
    variant: str = "on"
    how: Detection = Detection.FAIL


def load_shipped(directory: Path = DIRECTORY) -> dict[str, Fault]:
    """All bugs by name, in the order of the list. Raises ``UserError`` for a list or a patch that cannot be used."""
    return by_name(read_toml(directory / _LIST, HINT).entries("bug"), lambda table: _fault(table, directory))


def _fault(table: TomlTable, directory: Path) -> Fault:
    entry = table.decode(_ShippedEntry)
    patch = directory / f"{entry.name}.patch"
    bug, files = patch_facts(patch)
    fix = UpstreamFix(entry.commit or "", entry.subject, entry.year, entry.saw, entry.kind.value)
    return Fault(
        name=entry.name,
        patch=patch,
        bug=bug,
        files=files,
        suite=entry.suite,
        check=entry.test or "",
        variant=entry.variant,
        how=entry.how,
        why=entry.why,
        base=entry.base,
        fix=fix,
    )
