# SPDX-License-Identifier: GPL-2.0-only
"""A layer of its own between a base and the patch under test: fixups, and patches that the user says the base needs.

The layer becomes part of the base: a commit of its own that the work tree is reset to. So it is the same with the patch
and without it, none of its lines counts as the patch's, and every comparison of files is with the mended base.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import UserError
from harness.intake.apply import scratch, stage
from harness.intake.fixups import Fixup
from harness.intake.index import Index
from harness.series import Patch, Tree

_Outcome = tuple[str, ...] | None


@dataclass(frozen=True)
class Mended:
    """``tree``: the base with its layer, which it names in ``fixups``. ``notes``: what was left out, and why."""

    tree: Tree
    notes: tuple[str, ...] = ()


def mend(tree: Tree, own: Sequence[Patch], fixups: Sequence[Fixup], patches: Sequence[Patch]) -> Mended:
    """``tree`` with ``own`` and those of ``fixups`` that apply; the work tree, which the caller has locked, stays.

    ``own``: what the user wants below the patch; raises ``UserError`` if it does not apply. A fixup that the tree has
    already, or that does not apply, is left out. So is one that changes what becomes of ``patches``, the series under
    test: a fixup must neither keep a patch from applying nor take its place.
    """
    if not own and not fixups:
        return Mended(tree)
    with scratch(tree) as directory:
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

    def mended(self, fixups: Sequence[Fixup]) -> Mended:
        """Each fixup goes on top of those before it."""
        plain = self._outcome(self._index)
        for fixup in fixups:
            if self._is_good(fixup, plain):
                self._index.apply(fixup.patch.parsed)
                self._told.append(fixup.told)
        if not self._told:
            return Mended(self._tree, tuple(self._notes))
        commit = self._index.commit("base with fixups")
        return Mended(replace(self._tree, commit=commit, fixups=tuple(self._told)), tuple(self._notes))

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
