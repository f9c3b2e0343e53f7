# SPDX-License-Identifier: GPL-2.0-only
"""One side of a run, with the patch or without it: its kernels, variant by variant, and what their tests showed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import PurePath

from harness import process
from harness.events import Chosen, EventStream, Note, Planned
from harness.executor import Executor, Findings, JobSource, KernelJob
from harness.executor.guest_loss import put_aside
from harness.model import BootOutcome, BuildFailure, Kernel, PlannedTest, ResolvedConfig, Variant, VariantReport
from harness.paths import unused
from harness.pipeline.first_answer import first_answer
from harness.pipeline.kernels import KernelMaker
from harness.pipeline.plan import plan_tests
from harness.pipeline.request import RunJob
from harness.series import Applied
from harness.verdict import apply_expectations, complete

REPEATS = "repeats/"
"""How the paths of the logs of repeats begin, relative to the run directory."""

Narrow = Callable[[tuple[PlannedTest, ...]], tuple[PlannedTest, ...]]


@dataclass(frozen=True)
class ChosenTests:
    """Of the tests that are planned for a kernel, those that run ``first``; ``quick``: and the others do not run.

    ``reason``: why these, in one line.
    """

    first: tuple[PlannedTest, ...] = ()
    quick: bool = False
    reason: str = ""


def no_choice(_run: VariantRun, _planned: tuple[PlannedTest, ...]) -> ChosenTests:
    """All tests run in their order."""
    return ChosenTests()


@dataclass
class VariantRun:
    """One variant of a run: its config, kernel and findings. ``tested``: its tests came to their end.

    ``earlier``: what is known of it from another run, in words; else empty. ``first``, ``not_chosen``: as in
    ``KernelJob`` and ``VariantReport``. ``first_took``: as in ``Findings``, once the first answer is told.
    """

    variant: Variant
    applied: Applied | None = None
    config: ResolvedConfig | None = None
    same_as: str = ""
    kernel: Kernel | None = None
    failure: BuildFailure | None = None
    findings: Findings = field(default_factory=Findings)
    times: Mapping[str, float] = field(default_factory=dict)
    tested: bool = False
    earlier: str = ""
    first: tuple[PlannedTest, ...] = ()
    not_chosen: tuple[PlannedTest, ...] = ()
    first_took: float | None = None

    def plan(self, planned: tuple[PlannedTest, ...], choice: ChosenTests) -> None:
        """Take what is to be tested."""
        self.first = choice.first
        self.not_chosen = tuple(test for test in planned if test not in choice.first) if choice.quick else ()
        self.findings = Findings(choice.first if choice.quick else planned)

    def found(self, findings: Findings) -> None:
        """Take what a job found, also one that was cut off."""
        self.findings = findings

    @property
    def boot_failed(self) -> bool:
        boots = self.findings.boots
        return bool(boots) and boots[-1].outcome is not BootOutcome.UP

    def take(self, made: ResolvedConfig | Kernel | BuildFailure) -> None:
        """Note what a stage made of this variant."""
        match made:
            case ResolvedConfig():
                self.config = made
            case Kernel():
                self.kernel = made
            case BuildFailure():
                self.failure = made


Choose = Callable[[VariantRun, tuple[PlannedTest, ...]], ChosenTests]


def _told(run: VariantRun, reason: str) -> str:
    rest = f"alone, {len(run.not_chosen)} are not chosen" if run.not_chosen else "first"
    return f"tests that run {rest}: {len(run.first)}, as {reason}"


class KernelSet:
    """The variants of one side. ``job``: base and patches. ``label``: put before the names of variants in events."""

    def __init__(self, job: RunJob, events: EventStream, label: str = "") -> None:
        self.job = job
        self.runs = [VariantRun(variant) for variant in job.variants]
        self._events = events
        self._label = label

    def run_of(self, name: str) -> VariantRun:
        """The variant ``name``, or the one that is the same kernel."""
        found = next(run for run in self.runs if run.variant.name == name)
        return self.run_of(found.same_as) if found.same_as else found

    def runs_like(self, run: VariantRun) -> list[VariantRun]:
        """``run`` and the variants that are the same kernel."""
        return [one for one in self.runs if self.run_of(one.variant.name) is run]

    # --- kernels ------------------------------------------------------------------------------

    def build(self, applied: Applied, narrow: Narrow, choose: Choose = no_choice) -> Iterator[VariantRun]:
        """Build each kernel from ``applied``, whose tree is held; yields each variant once its tests are planned.

        ``narrow``: of all tests of a kernel those that are wanted. ``choose``: which of them come first; it is asked
        when the configs of all variants are known.
        """
        maker = KernelMaker(self.job, applied, self._events, self._label)
        for run in self.runs:
            run.applied, run.times = applied, maker.times(run.variant)
            run.take(maker.resolve(run.variant))
        for run in self._distinct():
            assert run.config is not None
            run.take(maker.make(run.config))
            if run.kernel is not None:
                planned = narrow(plan_tests(self.job.suites, run.kernel, applied.tree.path))
                run.plan(planned, choice := choose(run, planned))
                name = self._label + run.variant.name
                if choice.reason:
                    self._events.publish(Chosen(name, run.first, run.not_chosen, choice.reason))
                if run.first and choice.reason:
                    self._events.publish(Note(name, _told(run, choice.reason)))
                self._events.publish(Planned(name, run.findings.planned))
                yield run

    def _distinct(self) -> list[VariantRun]:
        """The variants that are kernels of their own; the others are marked as the same as one of these."""
        first: dict[str, VariantRun] = {}
        for run in self.runs:
            if run.config is None:
                continue  # Kconfig itself failed
            twin = first.setdefault(run.config.sha256, run)
            if twin is not run:
                run.same_as = twin.variant.name
                text = f"same resolved config as {run.same_as}: one kernel, tested once"
                self._events.publish(Note(self._label + run.variant.name, text))
        return list(first.values())

    # --- tests --------------------------------------------------------------------------------

    def test(self, run: VariantRun, executor: Executor) -> None:
        """Run what is planned for ``run`` on its kernel."""
        try:
            executor.run(self.kernel_job(run), self.job.directory, lambda findings: self._found(run, findings))
        except process.Stopping:
            return  # the main thread knows why
        run.tested = True

    def _found(self, run: VariantRun, findings: Findings) -> None:
        run.found(findings)
        if self._label or findings.first_took in (None, run.first_took):
            return
        run.first_took = findings.first_took
        assert run.kernel is not None and run.first_took is not None
        report, expected = self._report(run, ()), self.job.expectations
        judged = apply_expectations(report, run.kernel.release, expected, date.today())
        self._events.publish(first_answer(judged, run.first, run.first_took))

    def kernel_job(self, run: VariantRun) -> KernelJob:
        """The job of all tests that are planned for ``run``, whose kernel is there."""
        assert run.kernel is not None and run.applied is not None
        job = self.job.kernel_job(run.variant, run.kernel, JobSource.of(run.applied))
        return replace(job, planned=run.findings.planned, label=self._label, first=run.first)

    def distrusted(self, executor: Executor) -> list[VariantRun]:
        """The variants whose tests ran under the wrong accelerator; what was found of them is forgotten."""
        made = (run for run in self.runs if run.kernel is not None)
        found = [run for run in made if executor.distrusts(self.kernel_job(run), run.findings)]
        for run in found:
            put_aside(self.job.directory, run.findings.boots)
            run.findings = Findings(run.findings.planned)
            run.tested, run.earlier = False, ""
        return found

    def forget_repeats(self) -> None:
        """Leave out the splats that only repeats showed."""
        for run in self.runs:
            kept = tuple(splat for splat in run.findings.splats if not splat.log.startswith(REPEATS))
            run.findings = replace(run.findings, splats=kept)

    def test_again(self, run: VariantRun, executor: Executor) -> None:
        """Run the tests of ``run`` once more. What the first try left in the run directory is put aside."""
        boots = self.job.directory / "boots"
        for boot in boots.glob(f"{run.variant.name}-[0-9]"):
            boot.rename(unused(boot.with_name(f"first-{boot.name}")))
        run.findings = Findings(run.findings.planned)
        run.tested = False
        self.test(run, executor)

    # --- report -------------------------------------------------------------------------------

    def reports(self) -> tuple[VariantReport, ...]:
        """All that is known of each variant, nothing judged yet."""
        anywhere = self._planned_anywhere()
        return tuple(self._report(run, anywhere) for run in self.runs)

    def _planned_anywhere(self) -> tuple[PlannedTest, ...]:
        """Tests planned for any variant: one that was not built, or not yet, misses them."""
        return tuple(dict.fromkeys(test for run in self.runs for test in run.findings.planned))

    def _report(self, run: VariantRun, anywhere: tuple[PlannedTest, ...]) -> VariantReport:
        findings = run.findings
        planned = () if run.same_as else findings.planned if run.kernel is not None else anywhere
        return VariantReport(
            variant=run.variant,
            planned=planned,
            results=complete(planned, findings.results),
            splats=findings.splats,
            boots=findings.boots,
            config_problems=run.config.problems if run.config is not None else (),
            kernel=run.kernel,
            build_failure=run.failure,
            same_as=run.same_as,
            times={**run.times, **findings.times},
            notes=findings.notes,
            not_chosen=run.not_chosen,
        )


def moved(report: VariantReport, directory: str | PurePath) -> VariantReport:
    """``report`` with the paths of its logs seen from where ``directory``, which they are relative to, is."""

    def inside(path: str) -> str:
        return str(PurePath(directory, path)) if path else ""

    return replace(
        report,
        results=tuple(replace(result, log=inside(result.log)) for result in report.results),
        splats=tuple(replace(splat, log=inside(splat.log)) for splat in report.splats),
        boots=tuple(replace(boot, console=inside(boot.console)) for boot in report.boots),
    )
