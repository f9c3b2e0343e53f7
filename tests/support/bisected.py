# SPDX-License-Identifier: GPL-2.0-only
"""A history of a kernel in miniature, and guests that say what its source says: for walks that need no kernel."""

from __future__ import annotations

import hashlib
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.bisect import (
    BisectRequest,
    Built,
    PipelineTester,
    State,
    Symptom,
    SymptomKind,
    Target,
    Trail,
    Untestable,
    Walk,
    begin,
    save,
    target,
)
from harness.bisect.commit_tests import CommitTester
from harness.bisect.state import Attempt
from harness.build import find_kernel
from harness.causes import Cause
from harness.errors import InfrastructureError
from harness.events import EventStream
from harness.executor import Findings, KernelJob, Machine
from harness.executor.kernel_job import drop
from harness.model import BootOutcome, BootReport, PlannedTest, Splat, Status, TestResult
from harness.source import Snapshot
from tests.support.sample_reports import kernel

FAKELINUX = Path(__file__).parent.parent / "data" / "fakelinux"
CODE = "drivers/dma-buf/dma-buf.c"
TEST = "dmabuf.seeking-tells-the-size"
BUG = "int bug(void) { return 1; }"
SYMPTOM = Symptom(SymptomKind.TEST, "checks", TEST)


class History:
    """A repository of fakelinux; each commit adds a line to ``CODE`` unless it says otherwise."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.commits: dict[str, str] = {}
        shutil.copytree(FAKELINUX, path)
        self.git("init", "-q", "-b", "main")
        self._commit("start")

    def git(self, *arguments: str) -> str:
        who = ["-c", "user.name=Ann Author", "-c", "user.email=ann@example.org", "-c", "commit.gpgSign=false"]
        done = subprocess.run(["git", *who, "-C", self.path, *arguments], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def add(self, name: str, text: str = "", file: str = CODE) -> str:
        """A commit called ``name`` that appends ``text`` (default: a function of that name) to ``file``."""
        place = self.path / file
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("a") as handle:
            handle.write((text or f"int f_{re.sub(r'[^a-z0-9]', '_', name)}(void) {{ return 0; }}") + "\n")
        return self._commit(name)

    def drop(self, name: str, text: str, file: str = CODE) -> str:
        """A commit that takes ``text`` out of ``file`` again."""
        place = self.path / file
        before = place.read_text()
        assert text in before
        place.write_text(before.replace(text + "\n", ""))
        return self._commit(name)

    def plain(self, count: int, prefix: str = "step") -> None:
        for number in range(count):
            self.add(f"{prefix} {number}")

    def _commit(self, name: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", name)
        self.commits[name] = self.git("rev-parse", "HEAD")
        return self.commits[name]

    def name(self, commit: str) -> str:
        return next(name for name, known in self.commits.items() if known == commit)


@dataclass
class ScriptedGuests:
    """Guests, and who runs them, that read the source of their kernel. ``before``: called for each, with its number."""

    rate: float = 1.0  # of failures, where the bug is
    bad_option: str = ""  # a kernel with it has the bug, too
    before: Callable[[int], None] = lambda number: None
    asked: list[str] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def machine(self) -> Machine:
        return Machine("scripted", "", "0", "")

    def distrusts(self, _job: KernelJob, _findings: Findings) -> bool:
        return False

    def run(self, job: KernelJob, directory: Path, keep: Callable[[Findings], None] = drop) -> Findings:
        self.before(len(self.asked))
        source = Snapshot(job.source.path, job.source.tree_id)(CODE) or ""
        kernel = find_kernel(job.kernel)
        assert kernel is not None
        if self.bad_option and kernel.config_value(self.bad_option) == "y":
            source += BUG
        self.asked.append(source)
        directory.mkdir(parents=True)
        return self.findings(source, job.planned)

    def findings(self, source: str, tests: tuple[PlannedTest, ...]) -> Findings:
        outcome = BootOutcome.PANIC if "int no_boot" in source else BootOutcome.UP
        boot = BootReport(
            outcome, "scripted", 0.1, "boots/on-1/console.log", "0", ended="panic: no way", cause=Cause.PANIC
        )
        if outcome is not BootOutcome.UP:
            return Findings(tests, boots=(boot,))
        results = tuple(self._result(test.suite, test.name, source) for test in tests)
        other = "int other_splat" in source
        splats = (splat("warn-0123456789ab", "WARNING: other", f"checks: {TEST}"),) if other else ()
        return Findings(tests, results, splats, (boot,))

    def _result(self, suite: str, name: str, source: str) -> TestResult:
        if "int lost_silently" in source:
            return TestResult(suite, name, Status.ERROR, message="guest lost", cause=Cause.SILENCE)
        if "int other_splat" in source:
            return TestResult(suite, name, Status.FAIL, message="WARNING: other", cause=Cause.REPORT)
        if BUG in source and self.chance.random() < self.rate:
            return TestResult(suite, name, Status.FAIL, message="the size is 4096, not 8192")
        return TestResult(suite, name, Status.PASS)


def splat(fingerprint: str, title: str, during: str) -> Splat:
    return Splat("warn", title, f"{title}\n", 1, during, fingerprint=fingerprint)


def question(history: History, good: str, bad: str = "main", **changes: object) -> BisectRequest:
    made = BisectRequest(
        command=("dmabuf-harness", "bisect"),
        trail=Trail.COMMITS,
        base=f"git:{history.path}",
        good=good,
        bad=bad,
        symptom=SYMPTOM,
        variant="move-notify-on",
        suites=("checks",),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@dataclass
class Walked:
    """A walk that came to its end, and what it took."""

    state: State
    target: Target
    guests: ScriptedGuests
    said: list[str]
    directory: Path

    @property
    def commits(self) -> tuple[str, ...]:
        assert self.state.ending is not None
        return self.state.ending.commits

    @property
    def builds(self) -> int:
        return sum(step.built for step in self.state.steps)


class GitBench:
    """Kernels that need no compiler: the text of ``CODE`` in a commit is the kernel. ``broken``: it does not build."""

    def __init__(self, made: Target, guests: ScriptedGuests) -> None:
        self._target = made
        self._guests = guests
        self.builds: list[str] = []
        self.sources: frozenset[str] | None = frozenset({CODE})
        self.trouble: list[str] = []  # machine trouble of the next builds

    def build(self, commit: str, symptom: Symptom, directory: Path) -> Built | Untestable:
        if self.trouble:
            raise InfrastructureError(self.trouble.pop())
        source = self._target.git.show(f"{commit}:{CODE}", "")
        fresh = commit not in self.builds
        if fresh:
            self.builds.append(commit)
        if "broken" in source:
            return Untestable("does not build: dma-buf.c:7: no", tried=fresh)
        is_test = symptom.kind is SymptomKind.TEST
        suite, name = (symptom.suite or "checks", symptom.name) if is_test else ("checks", TEST)
        made = replace(kernel(), key=source, reused=not fresh)
        digest = hashlib.sha256(re.sub(r"/\*.*?\*/|//.*|\s", "", source).encode()).hexdigest()
        nothing: Any = None
        return Built(made, nothing, nothing, (PlannedTest(suite, name),), digest, self.sources)

    def attempt(self, built: Built, directory: Path, before: Sequence[Attempt]) -> Attempt:
        self._guests.before(len(self._guests.asked))
        self._guests.asked.append(built.kernel.key)
        found = self._guests.findings(built.kernel.key, built.tests)
        last = found.boots[-1]
        return Attempt(last.outcome, last.ended, found.results, found.splats, 0.1)

    def remember(self, built: Built, attempt: Attempt) -> None:
        pass


def opened(asked: BisectRequest, directory: Path) -> tuple[State, Target]:
    directory.mkdir(parents=True, exist_ok=True)
    made = target(asked)
    made.open(directory / "git")
    return begin(State(asked, "", "", 0), made), made


def walk(asked: BisectRequest, directory: Path, guests: ScriptedGuests | None = None) -> Walked:
    """From the start to the end."""
    state, made = opened(asked, directory)
    save(directory, state)
    return go_on(state, made, directory, guests)


def go_on(
    state: State,
    made: Target,
    directory: Path,
    guests: ScriptedGuests | None = None,
    tester: CommitTester | None = None,
) -> Walked:
    guests = guests or ScriptedGuests()
    said: list[str] = []
    tester = tester or PipelineTester(made, EventStream(), guests)
    state = Walk(state, made, tester, directory, said.append).go()
    return Walked(state, made, guests, said, directory)


def quick(asked: BisectRequest, directory: Path, guests: ScriptedGuests | None = None) -> Walked:
    """The same without compiling anything."""
    guests = guests or ScriptedGuests()
    state, made = opened(asked, directory)
    save(directory, state)
    return go_on(state, made, directory, guests, GitBench(made, guests))


def names(history: History, commits: Iterable[str]) -> set[str]:
    return {history.name(commit) for commit in commits}
