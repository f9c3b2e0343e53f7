# SPDX-License-Identifier: GPL-2.0-only
"""A walk as values: what was asked, what each commit showed, and ``state.json``, which holds all of it at any time."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass, replace
from pathlib import Path

from harness.causes import Cause
from harness.errors import UserError
from harness.model import BootOutcome, Moment, Splat, TestResult
from harness.paths import write_atomic
from harness.report import SchemaError, decode, encode
from harness.report.version_1 import guest_with_causes, manner_with_cause

STATE = "state.json"
VERSION = 2


class SymptomKind(enum.Enum):
    """What a symptom is."""

    TEST = "test"
    SPLAT = "splat"
    BOOT = "boot"


@dataclass(frozen=True)
class Symptom:
    """What makes a commit bad: that test fails in that manner, that splat is printed, or the kernel does not boot.

    ``suite``, ``name``: of the test; ``name`` alone: the fingerprint of a splat. ``manners``: the ways of failing that
    count, as ``observation.manner`` tells them; empty until the bad end has shown one.
    ``during``: what to run for a splat: "suite: test", a suite or a test alone, "boot", or empty: everything.
    """

    kind: SymptomKind
    suite: str = ""
    name: str = ""
    manners: tuple[str, ...] = ()
    during: str = ""

    @property
    def moment(self) -> Moment:
        """``during`` as a value; where a suite or a test stands alone, nobody knows yet which of them it is."""
        return Moment.parse(self.during)

    @property
    def needs_tests(self) -> bool:
        """A boot alone does not show it."""
        return self.kind is not SymptomKind.BOOT and not self.moment.boot

    def __str__(self) -> str:
        if self.kind is SymptomKind.BOOT:
            return "the kernel does not boot"
        if self.kind is SymptomKind.SPLAT:
            return f"splat {self.name}"
        return f"{self.suite}: {self.name}" if self.suite else self.name


@dataclass(frozen=True)
class CommitFixup:
    """A patch that the commits of ``span`` (as git rev-list takes it: "A ^B") need to be tested at all."""

    patch: Path
    span: str


class Trail(enum.Enum):
    """What is walked."""

    COMMITS = "commits"
    SERIES = "series"
    CONFIG = "config"


@dataclass(frozen=True)
class BisectRequest:
    """What was asked. ``base``: spec of the tree, "git:PATH" without a ref for commits. ``good``, ``bad``: as named.

    ``files``: the series, or the two configs. ``runs``: of each commit, 0: worked out from what the ends show.
    ``limited``: only commits that can matter; ``paths``: those that the user named for that.
    ``usual``: fingerprints of splats that are no sign of another trouble.
    """

    command: tuple[str, ...]
    trail: Trail
    base: str
    good: str
    bad: str
    symptom: Symptom
    variant: str
    files: tuple[Path, ...] = ()
    fixups: tuple[CommitFixup, ...] = ()
    suites: tuple[str, ...] = ()
    pytest: tuple[Path, ...] = ()
    confidence: float = 0.95
    runs: int = 0
    limited: bool = False
    paths: tuple[str, ...] = ()
    accel: str = "auto"
    jobs: int = 2
    thorough: bool = False
    seed: int | None = None
    walks: int | None = None
    junit: Path | None = None
    usual: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attempt:
    """What one guest showed. ``log``: directory of it, relative to that of the walk. ``when``: ISO 8601, UTC.

    ``outcome``, ``ended``, ``cause``, ``hangs_in``: of its last boot, as in ``BootReport``.
    ``again``: known from an earlier walk, nothing was booted.
    """

    outcome: BootOutcome
    ended: str
    results: tuple[TestResult, ...]
    splats: tuple[Splat, ...]
    seconds: float
    log: str = ""
    when: str = ""
    again: bool = False
    cause: Cause | None = None
    hangs_in: str = ""


class CommitVerdict(enum.Enum):
    """What a commit is, in git's words."""

    GOOD = "good"
    BAD = "bad"
    SKIP = "skip"


class Role(enum.Enum):
    """Why a commit is tested."""

    BAD_END = "bad end"
    GOOD_END = "good end"
    STEP = "step"
    PARENT = "parent of the culprit"


@dataclass(frozen=True)
class CommitTest:
    """A commit on its way to a verdict, None while it is being tested. ``why``: of the verdict, one line.

    ``kernel``: digest of what was built, empty if nothing was. ``built``: it was compiled for this, not found.
    ``same_as``: the commit whose kernel is the same and whose verdict it takes. ``needed``: runs that must pass.
    ``odds``: the chance that the verdict is wrong. ``seconds``: wall time of all of it.
    """

    commit: str
    subject: str
    role: Role
    verdict: CommitVerdict | None = None
    why: str = ""
    attempts: tuple[Attempt, ...] = ()
    kernel: str = ""
    built: bool = False
    same_as: str = ""
    needed: int = 1
    odds: float = 0.0
    seconds: float = 0.0
    directory: str = ""


class End(enum.Enum):
    """How a walk ended."""

    FOUND = "culprit found"
    RANGE = "only a range can be named"
    NOT_BAD = "the bad end is not bad"
    NOT_GOOD = "the good end is not good"
    NO_END = "an end cannot be tested"
    NOTHING = "no commit can matter"
    STUCK = "git bisect cannot go on"


@dataclass(frozen=True)
class BisectOutcome:
    """``commits``: the culprit, or all that it may be. ``detail``: one line more."""

    end: End
    commits: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True)
class State:
    """``total``: commits between the ends. ``limit``: files that git bisect was limited to, None if not known yet."""

    question: BisectRequest
    good: str
    bad: str
    total: int
    steps: tuple[CommitTest, ...] = ()
    limit: tuple[str, ...] | None = None
    kept: int = 0  # commits that the limit leaves
    ending: BisectOutcome | None = None
    seconds: float = 0.0

    def step(self, commit: str) -> CommitTest | None:
        return next((step for step in self.steps if step.commit == commit), None)

    def with_step(self, step: CommitTest) -> State:
        """The same with ``step`` in the place of what was known of its commit."""
        if self.step(step.commit) is None:
            return replace(self, steps=(*self.steps, step))
        return replace(self, steps=tuple(step if one.commit == step.commit else one for one in self.steps))


def save(directory: Path, state: State) -> None:
    """On disk when this returns, and there after a power cut."""
    text = json.dumps({"version": VERSION, "walk": encode(state)}, indent=1) + "\n"
    write_atomic(directory / STATE, text, durable=True)


def load(directory: Path) -> State:
    """Raises ``UserError`` if there is no walk that can be read."""
    path = directory / STATE
    hint = "name the directory of a bisect: runs/ID below the directory in which it was started"
    try:
        document = json.loads(path.read_bytes())
        if not isinstance(document, dict) or document.get("version") not in (1, VERSION):
            raise UserError("not the state of a bisect, or of another version", where=str(path), hint=hint)
        state = decode(State, document.get("walk"))
        return state if document["version"] == VERSION else _with_causes(state)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError("no such file", where=str(path), hint=hint) from error
    except (UnicodeDecodeError, ValueError, SchemaError) as error:
        raise UserError(f"cannot be read: {error}", where=str(path), hint=hint) from error


def _with_causes(state: State) -> State:
    """``state`` of version 1, which told of causes in words alone."""
    walk = encode(state)
    for step in walk["steps"]:
        step["attempts"] = [guest_with_causes(attempt) for attempt in step["attempts"]]
    symptom = walk["question"]["symptom"]
    symptom["manners"] = [manner_with_cause(manner) for manner in symptom["manners"]]
    return decode(State, walk)
