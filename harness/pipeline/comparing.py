# SPDX-License-Identifier: GPL-2.0-only
"""Holding the patched kernels against those of the base: tests of the base, repeats, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from harness import process
from harness.changes import KERNEL, Change, Comparison, Difference
from harness.events import EventStream, Note
from harness.executor import Executor, Findings
from harness.identities import covering
from harness.model import PlannedTest, Splat, VariantReport
from harness.pipeline import base_cache
from harness.pipeline.kernel_set import REPEATS, KernelSet, VariantRun
from harness.pipeline.repeating import Repeater
from harness.report import case_of, without_patch
from harness.splat import case_name, identity
from harness.verdict import (
    MAX_REPEATED,
    Rerun,
    Round,
    Suspect,
    apply_expectations,
    compare,
    is_unseen,
    needs_base,
    seen_besides,
    settle,
    settle_unseen,
    suspects,
    undecided,
)

HERE = "tested in this run"
CUT_OFF = "not repeated: the run was cut off before"


def settle_base(side: KernelSet, run: VariantRun, executor: Executor, events: EventStream, label: str = "") -> None:
    """What ``run``, a kernel without a patch, shows: as it is known from an earlier run, or by testing it now."""
    assert run.kernel is not None
    found = None if side.job.request.tests.pytest else _remembered(side, run, executor)
    if found is None:
        side.test(run, executor)
        if run.boot_failed:
            events.publish(Note(label + run.variant.name, "the base did not boot: once more, to be sure", "warning"))
            side.test_again(run, executor)
        keep(side, run, executor)
        return
    run.findings, when = found
    run.tested, run.earlier = True, when
    events.publish(Note(label + run.variant.name, f"known from {when}: not tested again"))


def _remembered(side: KernelSet, run: VariantRun, executor: Executor) -> tuple[Findings, str] | None:
    """What is known of the tests of ``run``: from a run of all of them, or of just these."""
    job, machine, directory = side.kernel_job(run), executor.machine(), side.job.directory
    whole = replace(job, planned=(*job.planned, *run.not_chosen))
    known = base_cache.recall(base_cache.key(whole, machine), whole.planned, directory)
    if known is None and run.not_chosen:
        return base_cache.recall(base_cache.key(job, machine), job.planned, directory)
    return known and (_only(known[0], job.planned), known[1])


def _only(findings: Findings, planned: tuple[PlannedTest, ...]) -> Findings:
    """What ``findings`` say of ``planned``. All that the kernel reported stays: it was there before the patch."""
    results = tuple(one for one in findings.results if covering(findings.planned, one) in (None, *planned))
    return replace(findings, planned=planned, results=results)


def keep(side: KernelSet, run: VariantRun, executor: Executor) -> None:
    """Remember what a base showed, if later runs may rely on it: not on what own tests, whose key nobody knows, say."""
    if not run.tested or side.job.request.tests.pytest:
        return
    found = run.findings
    if doubtful := base_cache.doubtful(found):
        told = f"not remembered for later runs, as a busy host can bring it about: {', '.join(doubtful)}"
        run.findings = found.noted(told)
    if base_cache.is_complete(found):
        ran_on = replace(executor.machine(), accel=found.boots[0].accel)
        wanted = base_cache.key(side.kernel_job(run), ran_on)
        if once := base_cache.keep(wanted, found, side.job.directory, _expected(side, run)):
            told = f"tested again by the next run, as a failure is remembered if it comes twice: {', '.join(once)}"
            run.findings = found.noted(told)


def _expected(side: KernelSet, run: VariantRun) -> frozenset[tuple[str, str]]:
    """Tests of ``run`` that failed, and of which an expectation says that they do on this base."""
    assert run.kernel is not None
    report = next(one for one in side.reports() if one.variant == run.variant)
    judged = apply_expectations(report, run.kernel.release, side.job.expectations, date.today())
    return frozenset((result.suite, result.name) for result in judged.results if result.known)


class Comparer:
    """Compares all variants of a run, once both sides have been tested. ``repeater`` None: nothing is repeated.

    ``so_far``: what holds of each variant, by name, if the run is cut off now.
    """

    def __init__(self, patched: KernelSet, base: KernelSet, repeater: Repeater | None, events: EventStream) -> None:
        self._patched = patched
        self._base = base
        self._repeater = repeater
        self._events = events
        self.so_far: dict[str, Comparison] = {}

    def compare(self, pool: ThreadPoolExecutor) -> dict[str, Comparison]:
        """The comparison of each variant that is a kernel of its own, by name."""
        own = [report for report in self._patched.reports() if not report.same_as]
        allowed = MAX_REPEATED // max(1, len(own))
        jobs = {report.variant.name: pool.submit(self._one, report, allowed) for report in own}
        return {name: job.result() for name, job in jobs.items()}

    def _one(self, report: VariantReport, allowed: int) -> Comparison:
        name = report.variant.name
        base = next(one for one in self._base.reports() if one.variant.name == self._base.run_of(name).variant.name)
        base = replace(base, variant=report.variant)
        against, again = self._origin(self._base.run_of(name))
        found = replace(compare(base, report), against=against, again=again)
        if self._repeater is not None:
            chosen, found = suspects(report, found, allowed)
            try:
                found = self._repeated(self._repeater, base, report, found, chosen)
            except process.Stopping:  # the main thread knows why
                return self.so_far[name]
        self.so_far[name] = undecided(found, lacking(base, report))
        return self.so_far[name]

    def _note_progress(
        self, base: VariantReport, report: VariantReport, found: Comparison, chosen: Sequence[Suspect]
    ) -> None:
        """Those of ``chosen`` that are not settled in ``found`` are still to be repeated."""
        waiting = {one for suspect in chosen for one in suspect.about}
        told = tuple(replace(one, note=CUT_OFF) if one in waiting else one for one in found.differences)
        self.so_far[report.variant.name] = undecided(replace(found, differences=told), lacking(base, report))

    def _repeated(
        self,
        repeater: Repeater,
        base: VariantReport,
        report: VariantReport,
        found: Comparison,
        chosen: Sequence[Suspect],
    ) -> Comparison:
        """``found`` with each of ``chosen`` settled: alone, and what did not come again so, with all before it."""
        unseen: list[str] = []
        for number, suspect in enumerate(chosen, 1):
            self._note_progress(base, report, found, chosen)
            logs = f"{REPEATS}{report.variant.name}-{number}"
            which = f"{suspect.name}, bad only with the patch ({number} of {len(chosen)})"
            self._events.publish(Note(report.variant.name, f"repeating {which}"))
            rounds = repeater.rounds(report, suspect, logs)
            settled = {one: settle(one, rounds, logs) for one in suspect.about}
            if suspect.test is None and rounds:  # nothing comes before a boot that it could need
                settled = {one: settle_unseen(now, rounds[-1][0]) for one, now in settled.items()}
            elif suspect.test is not None and any(map(is_unseen, settled.values())):
                unseen.append(suspect.test.suite)
            places = [f"{logs}/patched-{count}" for count, _ in enumerate(rounds, 1)]
            found = self._settled(base, report, found, settled, rounds, places)
        self._note_progress(base, report, found, ())
        return self._all_again(repeater, base, report, found, unseen)

    def _all_again(
        self, repeater: Repeater, base: VariantReport, report: VariantReport, found: Comparison, unseen: Sequence[str]
    ) -> Comparison:
        if not unseen:
            return found
        last = max(unseen, key=[suite.name for suite in self._patched.job.suites].index)
        logs = f"{REPEATS}{report.variant.name}-all"
        whole = repeater.all_again(report, last, logs)
        without = self._all_without(repeater, report, found, whole, last)
        settled = {one: settle_unseen(one, whole, without) for one in found.differences if is_unseen(one)}
        known = {(result.suite, result.name) for result in (*base.results, *report.results) if result.status.is_bad}
        run = self._patched.run_of(report.variant.name)
        run.findings = run.findings.noted(
            *(
                f"when all was repeated: {result.suite} {result.name}: {result.status.value}: {result.message}"
                for result in whole.results
                if result.status.is_bad and (result.suite, result.name) not in known
            )
        )
        return self._settled(base, report, found, settled, [(whole, without or Rerun())], [logs])

    def _all_without(
        self, repeater: Repeater, report: VariantReport, found: Comparison, whole: Rerun, last: str
    ) -> Rerun | None:
        """The base in the same order, if what ``whole`` showed needs that, and the base may have run in another."""
        name = report.variant.name
        if self._base.run_of(name).earlier and any(needs_base(one, whole) for one in found.differences):
            return repeater.all_without(report, last, f"{REPEATS}{name}-all-base")
        return None

    def _settled(
        self,
        base: VariantReport,
        report: VariantReport,
        found: Comparison,
        settled: Mapping[Difference, Difference],
        rounds: Sequence[Round],
        places: Sequence[str],
    ) -> Comparison:
        """``found`` with what is ``settled``, and with the splats that only ``rounds`` showed (logs: ``places``)."""
        name = report.variant.name
        lack = lacking(base, report)
        for one in undecided(Comparison(tuple(settled.values())), lack).differences:
            self._events.publish(Note(name, f"{case_of(one)}: {one.change.value}: {one.summary}"))
        run = self._patched.run_of(name)
        besides = seen_besides(base, replace(report, splats=run.findings.splats), rounds, places)
        run.findings = replace(run.findings, splats=(*run.findings.splats, *besides))
        more = [_new_splat(splat) for splat in besides]
        return replace(found, differences=(*(settled.get(one, one) for one in found.differences), *more))

    def _origin(self, run: VariantRun) -> tuple[str, str]:
        """Where the base's results come from, and a command that makes them anew if they are old."""
        if not run.earlier:
            return HERE if run.tested else "", ""
        age = datetime.now(UTC) - datetime.fromisoformat(run.earlier)
        job = self._patched.job
        again = without_patch(job.request.command, "" if job.request.source.base else job.base.text)
        return f"tested on {run.earlier}, {_words(age)} ago", again


def _new_splat(splat: Splat) -> Difference:
    where = f"printed in a repeat, during {splat.during}"
    return Difference(KERNEL, case_name(splat), Change.NEW, "not printed", where, fingerprint=identity(splat))


def lacking(base: VariantReport, patched: VariantReport) -> str:
    """Options of the variant that the patched kernel has and the base does not know, in words; empty if none."""
    if base.kernel is None or patched.kernel is None:
        return ""
    before, after = base.kernel.config_value, patched.kernel.config_value
    absent = [f"CONFIG_{symbol}" for symbol in patched.variant.options if before(symbol) == "n" != after(symbol)]
    return f"the base has no {' and no '.join(absent)}" if absent else ""


def _words(age: timedelta) -> str:
    minutes = int(age.total_seconds()) // 60
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"
