# SPDX-License-Identifier: GPL-2.0-only
"""Applying patches in an index of our own, beside the work tree's: until all apply, the work tree is not touched."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness import process
from harness.errors import InfrastructureError
from harness.gitcmd import run_git
from harness.intake.diff_paths import SYMLINK
from harness.process import Completed
from harness.series import Tree
from harness.unified_diff import Diff

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
