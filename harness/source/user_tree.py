# SPDX-License-Identifier: GPL-2.0-only
"""The git tree that a user works in: its commits and uncommitted changes. It is only read.

git runs here with the user's own configuration, which may say who owns a tree and how to reach what a partial clone
lacks; what of it would change the form of a patch is overridden.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import process
from harness.errors import InfrastructureError, UserError
from harness.paths import PROJECT_FILE
from harness.scratch import scratch
from harness.series import Commit
from harness.source.worktree import kernel_version

_SHOWN = 5  # names in a message
# What of a configuration could give a diff another form, or leave something out of it, even in git-diff-tree(1).
_PLAIN = (
    *("--full-index", "--no-ext-diff", "--no-textconv", "--no-color", "--no-relative", "--submodule=short"),
    *("--src-prefix=a/", "--dst-prefix=b/", "-U3", "--inter-hunk-context=0", "-M", "--diff-algorithm=myers"),
    *("--indent-heuristic", "--ignore-submodules=none", "-O/dev/null"),
)
_SAID = ("%s", "%an <%ae>", "%ad", "%b")  # no message has a NUL in it


class NoChangesError(UserError):
    """The work tree is as its commit has it."""


@dataclass(frozen=True)
class CommitRange:
    """``start``: the commit that the first of ``changes`` applies to, as a full id."""

    start: str
    changes: tuple[Commit, ...]


def is_range(text: str) -> bool:
    """True for ``A..B``, ``A..`` and ``..B``; a path that goes up through ``..`` is none, nor is what no ref can be."""
    return ".." in text and ".." not in Path(text).parts and not re.search(r"[:<>\s]", text)


@dataclass(frozen=True)
class UserTree:
    """``path``: the top of a work tree, or a bare repository."""

    path: Path

    @classmethod
    def around(cls, place: Path) -> UserTree | None:
        """The tree that ``place`` is in, or None. Raises ``UserError`` if git refuses to read it."""
        for question in ("--show-toplevel", "--absolute-git-dir"):
            done = _attempt(place, "rev-parse", question)
            if done.ok:
                return cls(Path(done.stdout.rstrip("\n")))
        if "dubious ownership" in done.stderr:
            hint = f"git config --global --add safe.directory {place}"
            raise UserError("belongs to somebody else, so git does not read it", where=str(place), hint=hint)
        return None

    def commit(self, name: str) -> str:
        """The full id of the commit that ``name`` stands for. Raises ``UserError``."""
        done = self._attempt("rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")
        if "ambiguous" in done.stderr:
            hint = "say refs/heads/..., refs/tags/... or a longer id"
            raise UserError(f"{name!r} is ambiguous", where=str(self.path), hint=hint)
        if not done.ok:
            raise UserError(f"{name!r} is no commit here", where=str(self.path), hint="name a branch, tag or commit")
        return done.stdout.split()[-1]

    def has(self, commit: str) -> bool:
        """True if ``commit``, an id, is here; what a partial clone lacks is not fetched for it."""
        return self._attempt("cat-file", "-e", f"{commit}^{{commit}}").ok

    def objects(self) -> Path:
        """The directory that has its objects, wherever git keeps it."""
        return (self.path / self._git("rev-parse", "--git-path", "objects")).resolve()

    def git_directory(self) -> Path:
        """Where git keeps HEAD and the index of this work tree."""
        return Path(self._git("rev-parse", "--absolute-git-dir")).resolve()

    def version(self) -> str:
        """The kernel's version at HEAD, as in ``Tree``; empty if HEAD is no commit of a kernel tree."""
        makefile, kconfig = (self._attempt("cat-file", "blob", f"HEAD:{name}") for name in ("Makefile", "Kconfig"))
        return kernel_version(makefile.stdout) if makefile.ok and kconfig.ok else ""

    def commits(self, text: str) -> CommitRange:
        """The commits of ``A..B`` (either may be left out: HEAD), oldest first.

        Raises ``UserError`` if there are none, if one is a merge, or if the two have no history in common.
        """
        first, _, last = text.partition("..")
        if last.startswith("."):
            raise UserError("three dots: which commits are meant?", where=text, hint=f"say {first}..{last[1:]}")
        ends = self.commit(first or "HEAD"), self.commit(last or "HEAD")
        between = f"{ends[0]}..{ends[1]}"
        self._refuse_merges(text, between)
        found = self._git("rev-list", "--reverse", "--topo-order", between).split()
        if not found:
            raise UserError("no commits in it", where=text, hint=f"{first or 'HEAD'} has all of {last or 'HEAD'}")
        start = self._attempt("merge-base", *ends)
        if not start.ok:
            raise UserError("the two have no history in common", where=text, hint="fetch more of a shallow clone")
        return CommitRange(start.stdout.split()[0], tuple(map(self.change, found)))

    def _refuse_merges(self, text: str, between: str) -> None:
        merges = self._git("log", "--merges", "--format=%h %s", between).splitlines()
        if merges:
            hint = "rebase it, or end the range before the merge"
            raise UserError(f"a merge is no patch: {merges[0]}", where=text, hint=hint)

    def change(self, name: str) -> Commit:
        """What one commit says and does. Raises ``UserError`` for a merge, and for a commit that changes nothing."""
        commit = self.commit(name)
        if self._attempt("rev-parse", "--verify", "--quiet", f"{commit}^2").ok:
            raise UserError("a merge is no patch", where=name, hint="name the commits that it brings in")
        diff = self._diff("--root", "--no-commit-id", commit)
        if not diff:
            raise UserError("changes nothing", where=name, hint="leave it out")
        form = ("--no-show-signature", "--encoding=UTF-8", "--date=rfc", f"--format={'%x00'.join(_SAID)}")
        subject, author, date, message = self._git("log", "--max-count=1", *form, commit, "--").split("\0")
        return Commit(f"commit {self.short(commit)}", subject, diff, author, date, message)

    def short(self, commit: str) -> str:
        return self._git("rev-parse", "--short=12", commit)

    # --- uncommitted work -----------------------------------------------------------------------

    def uncommitted(self, besides: Sequence[Path] = ()) -> tuple[Commit, tuple[str, ...]]:
        """All that the work tree changes in HEAD, staged or not, as one patch, and what should be said about it.

        New files count that lie in a directory which HEAD has and that git does not ignore: what else lies at the
        top (logs, mails, results of this program) takes no part in a build. ``besides``: paths to leave out.
        Raises ``UserError`` if nothing is changed, a file is unmerged, or there is no work tree.
        """
        if self._git("rev-parse", "--is-bare-repository") == "true":
            raise UserError("a bare repository has no uncommitted changes", where=str(self.path), hint="name a range")
        unmerged = self._listed("ls-files", "-z", "--unmerged")
        if unmerged:
            name = unmerged[0].partition("\t")[2]
            raise UserError(f"{name} is unmerged", where=str(self.path), hint="finish the merge first")
        new, left_out = self._new_files(besides)
        diff = self._difference(new)
        if not diff:
            told = f" (not counted: {_names(left_out)})" if left_out else ""
            raise NoChangesError(f"no uncommitted changes{told}", where=str(self.path), hint="leave --worktree out")
        notes = [f"new files in the patch: {_names(new)}"] if new else []
        notes += [f"left out, not in a directory of the tree: {_names(left_out)}"] if left_out else []
        told = "uncommitted changes in"
        return Commit(f"{told} {self.path}", f"{told} {self.path.name}", diff), tuple(notes)

    def _new_files(self, besides: Sequence[Path]) -> tuple[list[str], list[str]]:
        """Untracked files: those that count, and the top-level names of those that do not."""
        untracked = self._listed("ls-files", "-z", "--others", "--exclude-standard")
        known = set(self._listed("ls-tree", "-z", "-d", "--name-only", "HEAD"))
        excluded = [path.relative_to(self.path) for path in besides if path.is_relative_to(self.path)]
        theirs = (name for name in untracked if Path(name).name != PROJECT_FILE)  # the harness's own, wherever it lies
        mine = [name for name in theirs if not any(Path(name).is_relative_to(path) for path in excluded)]
        # A name that ends in a slash is a repository of its own.
        counted = [name for name in mine if "/" in name[:-1] and name[-1] != "/" and name.partition("/")[0] in known]
        tops = (name.partition("/")[0] for name in mine if name not in set(counted))
        return counted, list(dict.fromkeys(tops))

    def _difference(self, new: Sequence[str]) -> bytes:
        """HEAD against the work tree, through an index and objects of our own: nothing is written to the user's."""
        with scratch("index") as place:
            index, objects = place / "index", place / "objects"
            objects.mkdir()
            own = self.path / self._git("rev-parse", "--git-path", "index")
            if own.is_file():
                shutil.copy2(own, index)  # its time stamps save reading every file
            env = {
                "GIT_INDEX_FILE": str(index),
                "GIT_OBJECT_DIRECTORY": str(objects),
                "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(self.objects()),
            }
            self._git("-c", "core.safecrlf=false", "add", "--update", "--", ":/", env=env)
            if new:
                names = "\0".join(new).encode("utf-8", "surrogateescape")
                self._git("update-index", "--add", "-z", "--stdin", env=env, stdin=names)
            return self._diff("HEAD", self._git("write-tree", env=env), env=env)

    # --- git ------------------------------------------------------------------------------------

    def _diff(self, *what: str, env: dict[str, str] | None = None) -> bytes:
        """The diff that git-diff-tree(1) makes of ``what``, and nothing else."""
        text = self._git("-c", "core.quotePath=true", "diff-tree", "-r", "-p", *_PLAIN, *what, env=env)
        return f"{text}\n".encode("utf-8", "surrogateescape") if text else b""

    def _listed(self, *args: str) -> list[str]:
        return list(dict.fromkeys(self._git(*args).split("\0")[:-1]))

    def _git(self, *args: str, env: dict[str, str] | None = None, stdin: bytes | None = None) -> str:
        done = self._attempt(*args, env=env, stdin=stdin)
        if not done.ok:
            said = (done.stderr.strip() or "no output").splitlines()[-1]
            raise InfrastructureError(f"git {args[0]} failed: {said}", where=str(self.path))
        return done.stdout.removesuffix("\n")

    def _attempt(self, *args: str, env: dict[str, str] | None = None, stdin: bytes | None = None) -> process.Completed:
        return _attempt(self.path, *args, env=env, stdin=stdin)


def _attempt(
    place: Path, *args: str, env: dict[str, str] | None = None, stdin: bytes | None = None
) -> process.Completed:
    # Optional locks are those with which a reading git refreshes the index on the side.
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", **(env or {})}
    return process.run(["git", "-C", place, *args], env=process.clean_environment(quiet), stdin=stdin)


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
