# SPDX-License-Identifier: GPL-2.0-only
"""One side of a run, with the patch or without it: its kernels, variant by variant, and what their tests showed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from harness import process
from harness.events import EventStream, Note, Planned
from harness.executor import Executor, Findings, JobSource, KernelJob
from harness.executor.guest_loss import put_aside
from harness.model import BootOutcome, BuildFailure, Kernel, PlannedTest, ResolvedConfig, Variant, VariantReport
from harness.paths import unused
from harness.pipeline.kernels import KernelMaker
from harness.pipeline.plan import plan_tests
from harness.pipeline.request import Job
from harness.series import Applied
from harness.verdict import complete

REPEATS = "repeats/"
"""How the paths of the logs of repeats begin, relative to the run directory."""

Narrow = Callable[[tuple[PlannedTest, ...]], tuple[PlannedTest, ...]]


@dataclass
class State:
    """One variant on its way. ``findings``: half of them while it is not ``tested``: its tests came to their end.

    ``earlier``: what is known of it from another run, in words; else empty.
    """

    variant: Variant
    applied: Applied | None = None
    config: ResolvedConfig | None = None
    same_as: str = ""
    kernel: Kernel | None = None
    failure: BuildFailure | None = None
    findings: Findings = field(default_factory=Findings)
    times: dict[str, float] = field(default_factory=dict)
    tested: bool = False
    earlier: str = ""

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


class Side:
    """``job``: what this side is to be. ``label``: put before the names of variants in events."""

    def __init__(self, job: Job, events: EventStream, label: str = "") -> None:
        self.job = job
        self.states = [State(variant) for variant in job.variants]
        self._events = events
        self._label = label

    def state(self, name: str) -> State:
        """The variant ``name``, or the one that is the same kernel."""
        found = next(state for state in self.states if state.variant.name == name)
        return self.state(found.same_as) if found.same_as else found

    def states_like(self, state: State) -> list[State]:
        """``state`` and the variants that are the same kernel."""
        return [one for one in self.states if self.state(one.variant.name) is state]

    # --- kernels ------------------------------------------------------------------------------

    def make(self, maker: KernelMaker, applied: Applied, narrow: Narrow, ready: Callable[[State], None]) -> None:
        """Build each kernel, and call ``ready`` as soon as one is there and its tests are planned."""
        for state in self.states:
            state.applied = applied
            state.take(maker.resolve(state.variant, state.times))
        for state in self._distinct():
            assert state.config is not None
            state.take(maker.make(state.config, state.times))
            if state.kernel is not None:
                planned = narrow(plan_tests(self.job.suites, state.kernel, applied.tree.path))
                state.findings = Findings(planned)
                self._events.publish(Planned(self._label + state.variant.name, planned))
                ready(state)

    def _distinct(self) -> list[State]:
        """The variants that are kernels of their own; the others are marked as the same as one of these."""
        first: dict[str, State] = {}
        for state in self.states:
            if state.config is None:
                continue  # Kconfig itself failed
            twin = first.setdefault(state.config.sha256, state)
            if twin is not state:
                state.same_as = twin.variant.name
                text = f"same resolved config as {state.same_as}: one kernel, tested once"
                self._events.publish(Note(self._label + state.variant.name, text))
        return list(first.values())

    # --- tests --------------------------------------------------------------------------------

    def test(self, state: State, executor: Executor) -> None:
        """Run what is planned for ``state`` on its kernel."""
        try:
            executor.run(self.kernel_job(state), self.job.request.directory, state.found)
        except process.Stopping:
            return  # the main thread knows why
        state.tested = True

    def kernel_job(self, state: State) -> KernelJob:
        """All that is planned for ``state``, whose kernel is there."""
        assert state.kernel is not None and state.applied is not None
        job = self.job.kernel_job(state.variant, state.kernel, JobSource.of(state.applied))
        return replace(job, planned=state.findings.planned, label=self._label)

    def distrusted(self, executor: Executor) -> list[State]:
        """The variants whose tests ran under the wrong accelerator; what was found of them is forgotten."""
        made = (state for state in self.states if state.kernel is not None)
        found = [state for state in made if executor.distrusts(self.kernel_job(state), state.findings)]
        for state in found:
            put_aside(self.job.request.directory, state.findings.boots)
            state.findings = Findings(state.findings.planned)
            state.tested, state.earlier = False, ""
        return found

    def forget_repeats(self) -> None:
        """Leave out the splats that only repeats showed."""
        for state in self.states:
            kept = tuple(splat for splat in state.findings.splats if not splat.log.startswith(REPEATS))
            state.findings = replace(state.findings, splats=kept)

    def test_again(self, state: State, executor: Executor) -> None:
        """The same once more, from the start. What the first try left in the run directory is put aside."""
        boots = self.job.request.directory / "boots"
        for boot in boots.glob(f"{state.variant.name}-[0-9]"):
            boot.rename(unused(boot.with_name(f"first-{boot.name}")))
        state.findings = Findings(state.findings.planned)
        state.tested = False
        self.test(state, executor)

    # --- report -------------------------------------------------------------------------------

    def reports(self) -> tuple[VariantReport, ...]:
        """All that is known of each variant, nothing judged yet."""
        anywhere = self._planned_anywhere()
        return tuple(self._report(state, anywhere) for state in self.states)

    def _planned_anywhere(self) -> tuple[PlannedTest, ...]:
        """Tests planned for any variant: one that was not built, or not yet, misses them."""
        return tuple(dict.fromkeys(test for state in self.states for test in state.findings.planned))

    def _report(self, state: State, anywhere: tuple[PlannedTest, ...]) -> VariantReport:
        findings = state.findings
        planned = () if state.same_as else findings.planned if state.kernel is not None else anywhere
        return VariantReport(
            variant=state.variant,
            planned=planned,
            results=complete(planned, findings.results),
            splats=findings.splats,
            boots=findings.boots,
            config_problems=state.config.problems if state.config is not None else (),
            kernel=state.kernel,
            build_failure=state.failure,
            same_as=state.same_as,
            times={**state.times, **findings.times},
            notes=findings.notes,
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
