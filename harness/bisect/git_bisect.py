# SPDX-License-Identifier: GPL-2.0-only
"""``git bisect`` itself, in a bare repository of the walk's own: it says what comes next, and keeps its own log.

The repository borrows the objects of another one and has no work tree (``--no-checkout``): nobody's checkout moves.
It is made anew from the decisions each time, so that a git that was killed half-way spoils nothing.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.bisect.state import CommitVerdict
from harness.errors import InfrastructureError, UserError
from harness.process import Completed
from harness.source.git import attempt, git

_FOUND = re.compile(r"^([0-9a-f]{40,64}) is the first bad commit$", re.MULTILINE)
_ONLY_SKIPPED = 2  # exit status of git bisect when nothing but skipped commits is left


@dataclass(frozen=True)
class Next:
    """``commit`` is to be tested now."""

    commit: str


@dataclass(frozen=True)
class Found:
    """``commits``: the first bad one; or several, of which the others could not be tested."""

    commits: tuple[str, ...]


@dataclass(frozen=True)
class Stuck:
    """git cannot go on, in its own words: the good end has what the bad end has, in an older form."""

    words: str


Position = Next | Found | Stuck


class GitBisect:
    """``repository``: where its own one is made. ``objects``: directories of those that it borrows from.

    ``shallow``: the commits whose parents are not there.
    """

    def __init__(self, repository: Path, objects: Iterable[Path], shallow: Path | None = None) -> None:
        self._path = repository
        shutil.rmtree(repository, ignore_errors=True)
        repository.mkdir(parents=True)
        git(repository, "init", "--quiet", "--bare", "--template=", "--initial-branch=none")
        (repository / "objects" / "info").mkdir(exist_ok=True)
        (repository / "objects" / "info" / "alternates").write_text("".join(f"{path}\n" for path in objects))
        self.shallow: frozenset[str] = frozenset()
        if shallow is not None and shallow.is_file():
            shutil.copyfile(shallow, repository / "shallow")
            self.shallow = frozenset(shallow.read_text().split())

    @property
    def path(self) -> Path:
        return self._path

    # --- walking ------------------------------------------------------------------------------

    def start(self, good: str, bad: str, files: Sequence[str] = ()) -> Position:
        """Begin between ``good`` and ``bad``, looking only at commits that touch ``files``, if any are given.

        Raises ``UserError`` if git does not take the two for ends.
        """
        self._git("update-ref", "--no-deref", "HEAD", bad)
        limit = ["--", *files] if files else []
        done = self._bisect("start", "--no-checkout", bad, good, *limit)
        if not done.ok and "not ancestors" in done.stdout + done.stderr:
            raise UserError("the good commit is not before the bad one", where=f"{good[:12]}..{bad[:12]}")
        return self._position(done)

    def mark(self, commit: str, verdict: CommitVerdict) -> Position:
        """Tell git what ``commit`` is."""
        return self._position(self._bisect(verdict.value, commit))

    def _position(self, done: Completed) -> Position:
        if (found := _FOUND.search(done.stdout)) is not None:
            return Found((found[1],))
        if done.returncode == _ONLY_SKIPPED:
            lines = done.stdout.splitlines()
            return Found(tuple(line for line in lines if re.fullmatch(r"[0-9a-f]{40,64}", line)))
        if not done.ok:
            return Stuck(" ".join((done.stdout + done.stderr).split()) or f"it ended with {done.returncode}")
        return Next(self._git("rev-parse", "--verify", "BISECT_HEAD"))

    def _bisect(self, *arguments: str) -> Completed:
        # What the first bad commit is made of is told by the report, not by git's diff.
        env = {"GIT_LITERAL_PATHSPECS": "1", "GIT_PAGER": "cat"}
        return attempt(self._path, "-c", "log.showSignature=false", "bisect", *arguments, env=env)

    @property
    def log(self) -> str:
        """As ``git bisect log`` prints it, which ``git bisect replay`` takes."""
        done = self._bisect("log")
        return done.stdout if done.ok else ""

    def left(self) -> tuple[int, int]:
        """(commits that may be the first bad one, steps to go), as git reckons; (0, 0) before the start."""
        good = self._git("for-each-ref", "--format=%(refname)", "refs/bisect/good-*").split()
        if not good:
            return 0, 0
        names = self._path / "BISECT_NAMES"
        limit = ["--", *_unquoted(names.read_text())] if names.is_file() and names.read_text().strip() else []
        told = self._git("rev-list", "--bisect-vars", "refs/bisect/bad", "--not", *good, *limit)
        number = dict(re.findall(r"(?m)^(bisect_\w+)=(\d+)$", told))
        return int(number["bisect_all"]), int(number["bisect_steps"])

    # --- history ------------------------------------------------------------------------------

    def commits(self, span: Sequence[str], files: Sequence[str] = ()) -> list[str]:
        """Ids of the commits in ``span`` (arguments of git rev-list) that touch ``files``, if any; newest first."""
        limit = ["--", *files] if files else []
        return self._git("rev-list", *span, *limit).split()

    def parents(self, commit: str) -> list[str]:
        return self._git("rev-list", "--parents", "-1", commit).split()[1:]

    def show(self, commit: str, form: str) -> str:
        """A commit in a format of git log."""
        return self._git("show", "--no-patch", f"--format={form}", commit)

    def stat(self, commit: str) -> str:
        """A diffstat; only the names of the files where their contents are not there (in a partial clone)."""
        for form in ("--stat=100", "--name-status"):
            done = attempt(self._path, "diff-tree", form, "--no-renames", "--no-commit-id", "--root", "-r", commit)
            if done.ok:
                return done.stdout.rstrip("\n")
        return ""

    def touched(self, good: str, bad: str) -> dict[str, frozenset[str]]:
        """The files that each commit between the ends touches; a merge: those in which it differs from a parent."""
        text = self._git("log", "-m", "-z", "--no-renames", "--name-only", "--format=%x01%H", f"{good}..{bad}")
        found: dict[str, set[str]] = {}
        for record in text.split("\x01")[1:]:
            commit, *names = (part.strip("\n") for part in record.split("\0"))
            found.setdefault(commit, set()).update(filter(None, names))
        return {commit: frozenset(names) for commit, names in found.items()}

    def _git(self, *arguments: str) -> str:
        return git(self._path, *arguments, env={"GIT_LITERAL_PATHSPECS": "1"})


def _unquoted(line: str) -> list[str]:
    """The names in git's own shell quoting (quote.c, ``sq_quote_argv``)."""
    return [name for name in shlex.split(line) if name != "--"]


def resolve_commit(repository: Path, ref: str, option: str) -> str:
    """The commit that ``ref`` names in a user's repository, which is only read. Raises ``UserError``."""
    inside = attempt(repository, "rev-parse", "--git-dir")
    if not inside.ok:
        raise UserError("not a git repository", where=str(repository), hint="name one with --tree")
    done = attempt(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if not done.ok:
        raise UserError("no such commit", where=f"{option} {ref}", hint="name a branch, tag or commit")
    return done.stdout.strip().splitlines()[-1]


def pinned(repository: Path, span: str) -> str:
    """A range as git rev-list takes it, with ids for names, which may mean something else tomorrow.

    Raises ``UserError`` if it is none.
    """
    done = attempt(repository, "rev-parse", *span.split(), "--")
    listed = attempt(repository, "rev-list", "--max-count=1", *span.split(), "--")
    if not done.ok or not listed.ok:
        said = (listed.stderr.strip() or done.stderr.strip() or "no output").splitlines()[-1].removeprefix("fatal: ")
        raise UserError(f"no range of commits ({said})", where=f"--fixup ... {span}", hint="say GOOD..BAD")
    return " ".join(word for word in done.stdout.split() if word != "--")


def objects_of(repository: Path) -> tuple[Path, Path]:
    """(directory of its objects, the file that says where a shallow clone ends), wherever git keeps them."""
    paths = [attempt(repository, "rev-parse", "--git-path", name) for name in ("objects", "shallow")]
    if not all(done.ok for done in paths):
        raise InfrastructureError("not a git repository", where=str(repository))
    objects, shallow = ((repository / done.stdout.rstrip("\n")).resolve() for done in paths)
    return objects, shallow
