# SPDX-License-Identifier: GPL-2.0-only
"""Applying a series to a base: all of it, or nothing and a message that says why."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.errors import InfrastructureError, UserError
from harness.intake import diff_paths
from harness.intake.diff import parse_diff
from harness.intake.explain import explain
from harness.intake.index import Index, git_path
from harness.intake.rivals import rivals
from harness.series import Applied, Patch, Tree


def apply_series(tree: Tree, patches: Sequence[Patch]) -> Applied:
    """Apply ``patches`` in order to the work tree of ``tree``, which the caller has locked and reset.

    Only files that the series changes are written, each once; git's index stays at the base. A patch that the base
    has already is skipped and named in ``already_in_base``; ``patches`` still holds it. ``added`` counts lines
    of the files as they are after the whole series. If one does not apply, raises ``UserError`` and changes nothing.
    """
    with scratch(tree) as directory:
        staged = Index(tree, directory / "staged")
        already = stage(staged, patches)
        tree_id = staged.write_tree()
        for name, mode, target in staged.specials(tree_id):
            diff_paths.check(name, mode, target, "the patched tree")
        Index(tree, directory / "checkout").check_out(tree_id)
        changed = parse_diff(staged.diff(tree_id), "git diff-tree")
    return Applied(
        tree=tree,
        patches=tuple(patches),
        tree_id=tree_id,
        already_in_base=already,
        added=changed.added,
    )


@contextlib.contextmanager
def scratch(tree: Tree) -> Iterator[Path]:
    """A directory inside git's own: always the same one, so that a killed run leaves no more than one behind."""
    directory = git_path(tree, "intake").absolute()
    shutil.rmtree(directory, ignore_errors=True)
    try:
        directory.mkdir()
    except OSError as error:
        raise InfrastructureError(f"cannot be written: {error.strerror}", where=str(directory)) from error
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def stage(index: Index, patches: Sequence[Patch]) -> tuple[str, ...]:
    """Apply in the index; returns the subjects of those that were there already.

    Raises ``UserError`` for one that does not apply.
    """
    already: list[str] = []
    left = list(patches)
    while left:
        diff = left[0].parsed
        done = index.apply(diff)
        known = 0 if done.ok else _already_there(index, left)
        if not done.ok and not known:
            raise _rival(patches[: len(patches) - len(left) + 1]) or explain(left[0], diff, index, done.stderr)
        already += [patch.subject for patch in left[:known]]
        del left[: known or 1]
    return tuple(already)


def _rival(patches: Sequence[Patch]) -> UserError | None:
    """The error if the last of ``patches`` does not apply because one before it is another version of it."""
    found = rivals(patches)
    if found is None or found[1] is not patches[-1]:
        return None
    other, last = found
    what = f"is made for the same lines as {other.subject!a} ({other.origin}): not both can be applied"
    return UserError(what, where=f"{last.origin} ({last.subject})", hint="give the one that you mean")


def _already_there(index: Index, patches: Sequence[Patch]) -> int:
    """How many of ``patches``, from the first on, are in the index: so many can be taken back, the last one first.

    One at a time would not do: an early patch of a series cannot be taken back alone if a later one changed its lines.
    """
    for count in range(len(patches), 0, -1):
        trial = index.copy("trial")
        if all(trial.apply(p.parsed, reverse=True).ok for p in reversed(patches[:count])):
            return count
    return 0
