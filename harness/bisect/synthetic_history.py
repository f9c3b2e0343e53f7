# SPDX-License-Identifier: GPL-2.0-only
"""Histories that nobody committed: the patches of a series, or the options between two configs, one at each commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from harness.bisect.git_bisect import GitBisect
from harness.bisect.state import BisectRequest
from harness.bisect.variant_request import request
from harness.errors import UserError
from harness.intake import read_patches
from harness.kconfig import load_fragments, parse_fragment
from harness.model import SymbolRequest, Variant
from harness.paths import write_atomic
from harness.pipeline import RunJob, check
from harness.series import Patch
from harness.source.git import attempt, git

_BASE = "base"


@dataclass(frozen=True)
class Stop:
    """One commit of a history that is made up. ``content``: anything that tells it from its neighbours."""

    subject: str
    author: str = "dmabuf-harness <dmabuf-harness@localhost>"
    content: bytes = b""


class _MadeUp:
    """Stops in a line. The same stops are the same commits, whenever they are made."""

    git: GitBisect

    def __init__(self, question: BisectRequest) -> None:
        self._question = question
        self._numbers: Mapping[str, int] = {}
        self.good = self.bad = ""

    def _lay(self, repository: Path, stops: list[Stop]) -> None:
        self.git = GitBisect(repository, [])
        commits: list[str] = []
        for stop in stops:
            commits.append(self._commit(stop, commits[-1:]))
        self._numbers = {commit: number for number, commit in enumerate(commits)}
        self.good, self.bad = commits[0], commits[-1]

    def _commit(self, stop: Stop, parents: list[str]) -> str:
        blob = git(self.git.path, "hash-object", "-w", "--stdin", stdin=stop.content)
        tree = git(self.git.path, "mktree", stdin=f"100644 blob {blob}\tstop\n".encode())
        name, _, mail = stop.author.rpartition(" <")
        env = {"GIT_AUTHOR_NAME": name or "nobody", "GIT_AUTHOR_EMAIL": mail.rstrip(">") or "nobody@localhost"}
        message = ["-m", stop.subject or "without a subject"]
        return git(self.git.path, "commit-tree", tree, *(f"-p{parent}" for parent in parents), *message, env=env)


class SeriesHistory(_MadeUp):
    """A base, and on it the patches of a series, one more at each stop."""

    def open(self, repository: Path) -> None:
        patches = self._patches
        if len(patches) < 2:
            raise UserError("there is only one patch in it", where="--series", hint="a bisect needs at least two")
        stops = [Stop(f"{_BASE} ({self._question.base})")]
        stops += [Stop(patch.subject, patch.author, patch.diff) for patch in patches]
        self._lay(repository, stops)

    @cached_property
    def _patches(self) -> tuple[Patch, ...]:
        return read_patches(self._question.files)

    def job(self, commit: str, directory: Path) -> RunJob:
        job = check(request(self._question, self._question.base), directory)
        return replace(job, patches=self._patches[: self._numbers[commit]])

    def stat(self, commit: str) -> str:
        number = self._numbers[commit]
        if number == 0:
            return ""
        done = attempt(self.git.path, "apply", "--stat", "--summary", "-", stdin=self._patches[number - 1].diff)
        return done.stdout.rstrip("\n") if done.ok else ""

    def again(self, commit: str) -> tuple[str, ...]:
        number = self._numbers[commit]
        series = [word for file in self._question.files for word in ("-p", str(file))]
        return (
            "run",
            "--base",
            self._question.base,
            *([*series, "--up-to", str(number)] if number else ["--no-patch"]),
        )


class Config(_MadeUp):
    """One option at a time, from the good config to the bad one, in the order of the bad one."""

    def open(self, repository: Path) -> None:
        self._place = repository.parent
        good, bad = (self._read(path) for path in self._question.files)
        ours = {request.symbol: request for request in load_fragments()}
        self._good, self._bad = ours | good, ours | bad
        names = dict.fromkeys((*bad, *good))
        self._changes = [name for name in names if _value(self._bad, name) != _value(self._good, name)]
        if not self._changes:
            raise UserError("the two configs ask for the same", where="--config")
        stops = [Stop(f"{_BASE} ({self._question.files[0].name})")]
        for name in self._changes:
            subject = f"CONFIG_{name}: {_value(self._good, name)} to {_value(self._bad, name)}"
            stops.append(Stop(subject, content=subject.encode()))
        self._lay(repository, stops)

    def _read(self, path: Path) -> dict[str, SymbolRequest]:
        return {request.symbol: request for request in parse_fragment(path, path.parent.parent)}

    def job(self, commit: str, directory: Path) -> RunJob:
        asked = self._asked(self._numbers[commit])
        requests = tuple(replace(one, required=False, if_present=True) for one in asked.values())
        job = check(request(replace(self._question, variant="all"), self._question.base), directory)
        return replace(job, symbols=requests, variants=(Variant("config", "two configs of yours", {}),))

    def stat(self, commit: str) -> str:
        return ""

    def again(self, commit: str) -> tuple[str, ...]:
        """The same question with one option left. Writes the two configs for that, beside the walk's other files."""
        number = self._numbers[commit]
        if number == 0:
            return ()
        name = self._changes[number - 1]
        files = [self._place / f"{word}-{name}.config" for word in ("without", "with")]
        for path, changes in zip(files, (number - 1, number), strict=True):
            write_atomic(path, "".join(map(_line, self._asked(changes, always=name).values())))
        return ("bisect", "--config", *map(str, files), "--base", self._question.base)

    def _asked(self, changes: int, always: str = "") -> dict[str, SymbolRequest]:
        """What is asked for after so many changes. ``always``: an option of which "n" is said as well."""
        asked = dict(self._good)
        for name in self._changes[:changes]:
            asked.pop(name, None)
            if name in self._bad:
                asked[name] = self._bad[name]
        if always:
            asked.setdefault(always, SymbolRequest(always, "n", "", "", required=False))
        return asked


def _line(request: SymbolRequest) -> str:
    """As in .config."""
    if request.value == "n":
        return f"# CONFIG_{request.symbol} is not set\n"
    return f"CONFIG_{request.symbol}={request.value}\n"


def _value(config: Mapping[str, SymbolRequest], name: str) -> str:
    return config[name].value if name in config else "n"
