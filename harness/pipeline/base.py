# SPDX-License-Identifier: GPL-2.0-only
"""The base of a run when none is named: the one that the patches were made for, as far as trees at hand tell.

Nothing is fetched for it. What speaks for a tree, the strongest first: the patches come from there; a mail's
``base-commit:`` is in it; it has the very files that the diffs were made from; the patches apply to it, or to it with
what goes below them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UserError
from harness.intake import Fixup, applies, fixups_for, made_for
from harness.pipeline.patches import Taken
from harness.series import Patch
from harness.source import DEFAULT_BASE, UserTree, cached_bases
from harness.version_numbers import numbers


@dataclass(frozen=True)
class _Candidate:
    """``spec``: as a user names it. ``repository``, ``commit``: where to look. ``version``: of that kernel."""

    spec: str
    repository: Path
    commit: str
    version: str


def choose_base(
    named: str, taken: Taken, prerequisites: Sequence[Patch] = (), fixups: Sequence[Fixup] = ()
) -> tuple[str, tuple[str, ...]]:
    """The base that ``named`` stands for, or the best guess, and what to say about it: nothing if it was named.

    ``prerequisites``, ``fixups``: as in ``RunJob``.
    """
    if named:
        return named, ()
    if taken.tree is not None and taken.start:
        return _spec(taken.tree, taken.start), _said(_spec(taken.tree, taken.start), "the patches begin there")
    if not taken.patches:
        return DEFAULT_BASE, ()
    here = _here()
    notes: tuple[str, ...] = ()
    if commit := next((patch.base_commit for patch in taken.patches if patch.base_commit), ""):
        if here is not None and here.has(commit):
            spec = _spec(here, here.commit(commit))
            return spec, _said(spec, "the patch names that commit as its base")
        notes = (f"the patch names {commit[:12]} as its base, which no tree at hand has",)
    spec, why = _guessed(taken.patches, prerequisites, fixups, list(_at_hand(here)))
    return spec, (*_said(spec, why), *notes)


def _here() -> UserTree | None:
    """The tree that the user stands in, if git reads it: in a container it often belongs to somebody else."""
    try:
        return UserTree.around(Path.cwd())
    except UserError:
        return None


def _said(spec: str, why: str) -> tuple[str, ...]:
    return (f"base: {spec}, because {why}; --base overrides",) if why else ()


def _spec(tree: UserTree, commit: str) -> str:
    return f"git:{tree.path}@{tree.short(commit)}"


def _guessed(
    patches: Sequence[Patch], prerequisites: Sequence[Patch], fixups: Sequence[Fixup], candidates: Sequence[_Candidate]
) -> tuple[str, str]:
    """The candidate with the best claim, and its claim; the default base without one if nothing is known."""
    for one in candidates:
        if made_for(one.repository, one.commit, patches):
            return one.spec, "it has the very files that the patch was made from"
    for one in candidates:
        if applies(one.repository, one.commit, patches, prerequisites, fixups_for(one.version, fixups)):
            return one.spec, "the patch applies there"
    tried = ", ".join(one.spec for one in candidates)
    return DEFAULT_BASE, f"it is the default, and the patch applies to no tree at hand ({tried})" if tried else ""


def _at_hand(here: UserTree | None) -> Iterator[_Candidate]:
    """The default base first, then other cached ones from the newest on, then the tree that the user stands in."""
    cached = sorted(cached_bases(), key=lambda tree: (tree.spec == DEFAULT_BASE, numbers(tree.version)), reverse=True)
    yield from (_Candidate(tree.spec, tree.path, tree.commit, tree.version) for tree in cached)
    if here is not None and (version := here.version()):
        head = here.commit("HEAD")
        yield _Candidate(_spec(here, head), here.path, head, version)
