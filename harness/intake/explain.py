# SPDX-License-Identifier: GPL-2.0-only
"""Why a patch does not apply, in one line: the file, the hunk and the nearest match."""

from __future__ import annotations

import re

from harness.errors import UserError
from harness.intake.index import Index
from harness.intake.nearest import Nearest, nearest, nearest_name
from harness.series import Patch
from harness.unified_diff import Diff, FileDiff, Hunk

# git's apply.c; the C locale is set for every program we start.
_FAILED = re.compile(r"(?m)^error: patch failed: (.*):(\d+)$")
_EXISTS = re.compile(r"(?m)^error: (.*): already exists in (?:index|working directory)$")
_REBASE = "rebase the patch, or name the base it is made for with --base"


def explain(patch: Patch, diff: Diff, index: Index, said: str) -> UserError:
    """The error for ``patch``, which git refused with the words ``said`` on the content of ``index``."""
    base = index.tree.spec
    what, hint = _absent(diff, index) or _hunk_failed(diff, index, said) or _other(said)
    return UserError(f"does not apply to {base}: {what}", where=f"{patch.origin} ({patch.subject})", hint=hint)


def _absent(diff: Diff, index: Index) -> tuple[str, str] | None:
    """A file to be changed that does not exist."""
    made = {file.new for file in diff.files if file.old != file.new}
    needed = dict.fromkeys(file.old for file in diff.files if file.old is not None and file.old not in made)
    present = set(index.names(*needed)) if needed else set()
    absent = [name for name in needed if name not in present]
    if not absent:
        return None
    existing = index.names()
    like = nearest_name(absent[0], existing)
    top_level = {name.partition("/")[0] for name in existing}
    if not present and (like is None or not top_level.issuperset(name.partition("/")[0] for name in absent)):
        listed = ", ".join(absent[:3]) + (", ..." if len(absent) > 3 else "")
        return f"none of its files exists there ({listed})", "it looks like a patch for another project"
    hint = f" (nearest: {like})" if like else ""
    return f"{absent[0]} does not exist there{hint}", _REBASE


def _hunk_failed(diff: Diff, index: Index, said: str) -> tuple[str, str] | None:
    """The first hunk that found no place."""
    failed = _FAILED.search(said)
    found = _find(diff, failed[1], int(failed[2])) if failed else None
    if failed is None or found is None:
        return None
    file, number = found
    hunk = file.hunks[number]
    more = len(_FAILED.findall(said)) - 1
    also = f", and {more} more of its files" if more else ""
    where = f"{failed[1]}, hunk {number + 1} of {len(file.hunks)} ({hunk.header}){also}: "
    lines = index.content(failed[1]).split(b"\n") if index.names(failed[1]) else []
    return _place(hunk, lines, where)


def _find(diff: Diff, name: str, start: int) -> tuple[FileDiff, int] | None:
    for file in diff.files:
        if name not in (file.old, file.new):
            continue
        for number, hunk in enumerate(file.hunks):
            if hunk.old_start == start:
                return file, number
    return None


def _place(hunk: Hunk, lines: list[bytes], where: str) -> tuple[str, str]:
    done = nearest(hunk.after, lines, hunk.new_start)
    if done is not None and done.exact:
        return f"{where}what it makes is already at line {done.line}", "drop the hunk, or name another --base"
    near = nearest(hunk.before, lines, hunk.old_start)
    if near is None:
        return f"{where}nothing like it is in the file", _REBASE
    if near.exact:
        why = "a hunk with less context on one side must be at the start or the end of the file"
        return f"{where}its lines are at line {near.line}, but {why}", "make the patch with git format-patch"
    if near.blanks:
        hint = "give the patch as it was before a mail program or an editor changed its white space"
        return f"{where}at line {near.line} only white space differs ({_difference(near)})", hint
    return f"{where}nearest match at line {near.line}: {_difference(near)}", _REBASE


def _difference(near: Nearest) -> str:
    if not near.differing:
        return f"{near.extra} more line(s) there in between, first {_shown(near.found)}"
    first = f"first {_shown(near.expected)}" if near.expected is not None else "first nothing"
    there = f"where the base has {_shown(near.found)}" if near.found is not None else "which the base lacks"
    return f"{near.differing} of {near.total} lines differ, {first} {there}"


def _shown(line: bytes | None) -> str:
    # repr keeps tabs, carriage returns and control characters visible, and the message on one line.
    text = repr((line or b"").decode("utf-8", "replace"))
    return text if len(text) <= 100 else text[:97] + "...'"


def _other(said: str) -> tuple[str, str]:
    exists = _EXISTS.search(said)
    if exists:
        return f"{exists[1]} exists there already, with other content", _REBASE
    lines = [line.removeprefix("error: ") for line in said.splitlines() if line.startswith("error: ")]
    return (lines or ["git apply refuses it"])[0], _REBASE
