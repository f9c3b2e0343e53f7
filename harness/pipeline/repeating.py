# SPDX-License-Identifier: GPL-2.0-only
"""Repeating what is bad only with the patch: in fresh guests, with and without the patch in turn."""

from __future__ import annotations

from pathlib import Path

from harness.causes import is_kernels
from harness.changes import Change
from harness.executor import Executor, Findings, KernelJob
from harness.model import BootOutcome, Status, VariantReport
from harness.pipeline.kernel_set import KernelSet
from harness.verdict import Rerun, Round, Suspect, complete, settle

DEADLY_ENOUGH = 2  # guests that a test may cost; it is not given a third


class Repeater:
    """``directory``: of the run; each repeat has its own below ``repeats/``."""

    def __init__(self, patched: KernelSet, base: KernelSet, executor: Executor, directory: Path) -> None:
        self._patched = patched
        self._base = base
        self._executor = executor
        self._directory = directory

    def rounds(self, report: VariantReport, suspect: Suspect, logs: str) -> list[Round]:
        """Repeat ``suspect`` as often as was asked for, and no longer than it takes to know. ``report``: of the run.

        ``logs``: where it goes, relative to the run directory.
        """
        rounds: list[Round] = []
        lost = int(suspect.deadly)
        count = self._patched.job.request.repeat
        while len(rounds) < count and lost < DEADLY_ENOUGH and not _is_settled(suspect, rounds):
            number = len(rounds) + 1
            again = f"again {number}/{count}: "
            with_patch = self._attempt(self._patched, report, suspect, f"{logs}/patched-{number}", again)
            without = self._attempt(self._base, report, suspect, f"{logs}/base-{number}", f"{again}base ")
            rounds.append((with_patch, without))
            lost += with_patch.lost
        return rounds

    def all_again(self, report: VariantReport, last: str, logs: str) -> Rerun:
        """All tests with the patch once more, up to the suite ``last``, in the order of the run."""
        return self._all(self._patched, report, last, logs, "all again: ")

    def all_without(self, report: VariantReport, last: str, logs: str) -> Rerun:
        """The tests of the base once more, which may have been tested in another order."""
        return self._all(self._base, report, last, logs, "all again: base ")

    def _all(self, side: KernelSet, report: VariantReport, last: str, logs: str, label: str) -> Rerun:
        return self._run(side.kernel_job(side.run_of(report.variant.name)).up_to(last, label), logs)

    def _attempt(self, side: KernelSet, report: VariantReport, suspect: Suspect, place: str, label: str) -> Rerun:
        run = side.run_of(report.variant.name)
        known = suspect.test is None or suspect.test in run.findings.planned
        if run.kernel is None or not known:
            return Rerun()  # that side has no such test
        alone = () if suspect.test is None else (suspect.test,)
        return self._run(side.kernel_job(run).narrowed_to(*alone, label=label), place)

    def _run(self, job: KernelJob, place: str) -> Rerun:
        return _attempt(self._executor.run(job, self._directory / place))


def _attempt(found: Findings) -> Rerun:
    results = complete(found.planned, found.results)
    last = found.boots[-1]
    up = last.outcome is BootOutcome.UP
    outcome = last.outcome if up or is_kernels(last.cause) else None
    lost = not up or any(result.status is Status.ERROR for result in results)
    return Rerun(results, found.splats, outcome, lost)


def _is_settled(suspect: Suspect, rounds: list[Round]) -> bool:
    """What the base shows, too, is not the patch's, however often it is repeated."""
    return all(settle(one, rounds).change is Change.FLAKY for one in suspect.about)
