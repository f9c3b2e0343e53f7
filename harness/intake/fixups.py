# SPDX-License-Identifier: GPL-2.0-only
"""``patches/fixups/fixups.toml``: what old trees need before they can be tested with compilers and checks of today.

::

    [[fixup]]
    name = "udmabuf-dma-mask"        # udmabuf-dma-mask.patch, beside the list
    fault = "..."                    # what goes wrong without it, in one line
    reason = "..."                   # why the tree cannot be tested, or its results not be trusted, with that
    commit = "9e9fa6a9198b"          # the upstream commit that mends it there, or its subject
    from = "5.5"                     # the first version for which it is tried
    to = "5.10"                      # the first for which it is not: its stable releases have it

The range is only where it is worth trying. A tree that has it already is found out by looking.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.intake.read import read_patches
from harness.paths import PATCHES
from harness.series import Patch
from harness.toml_tables import OneLine, TomlTable, keyed, read_toml
from harness.version_numbers import release

DIRECTORY = PATCHES / "fixups"
_LIST = "fixups.toml"
_VERSION = re.compile(r"\d+\.\d+(?:\.\d+)?")
_HINT = "see harness/intake/fixups.py for the format"


@dataclass(frozen=True)
class Fixup:
    """A mend for trees from version ``since`` on and before ``until``. ``commit``: its upstream counterpart."""

    name: OneLine
    fault: OneLine
    reason: OneLine
    commit: OneLine
    since: str = field(metadata=keyed("from"))
    until: str = field(metadata=keyed("to"))
    patch: Patch

    @property
    def told(self) -> str:
        """What reports say of it, one line."""
        return f"{self.name}: {self.fault} (upstream {self.commit})"

    def is_for(self, version: str) -> bool:
        """True for ``version`` ("5.6.4", "5.7.0-rc3") within the range; a release candidate counts as its release."""
        return release(self.since) <= release(version) < release(self.until)


def load_fixups(directory: Path = DIRECTORY) -> tuple[Fixup, ...]:
    """All fixups, in the order in which they are applied. Raises ``UserError`` for a list that cannot be used."""
    entries = read_toml(directory / _LIST, _HINT).entries("fixup")
    return tuple(_fixup(entry, directory) for entry in entries)


def fixups_for(version: str, fixups: Sequence[Fixup]) -> tuple[Fixup, ...]:
    """Those of ``fixups`` that are worth trying on a tree of ``version``."""
    return tuple(fixup for fixup in fixups if fixup.is_for(version))


def _fixup(entry: TomlTable, directory: Path) -> Fixup:
    patches = read_patches([directory / f"{entry.text('name')}.patch"])
    fixup = entry.decode(Fixup, patch=patches[0])
    if len(patches) != 1:
        raise entry.refuse("its file is not one patch")
    for key, version in (("from", fixup.since), ("to", fixup.until)):
        if not _VERSION.fullmatch(version):
            raise entry.refuse(f"{key} = {version!r} is no version")
    return fixup
