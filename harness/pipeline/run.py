# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness run``: from a checked job to a report, whatever happens on the way."""

from __future__ import annotations

import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from harness import process
from harness.errors import ExitCode, HarnessError, UserError
from harness.events import EventStream, Note, Planned
from harness.model import (
    Applied,
    BuildFailure,
    Kernel,
    PlannedTest,
    ResolvedConfig,
    RunReport,
    Variant,
    VariantReport,
)
from harness.pipeline.kernels import KernelMaker
from harness.pipeline.plan import narrow, plan_tests
from harness.pipeline.request import Job
from harness.pipeline.testing import KernelTest
from harness.verdict import apply_expectations, complete, exit_code
from harness.vm.launch import Launcher


@dataclass
class _State:
    """One variant on its way."""

    variant: Variant
    config: ResolvedConfig | None = None
    same_as: str = ""
    kernel: Kernel | None = None
    failure: BuildFailure | None = None
    test: KernelTest | None = None
    times: dict[str, float] = field(default_factory=dict)

    def take(self, made: ResolvedConfig | Kernel | BuildFailure) -> None:
        """Note what a stage made of this variant."""
        match made:
            case ResolvedConfig():
                self.config = made
            case Kernel():
                self.kernel = made
            case BuildFailure():
                self.failure = made


@dataclass(frozen=True)
class Outcome:
    """A finished run and the exit code it deserves."""

    report: RunReport
    exit_code: ExitCode


def execute(job: Job, events: EventStream) -> Outcome:
    """Do all of ``job``. An interrupt, a signal or trouble with the machine ends it early, with what is known so far.

    Raises ``UserError`` if the patch or the base cannot be used: then there is nothing to report.
    """
    run = _Run(job, events)
    try:
        run.work()
    except UserError:
        raise
    except HarnessError as trouble:
        return run.cut_off(str(trouble), ExitCode.INFRASTRUCTURE)
    except OSError as trouble:  # most of all a full disk
        return run.cut_off(f"{trouble.filename or 'the machine'}: {trouble.strerror}", ExitCode.INFRASTRUCTURE)
    except KeyboardInterrupt:
        return run.cut_off("interrupted (Ctrl-C)", ExitCode.INTERRUPTED)
    except SystemExit:
        return run.cut_off("terminated by a signal", ExitCode.TERMINATED)
    report = run.report()
    return Outcome(report, exit_code(report))


class _Run:
    def __init__(self, job: Job, events: EventStream) -> None:
        self._job = job
        self._events = events
        self._states = [_State(variant) for variant in job.variants]
        self._applied: Applied | None = None
        self._launcher: Launcher | None = None
        self._started = time.monotonic()
        self._date = datetime.now(UTC).isoformat(timespec="seconds")

    def work(self) -> None:
        """Source, patch, config and builds here; each kernel's tests in a thread as soon as it is there."""
        request = self._job.request
        self._launcher = Launcher(request.accel, lambda text: self._note("", text), thorough=request.thorough)
        workers = max(1, min(len(self._states), os.cpu_count() or 1))
        pool = ThreadPoolExecutor(workers, thread_name_prefix="guest")
        try:
            tests = self._build_all(pool)
            for test in tests:
                test.result()
        except BaseException:
            # First the programs, then the threads that wait for them.
            process.stop_all()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _note(self, variant: str, text: str, level: str = "info") -> None:
        self._events.publish(Note(variant, text, level))

    # --- kernels ------------------------------------------------------------------------------

    def _build_all(self, pool: ThreadPoolExecutor) -> list[Future[None]]:
        maker = KernelMaker(self._job, self._events)
        tests: list[Future[None]] = []
        with maker.source() as applied:
            self._applied = applied
            for state in self._states:
                state.take(maker.resolve(state.variant, state.times))
            for state in self._distinct():
                assert state.config is not None
                state.take(maker.make(state.config, state.times))
                if state.kernel is not None:
                    planned = plan_tests(self._job.suites, state.kernel, applied.tree.path)
                    tests.append(pool.submit(self._test, state, state.kernel, narrow(planned, self._job.request.only)))
        return tests

    def _distinct(self) -> list[_State]:
        """The variants that are kernels of their own; the others are marked as the same as one of these."""
        first: dict[str, _State] = {}
        for state in self._states:
            if state.config is None:
                continue  # Kconfig itself failed
            twin = first.setdefault(state.config.sha256, state)
            if twin is not state:
                state.same_as = twin.variant.name
                self._note(state.variant.name, f"same resolved config as {state.same_as}: one kernel, tested once")
        return list(first.values())

    def _test(self, state: _State, kernel: Kernel, planned: tuple[PlannedTest, ...]) -> None:
        assert self._launcher is not None
        state.test = KernelTest(state.variant, kernel, self._launcher, self._events, self._job.request)
        state.test.findings.planned = planned
        self._events.publish(Planned(state.variant.name, planned))
        try:
            state.test.run(self._job.suites)
        except process.Stopping:
            return  # the main thread knows why

    # --- report -------------------------------------------------------------------------------

    def cut_off(self, why: str, code: ExitCode) -> Outcome:
        return Outcome(self.report(interrupted=why), code)

    def report(self, interrupted: str = "") -> RunReport:
        request, applied = self._job.request, self._applied
        version = applied.tree.version if applied is not None else ""
        planned = self._planned_anywhere()
        return RunReport(
            run_id=request.directory.name,
            started=self._date,
            command=request.command,
            base=request.base,
            base_version=version,
            patches=tuple(patch.subject for patch in self._job.patches),
            already_in_base=applied.already_in_base if applied is not None else (),
            variants=tuple(self._variant_report(state, version, planned) for state in self._states),
            machine=self._machine(),
            seconds=time.monotonic() - self._started,
            interrupted=interrupted,
        )

    def _planned_anywhere(self) -> tuple[PlannedTest, ...]:
        """Tests planned for any variant: one that was not built, or not yet, misses them."""
        planned: dict[PlannedTest, None] = {}
        for state in self._states:
            if state.test is not None:
                planned.update(dict.fromkeys(state.test.findings.planned))
        return tuple(planned)

    def _variant_report(self, state: _State, version: str, planned: tuple[PlannedTest, ...]) -> VariantReport:
        findings = state.test.findings if state.test is not None else None
        if findings is not None:
            planned = findings.planned
        if state.same_as:
            planned = ()
        report = VariantReport(
            variant=state.variant,
            planned=planned,
            results=complete(planned, findings.results if findings is not None else ()),
            splats=tuple(findings.splats) if findings is not None else (),
            boots=tuple(findings.boots) if findings is not None else (),
            config_problems=state.config.problems if state.config is not None else (),
            kernel=state.kernel,
            build_failure=state.failure,
            same_as=state.same_as,
            times={**state.times, **(findings.times if findings is not None else {})},
            notes=tuple(findings.notes) if findings is not None else (),
        )
        return apply_expectations(report, version, self._job.expectations, date.today())

    def _machine(self) -> dict[str, str]:
        if self._launcher is None:
            return {}
        chosen = self._launcher.accelerator
        return {"QEMU": self._launcher.qemu_version, "accelerator": f"{chosen.name} ({chosen.reason})"}
