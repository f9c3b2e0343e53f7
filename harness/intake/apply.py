# SPDX-License-Identifier: GPL-2.0-only
"""Applying a series to a base: all of it, or nothing and one line that says why."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness import process
from harness.errors import InfrastructureError, UserError
from harness.gitcmd import run_git
from harness.intake import diff_paths
from harness.intake.diff_parser import parse_diff
from harness.intake.diff_paths import SYMLINK
from harness.intake.nearest import Nearest, nearest, nearest_name
from harness.intake.patch_identity import rivals
from harness.process import Completed
from harness.series import Applied, Patch, Tree
from harness.unified_diff import Diff, FileDiff, Hunk

_PLAIN = ("000000", "100644", "100755")  # not there any more, and plain files
# The configuration of the tree itself must not decide what a patch does.
_OPTIONS = ("-c", "core.autocrlf=false", "-c", "core.quotePath=true")


class Index:
    """A copy of a work tree's index at ``path``, on which patches are tried."""

    def __init__(self, tree: Tree, path: Path, source: Path | None = None) -> None:
        """Copy ``source`` (default: the work tree's own index)."""
        self.tree, self.path = tree, path
        try:
            # With its time stamp: git compares it with those of files to find changes made in the same second.
            shutil.copy2(source or git_path(tree, "index"), path)
        except OSError as error:
            raise InfrastructureError(f"cannot copy git's index: {error.strerror}", where=str(tree.path)) from error

    @classmethod
    def of_base(cls, tree: Tree, path: Path) -> Index:
        """The content of ``tree.commit``, whatever the work tree holds."""
        index = cls(tree, path)
        index._git("read-tree", "--reset", tree.commit)
        return index

    def copy(self, name: str) -> Index:
        """Another index with the same content, beside this one."""
        return Index(self.tree, self.path.with_name(name), self.path)

    def apply(self, diff: Diff, *, reverse: bool = False) -> Completed:
        """Apply the whole diff or nothing. Lines may have moved, but what is around them must be as the diff says."""
        options = ["--cached", "--whitespace=nowarn", f"-p{diff.strip}", *(["--reverse"] if reverse else [])]
        return self._attempt("apply", *options, "-", stdin=diff.data)

    def write_tree(self) -> str:
        """The id of the content."""
        return self._git("write-tree").strip()

    def commit(self, message: str) -> str:
        """A commit of the content, without a parent. Equal content is an equal commit, whenever it was made."""
        done = self._attempt("commit-tree", "-m", message, self.write_tree(), env=process.GIT_IDENTITY)
        return self._checked(done, "commit-tree").strip()

    def names(self, *paths: str) -> list[str]:
        """The files that exist; of ``paths`` if any are given, which may be more than an argument list holds."""
        every = self._git("ls-files", "-z").split("\0")[:-1]
        wanted = set(paths)
        return [name for name in every if name in wanted] if paths else every

    def content(self, path: str) -> bytes:
        """The content of a file that exists."""
        return self._git("cat-file", "blob", f":{path}").encode("utf-8", "surrogateescape")

    def check_out(self, tree_id: str) -> None:
        """Bring the work tree from the base to ``tree_id``, touching only files that differ between the two."""
        self._git("read-tree", "-m", "-u", self.tree.commit, tree_id)

    def diff(self, tree_id: str) -> bytes:
        """All that ``tree_id`` changes in the base, as a diff without context."""
        options = ["-r", "-p", "-U0", "-M", "--text", "--no-color", "--no-ext-diff", "--no-textconv"]
        text = self._git("diff-tree", *options, "--src-prefix=a/", "--dst-prefix=b/", self.tree.commit, tree_id)
        return text.encode("utf-8", "surrogateescape")

    def specials(self, tree_id: str) -> list[tuple[str, str, str]]:
        """(name, mode, target) of what ``tree_id`` changes and is no plain file. A diff need not say its mode."""
        raw = self._git("diff-tree", "-r", "-z", "--no-renames", self.tree.commit, tree_id).split("\0")
        changes = zip(raw[::2], raw[1::2], strict=False)
        found = [(name, entry.split()[1]) for entry, name in changes if entry.split()[1] not in _PLAIN]
        return [
            (name, mode, self._git("cat-file", "blob", f"{tree_id}:{name}") if mode == SYMLINK else "")
            for name, mode in found
        ]

    def _git(self, *args: str) -> str:
        return self._checked(self._attempt(*args), args[0])

    def _checked(self, done: Completed, command: str) -> str:
        if not done.ok:
            said = (done.stderr.strip() or "no output").splitlines()[-1]
            raise InfrastructureError(f"git {command} failed: {said}", where=str(self.tree.path))
        return done.stdout

    def _attempt(self, *args: str, stdin: bytes | None = None, env: dict[str, str] | None = None) -> Completed:
        return _run(self.tree, *args, stdin=stdin, env={"GIT_INDEX_FILE": str(self.path), **(env or {})})


def git_path(tree: Tree, name: str) -> Path:
    """Where git keeps ``name`` of this work tree."""
    done = _run(tree, "rev-parse", "--git-path", name)
    if not done.ok:
        raise InfrastructureError("not a git work tree", where=str(tree.path))
    return tree.path / done.stdout.rstrip("\n")


def _run(tree: Tree, *args: str, stdin: bytes | None = None, env: dict[str, str] | None = None) -> Completed:
    return run_git(tree.path, *_OPTIONS, *args, env={"GIT_LITERAL_PATHSPECS": "1", **(env or {})}, stdin=stdin)


# git's apply.c; the C locale is set for every program we start.
_FAILED = re.compile(r"(?m)^error: patch failed: (.*):(\d+)$")
_EXISTS = re.compile(r"(?m)^error: (.*): already exists in (?:index|working directory)$")
_REBASE = "rebase the patch, or name the base it is made for with --base"


def _why_not(patch: Patch, diff: Diff, index: Index, said: str) -> UserError:
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


def apply_series(tree: Tree, patches: Sequence[Patch]) -> Applied:
    """Apply ``patches`` in order to the work tree of ``tree``, which the caller has locked and reset.

    Only files that the series changes are written, each once; git's index stays at the base. A patch that the base
    has already is skipped and named in ``already_in_base``; ``patches`` still holds it. ``added`` counts lines
    of the files as they are after the whole series. If one does not apply, raises ``UserError`` and changes nothing.
    """
    with index_directory(tree) as directory:
        staged = Index(tree, directory / "staged")
        already = stage(staged, patches)
        tree_id = staged.write_tree()
        for name, mode, target in staged.specials(tree_id):
            diff_paths.check_path(name, mode, target, "the patched tree")
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
def index_directory(tree: Tree) -> Iterator[Path]:
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
            raise _rival(patches[: len(patches) - len(left) + 1]) or _why_not(left[0], diff, index, done.stderr)
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
