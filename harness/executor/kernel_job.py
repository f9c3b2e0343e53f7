# SPDX-License-Identifier: GPL-2.0-only
"""What is to be tested on one kernel, what came of it, and who can do that: values that JSON can hold."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from harness.interfaces import JobLimits
from harness.model import BootReport, PlannedTest, Splat, TestResult, Variant
from harness.paths import cache_root
from harness.series import Applied
from harness.trials.fates import TrialFindings, TrialPlan


@dataclass(frozen=True)
class JobSource:
    """The source of the kernel, to explain its stacks. ``repository``: relative to the cache, if it is in there.

    ``tree_id``: git's id of the content. ``added``: lines that the patches add, by path.
    """

    repository: str = ""
    tree_id: str = ""
    added: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, applied: Applied) -> JobSource:
        """The source that ``applied`` holds now; git keeps it when the work tree goes on to other patches."""
        path, root = applied.tree.path, cache_root()
        name = str(path.relative_to(root) if path.is_relative_to(root) else path)
        return cls(name, applied.tree_id, {file: tuple(sorted(lines)) for file, lines in applied.added.items()})

    @property
    def path(self) -> Path:
        """The repository on this machine."""
        return cache_root() / self.repository


@dataclass(frozen=True)
class KernelJob:
    """Tests of one kernel.

    ``kernel``: its key, under which the kernel cache has it. ``variant``: the one it was built for.
    ``suites``: names, in the order in which they run; none: the kernel is booted, and no more.
    ``planned``: the tests that must show up in the results. ``narrowed``: suites have more tests, which must not run.
    ``own_tests``: files of the suites that are the user's own, by the name of the suite: absolute, as only the user's
    machine has them. ``label``: stands before the name of the variant in events. ``counting``: it is a coverage kernel,
    and what each test reaches is counted: ``suites.CounterFiles`` in the directory of the job. ``trials``: the kernel
    has mutants in it, which are tried instead of ``planned`` (``TrialPlan``).
    ``first``: those of ``planned`` that run before the others, in the same guest.
    """

    kernel: str
    variant: Variant
    suites: tuple[str, ...] = ()
    planned: tuple[PlannedTest, ...] = ()
    narrowed: bool = False
    own_tests: Mapping[str, str] = field(default_factory=dict)
    source: JobSource = field(default_factory=JobSource)
    limits: JobLimits = field(default_factory=JobLimits)
    label: str = ""
    counting: bool = False
    trials: TrialPlan | None = None
    first: tuple[PlannedTest, ...] = ()

    def narrowed_to(self, *planned: PlannedTest, label: str = "") -> KernelJob:
        """These tests alone; a boot if there are none."""
        wanted = {test.suite for test in planned}
        suites = tuple(name for name in self.suites if name in wanted)
        return replace(self, planned=planned, suites=suites, narrowed=True, label=label, first=())

    def up_to(self, last: str, label: str = "") -> KernelJob:
        """All tests of the suites up to ``last``, which is one of them."""
        suites = self.suites[: self.suites.index(last) + 1]
        planned = tuple(test for test in self.planned if test.suite in suites)
        first = tuple(test for test in self.first if test in planned)
        return replace(self, planned=planned, suites=suites, label=label, first=first)


@dataclass(frozen=True)
class Findings:
    """What is known of one kernel. ``planned``: the tests that were to run; what has no result never ran.

    ``times``: phase -> wall seconds. ``notes``: what the user should know of it, one line each. Paths of logs are
    relative to the directory of the job. ``trials``: what came of the mutants that were to be tried. ``first_took``:
    seconds until the first tests of the job had ended, their boot among them; None before that, or without any.
    """

    planned: tuple[PlannedTest, ...] = ()
    results: tuple[TestResult, ...] = ()
    splats: tuple[Splat, ...] = ()
    boots: tuple[BootReport, ...] = ()
    times: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    trials: TrialFindings = field(default_factory=TrialFindings)
    first_took: float | None = None

    def noted(self, *notes: str) -> Findings:
        """The same with more notes."""
        return replace(self, notes=(*self.notes, *notes))


@dataclass(frozen=True)
class Machine:
    """What findings depend on besides the job. ``accel``: "kvm" or "tcg", the one that guests get next.

    ``reason``: why that one, in words. ``qemu``: its version. ``root``: equal as long as guests run from equal files.
    """

    accel: str
    reason: str
    qemu: str
    root: str

    @property
    def key(self) -> str:
        """Equal for machines on which a kernel shows the same, as far as it can be predicted."""
        return hashlib.sha256("\0".join([self.accel, self.qemu, self.root]).encode()).hexdigest()[:16]


def drop(_findings: Findings) -> None:
    """For callers to whom half a job is of no use."""


class Executor(Protocol):
    """Runs jobs. Several threads may use it at once. What happens meanwhile it tells the event stream it was given."""

    def run(self, job: KernelJob, directory: Path, keep: Callable[[Findings], None] = drop) -> Findings:
        """Do ``job``; its logs are in ``directory`` afterwards.

        ``keep`` gets what was found, all or half of it, before this returns or raises, and also when the first tests of
        the job have ended.
        Raises ``InfrastructureError`` for trouble of the machine, and ``process.Stopping`` if the run is being stopped.
        A kernel that fails, whatever way, is among the findings.
        """

    def distrusts(self, job: KernelJob, findings: Findings) -> bool:
        """True if ``findings``, which were believed at first, turned out to say nothing: they ran on what has been
        given up since. The job is to be run again."""

    def machine(self) -> Machine:
        """The one that the next job runs on, as far as it is known."""
