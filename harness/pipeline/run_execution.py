# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness run``: from a checked job to a report, whatever happens on the way."""

from __future__ import annotations

import os
import shutil
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime

from harness import process
from harness.architecture import ARCHITECTURE
from harness.changed_coverage import ChangedCoverage
from harness.changes import Comparison
from harness.errors import ExitCode, HarnessError, UserError
from harness.events import EventStream, Note
from harness.executor import Executor
from harness.executor.local_executor import LocalExecutor
from harness.intake import facts_of
from harness.model import RunReport, VariantReport
from harness.pipeline.changed_reach import changed_coverage
from harness.pipeline.comparing import Comparer, keep, settle_base
from harness.pipeline.first_tests import FirstTests
from harness.pipeline.kernel_set import KernelSet, VariantRun, moved
from harness.pipeline.kernels import HeldSource, bring, held_source
from harness.pipeline.plan import chosen, narrow
from harness.pipeline.repeating import Repeater
from harness.pipeline.request import RunJob
from harness.pipeline.start_times import StartTimes
from harness.pipeline.static_suite import StaticSuite
from harness.pipeline.symbol_notes import symbol_notes
from harness.series import Applied
from harness.verdict import apply_expectations, exit_code, judge

_BY_SIGNAL = (ExitCode.INTERRUPTED, ExitCode.TERMINATED)
_BASE = "base "  # before the names of the base's variants, while the run goes


@dataclass(frozen=True)
class RunOutcome:
    """A finished run and the exit code it deserves."""

    report: RunReport
    exit_code: ExitCode


def execute(job: RunJob, events: EventStream, executor: Executor | None = None) -> RunOutcome:
    """Do all of ``job``. An interrupt, a signal or trouble with the machine ends it early, with what is known so far.

    ``executor``: runs the tests of its kernels; default: guests of this machine.
    Raises ``UserError`` if the patch or the base cannot be used: then there is nothing to report.
    """
    run = _Run(job, events, executor or LocalExecutor(events, job.request.accel))
    try:
        run.work()
        run.cover()
    except UserError:
        raise
    except HarnessError as trouble:
        return run.cut_off(str(trouble), ExitCode.INFRASTRUCTURE)
    except OSError as trouble:  # most of all a full disk
        where = trouble.filename or "the machine"
        return run.cut_off(f"{where}: {trouble.strerror or trouble}", ExitCode.INFRASTRUCTURE)
    except KeyboardInterrupt:
        return run.cut_off("interrupted (Ctrl-C)", ExitCode.INTERRUPTED)
    except SystemExit:
        return run.cut_off("terminated by a signal", ExitCode.TERMINATED)
    report = run.report()
    return RunOutcome(report, exit_code(report))


class _Run:
    def __init__(self, job: RunJob, events: EventStream, executor: Executor) -> None:
        self._job = job
        self._events = events
        self._patched = KernelSet(job, events)
        self._base: KernelSet | None = None
        self._static: StaticSuite | None = None
        self._comparisons: dict[str, Comparison] = {}
        self._source: HeldSource | None = None
        self._first: FirstTests | None = None
        self._coverage: ChangedCoverage | None = None
        self._start_times = StartTimes()
        events.subscribe(self._start_times)
        self._executor = executor
        self._knows_machine = False  # where only the patch itself is looked at, none is needed
        self._has_verdict = False
        self._started = time.monotonic()
        self._date = datetime.now(UTC).isoformat(timespec="seconds")

    def work(self) -> None:
        """Source, patch, config, builds and what the patch itself shows here; each kernel's tests in a thread as soon
        as it is there.

        The patched kernels come first: they are what is waited for. The base uses the same object trees after them.
        """
        for note in self._job.notes:
            self._note(note)
        if sandbox := process.sandbox_in_words():
            self._note(sandbox)
        if self._job.suites:
            self._executor.machine()  # it says what guests run under, before the long wait for a kernel
            self._knows_machine = True
        sides = 2 if self._job.wants_base else 1
        workers = max(1, min(sides * len(self._job.variants), os.cpu_count() or 1))
        pool = ThreadPoolExecutor(workers, thread_name_prefix="guest")
        try:
            self._settle(self._build_all(pool), pool)
            self._has_verdict = True
        except BaseException:
            # First the programs, then the threads that wait for them.
            process.stop_all()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def cover(self) -> None:
        """Measure which changed lines run, if that was asked for; the verdict is there by now."""
        if self._job.request.coverage and self._job.suites and not self._is_base:
            self._coverage = changed_coverage(self._job, self._events, self._executor)

    def _settle(self, tests: list[Future[None]], pool: ThreadPoolExecutor) -> None:
        """Wait for ``tests``, and compare; all over again for what ran under a KVM that was given up meanwhile."""
        while True:
            for test in tests:
                test.result()
            if not self._job.suites:
                return
            tests = self._distrusted(pool)
            if not tests and self._base is not None:
                self._compare(self._base, pool)
                tests = self._distrusted(pool)
            if not tests:
                return

    def _compare(self, base: KernelSet, pool: ThreadPoolExecutor) -> None:
        comparer = self._comparer(base)
        self._comparisons = comparer.so_far
        comparer.compare(pool)

    def _distrusted(self, pool: ThreadPoolExecutor) -> list[Future[None]]:
        """The tests of what has to be tested once more."""
        tests = [self._test(pool, run) for run in self._patched.distrusted(self._executor)]
        if self._base is not None:
            tests += [self._test_base(pool, self._base, run) for run in self._base.distrusted(self._executor)]
        if tests:
            self._comparisons = {}
            self._patched.forget_repeats()
            shutil.rmtree(self._job.directory / "repeats", ignore_errors=True)
        return tests

    def _test(self, pool: ThreadPoolExecutor, run: VariantRun) -> Future[None]:
        return pool.submit(self._test_patchless if self._is_base else self._patched.test, run, self._executor)

    def _test_base(self, pool: ThreadPoolExecutor, base: KernelSet, run: VariantRun) -> Future[None]:
        return pool.submit(settle_base, base, run, self._executor, self._events, _BASE)

    @property
    def _applied(self) -> Applied | None:
        return self._source.applied if self._source is not None else None

    @property
    def _is_base(self) -> bool:
        """No patch is left to be tested."""
        applied = self._applied
        return applied is not None and len(applied.patches) == len(applied.already_in_base)

    def _note(self, text: str, level: str = "info") -> None:
        self._events.publish(Note("", text, level))

    # --- kernels ------------------------------------------------------------------------------

    def _build_all(self, pool: ThreadPoolExecutor) -> list[Future[None]]:
        only = self._job.request.tests.only
        tests: list[Future[None]] = []
        with held_source(self._job, self._events) as held:
            self._source = held
            applied = held.applied
            static = StaticSuite(self._job, applied, self._events) if self._job.static and not self._is_base else None
            self._static = static
            elsewhere = static.planned if static is not None else ()
            self._first = first = FirstTests(self._job, self._patched, applied, self._events)
            if self._job.suites:
                built = self._patched.build(applied, lambda planned: narrow(planned, only, elsewhere), first.choose)
                tests += [self._test(pool, run) for run in built]
            if static is not None:
                static.patched()
            if self._job.wants_base and not self._is_base:
                tests += self._build_base(applied, pool, first)
            if static is not None and static.needs_base:
                self._to_base(applied)
                static.base()
        return tests

    def _to_base(self, applied: Applied) -> None:
        """Bring the work tree to the base, unless the base's kernels were just built from it."""
        if self._base is None:
            bring(self._job.of_base(), applied.tree, self._events, "base")

    def _test_patchless(self, run: VariantRun, executor: Executor) -> None:
        """A run without a patch is what later runs compare with."""
        self._patched.test(run, executor)
        keep(self._patched, run, executor)

    def _build_base(self, applied: Applied, pool: ThreadPoolExecutor, first: FirstTests) -> list[Future[None]]:
        """The base is built in every variant, but only tested where there is a patched kernel to compare it with."""
        job = self._job.of_base()
        self._base = base = KernelSet(job, self._events, _BASE)
        plain = bring(job, applied.tree, self._events, "base")
        return [
            self._test_base(pool, base, run)
            for run in base.build(plain, lambda planned: chosen(planned, job.request.tests.only), first.of_base)
            if any(self._patched.run_of(own.variant.name).kernel for own in base.runs_like(run))
        ]

    def _comparer(self, base: KernelSet) -> Comparer:
        repeater = Repeater(self._patched, base, self._executor, self._job.directory)
        return Comparer(self._patched, base, repeater if self._job.request.repeat else None, self._events)

    # --- report -------------------------------------------------------------------------------

    def cut_off(self, why: str, code: ExitCode) -> RunOutcome:
        """``why`` the run ended early. What comes after the verdict takes nothing away from it."""
        if self._has_verdict:
            self._coverage = ChangedCoverage(notes=(f"not measured: {why}",))
            report = self.report()
            return RunOutcome(report, code if code in _BY_SIGNAL else exit_code(report))
        for side in filter(None, (self._patched, self._base)):
            side.distrusted(self._executor)
        return RunOutcome(self.report(interrupted=why), code)

    def report(self, interrupted: str = "") -> RunReport:
        request, applied = self._job.request, self._applied
        base = [self._start_times.added_to(report, _BASE) for report in (self._base.reports() if self._base else ())]
        return RunReport(
            run_id=self._job.directory.name,
            started=self._date,
            command=request.command,
            base=self._job.base.text,
            base_version=self._version,
            patches=tuple(patch.subject for patch in self._job.patches),
            already_in_base=applied.already_in_base if applied is not None else (),
            variants=tuple(map(self._judged, self._patched_reports())) if self._job.suites else (),
            machine=self._told_machine(),
            seconds=time.monotonic() - self._started,
            interrupted=interrupted,
            notes=self._notes,
            base_variants=tuple(self._expected(moved(report, _BASE.strip())) for report in base),
            asked=(*self._job.suite_names, *sorted(request.tests.only)),
            series=facts_of(self._job.patches),
            static=self._expected(self._static.report()) if self._static is not None and self._static.planned else None,
            fixups=applied.tree.fixups if applied is not None else (),
            base_commit=self._source.base_commit if self._source is not None else "",
            tree_id=applied.tree_id if applied is not None else "",
            architecture=ARCHITECTURE.name,
            coverage=self._coverage,
        )

    def _patched_reports(self) -> list[VariantReport]:
        return [self._start_times.added_to(report) for report in self._patched.reports()]

    @property
    def _notes(self) -> tuple[str, ...]:
        tree = self._applied.tree.notes if self._applied is not None else ()
        symbols = symbol_notes(self._patched, self._base, self._version)
        held = self._source.notes if self._source is not None else ()
        quick = self._first.notes if self._first is not None else ()
        return (*self._job.notes, *tree, *held, *symbols, *quick)

    @property
    def _version(self) -> str:
        return self._applied.tree.version if self._applied is not None else ""

    def _judged(self, report: VariantReport) -> VariantReport:
        comparison = self._comparisons.get(report.variant.name)
        judged = judge(report, comparison, strict=self._job.request.strict) if comparison is not None else report
        return self._expected(judged)

    def _expected(self, report: VariantReport) -> VariantReport:
        return apply_expectations(report, self._version, self._job.expectations, date.today())

    def _told_machine(self) -> dict[str, str]:
        if not self._knows_machine:
            return {}
        now = self._executor.machine()
        told = {"QEMU": now.qemu, "accelerator": f"{now.accel} ({now.reason})", "sandbox": process.sandbox_in_words()}
        return {what: words for what, words in told.items() if words}
