# SPDX-License-Identifier: GPL-2.0-only
"""Fixups: what old trees need before they can be tested, and the layer of them between a base and the patch.

``patches/fixups/fixups.toml`` lists those that ship with the harness::

    [[fixup]]
    name = "udmabuf-dma-mask"        # udmabuf-dma-mask.patch, beside the list
    fault = "..."                    # what goes wrong without it, in one line
    reason = "..."                   # why the tree cannot be tested, or its results not be trusted, with that
    commit = "9e9fa6a9198b"          # the upstream commit that mends it there, or its subject
    from = "5.5"                     # the first version for which it is tried
    to = "5.10"                      # the first for which it is not: its stable releases have it

The range is only where it is worth trying. A tree that has it already is found out by looking.

The layer, with the patches that the user says the base needs, becomes part of the base: a commit of its own that the
work tree is reset to. So it is the same with the patch and without it, none of its lines counts as the patch's, and
every comparison of files is with the mended base.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.errors import UserError
from harness.intake.apply import Index, index_directory, stage
from harness.intake.patch_reader import read_patches
from harness.paths import PATCHES
from harness.series import Patch, Tree
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


_Outcome = tuple[str, ...] | None


@dataclass(frozen=True)
class MendedBase:
    """``tree``: the base with its layer, which it names in ``fixups``. ``notes``: what was left out, and why."""

    tree: Tree
    notes: tuple[str, ...] = ()


def apply_fixups(tree: Tree, own: Sequence[Patch], fixups: Sequence[Fixup], patches: Sequence[Patch]) -> MendedBase:
    """``tree`` with ``own`` and those of ``fixups`` that apply; the work tree, which the caller has locked, stays.

    ``own``: what the user wants below the patch; raises ``UserError`` if it does not apply. A fixup that the tree has
    already, or that does not apply, is left out. So is one that changes what becomes of ``patches``, the series under
    test: a fixup must neither keep a patch from applying nor take its place.
    """
    if not own and not fixups:
        return MendedBase(tree)
    with index_directory(tree) as directory:
        return _Layer(tree, directory, own, patches).mended(fixups)


class _Layer:
    def __init__(self, tree: Tree, directory: Path, own: Sequence[Patch], patches: Sequence[Patch]) -> None:
        self._tree = tree
        self._patches = patches
        self._index = Index.of_base(tree, directory / "layer")
        self._told: list[str] = []
        self._notes: list[str] = []
        already = stage(self._index, own)
        self._notes += [f"already in the base: {subject}" for subject in already]
        self._told += [f"{patch.subject} (asked for)" for patch in own if patch.subject not in already]

    def mended(self, fixups: Sequence[Fixup]) -> MendedBase:
        """Each fixup goes on top of those before it."""
        plain = self._outcome(self._index)
        for fixup in fixups:
            if self._is_good(fixup, plain):
                self._index.apply(fixup.patch.parsed)
                self._told.append(fixup.told)
        if not self._told:
            return MendedBase(self._tree, tuple(self._notes))
        commit = self._index.commit("base with fixups")
        return MendedBase(replace(self._tree, commit=commit, fixups=tuple(self._told)), tuple(self._notes))

    def _is_good(self, fixup: Fixup, plain: _Outcome) -> bool:
        """True if it applies and leaves the series alone; if not, says so, unless the tree has it already."""
        trial = self._index.copy("mended")
        if not trial.apply(fixup.patch.parsed).ok:
            if not trial.apply(fixup.patch.parsed, reverse=True).ok:
                self._notes.append(f"the fixup {fixup.name} does not apply to this tree, and is left out")
            return False
        touched = any(set(patch.files).intersection(fixup.patch.files) for patch in self._patches)
        if touched and plain is not None and self._outcome(trial) != plain:
            self._notes.append(f"the fixup {fixup.name} is left out: the patch changes the same lines")
            return False
        return True

    def _outcome(self, index: Index) -> _Outcome:
        """Which patches of the series are in ``index`` already; None if the series does not apply to it."""
        try:
            return stage(index.copy("outcome"), self._patches)
        except UserError:
            return None
