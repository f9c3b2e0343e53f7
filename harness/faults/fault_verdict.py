# SPDX-License-Identifier: GPL-2.0-only
"""Did the harness find a planted bug? Read off the report of a run; nothing here runs anything."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from harness.causes import Blame, Cause, Close
from harness.faults.catalogue import Detection, Fault
from harness.model import BootOutcome, PlannedTest, RunReport, Splat, Status, TestResult, VariantReport

_ENDS = {Close.BY_ITSELF: Detection.FAIL, Close.NEVER: Detection.HANG, Close.DEATH: Detection.CRASH}
# Kinds of reports that end whatever printed them. What dies with a lock held hangs as it exits.
_DEADLY = ("oops", "panic")


class FaultOutcome(enum.Enum):
    """What became of a planted bug."""

    CAUGHT = "caught"
    OTHERWISE = "caught in another way"  # the named check is red, but not as it should be
    ANOTHER = "caught by another check"
    MISSED = "missed"
    BROKEN = "broken"  # nothing can be said: it does not apply, build or boot, or the check is of no use

    @property
    def is_good(self) -> bool:
        return self is FaultOutcome.CAUGHT


@dataclass(frozen=True)
class FaultVerdict:
    """The outcome for one fault. ``detail``: what gave it away, or what is wrong, in one line. ``seconds``: wall time.

    ``others``: the checks that found it instead, as "variant: check".
    """

    fault: Fault
    outcome: FaultOutcome
    detail: str = ""
    seconds: float = 0.0
    others: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Found as its list says; of a bug that no check is said to find, that it was tried is enough."""
        return self.outcome.is_good or (not self.fault.check and self.outcome is not FaultOutcome.BROKEN)


def judge_fault(fault: Fault, report: RunReport, red_on_base: Collection[str] = ()) -> FaultVerdict:
    """The verdict after a run of the named check alone. It must go red in every variant of the run.

    ``red_on_base``: names of checks that are red without the bug, and so prove nothing.
    """
    if fault.check in red_on_base:
        return FaultVerdict(fault, FaultOutcome.BROKEN, f"{fault.check} is red without the bug, too")
    if trouble := _trouble(report):
        return FaultVerdict(fault, FaultOutcome.BROKEN, trouble)
    judged = [_judge_variant(fault, variant) for variant in report.variants if not variant.same_as]
    worst = max(judged, key=lambda verdict: list(FaultOutcome).index(verdict.outcome), default=None)
    return worst or FaultVerdict(fault, FaultOutcome.BROKEN, "no kernel was built")


def judge_whole(fault: Fault, report: RunReport, red_on_base: Collection[str] = ()) -> FaultVerdict:
    """The verdict after a run of whole suites, for a bug that the named check did not see, or that names none.

    ``red_on_base``: as ``red_names`` has them, what is red without the bug, and so did not find it.
    """
    lost = (_not_the_kernels(variant, result) for variant in report.variants for result in variant.results)
    if trouble := _trouble(report) or next(filter(None, lost), ""):
        return FaultVerdict(fault, FaultOutcome.BROKEN, trouble)
    others = tuple(dict.fromkeys(name for name, _ in _alarms(report) if name not in red_on_base))
    named = f"{fault.check} is green" if fault.check else "no check is named"
    if others:
        return FaultVerdict(fault, FaultOutcome.ANOTHER, named, others=others)
    return FaultVerdict(
        fault, FaultOutcome.MISSED, f"{named}, and all are green" if not fault.check else f"{named}, and all others"
    )


def _trouble(report: RunReport) -> str:
    """Why the run says nothing about the bug, or ""."""
    return report.interrupted or next(filter(None, map(_untested, report.variants)), "")


def _not_the_kernels(variant: VariantReport, result: TestResult) -> str:
    """How the machine lost the guest of ``result``, or what is injected: it would be red without any bug. Else ""."""
    lost = result.cause is not None and result.cause.blame is not Blame.KERNEL
    return f"{variant.variant.name}: {result.name}: {result.message}" if lost else ""


def alarms(report: RunReport) -> tuple[str, ...]:
    """One line for everything that is red in a run of the base without any bug."""
    found = [f"{name}: {what}" for name, what in _alarms(report)]
    found += [trouble for variant in report.variants if (trouble := _untested(variant))]
    return tuple(found)


def red_names(report: RunReport) -> frozenset[str]:
    """What is red in a run of the base without any bug, as ``FaultVerdict.others`` names it."""
    return frozenset(name for name, _ in _alarms(report))


def red_checks(report: RunReport) -> frozenset[str]:
    """Names of the checks that are red in any variant."""
    return frozenset(result.name for variant in report.variants for result in variant.results if result.is_bad)


# --- one variant ------------------------------------------------------------------------------


def _untested(variant: VariantReport) -> str:
    """Why nothing was tested on this kernel, or ""."""
    name = variant.variant.name
    if (failure := variant.build_failure) is not None:
        first = next((f"{m.path}:{m.line}: {m.text}" for m in failure.messages), "see its build.log")
        return f"{name}: does not build: {first}"
    if variant.kernel is None and not variant.same_as:
        return f"{name}: was not built"
    if variant.boots and variant.boots[0].outcome is not BootOutcome.UP:
        return f"{name}: does not boot: {variant.boots[0].ended}"
    return ""


def _judge_variant(fault: Fault, variant: VariantReport) -> FaultVerdict:
    test = PlannedTest(fault.suite, fault.check)
    result = next((one for one in variant.results if one.test == test), None)
    name = variant.variant.name
    if result is not None and (lost := _not_the_kernels(variant, result)):
        return FaultVerdict(fault, FaultOutcome.BROKEN, lost)
    if result is None or result.status is Status.MISSING:
        return FaultVerdict(fault, FaultOutcome.BROKEN, f"{name}: {fault.check} did not run")
    splats = [one for one in variant.splats if one.is_bad and one.moment.is_in(test)]
    seen = _ways(result, splats)
    if not seen:
        said = f"skipped: {result.message}" if result.status is Status.SKIP else "green"
        return FaultVerdict(fault, FaultOutcome.MISSED, f"{name}: {fault.check} is {said}")
    words = splats[0].title if splats and fault.how in (Detection.SPLAT, Detection.CRASH) else result.message
    if fault.how in seen:
        return FaultVerdict(fault, FaultOutcome.CAUGHT, words)
    ways = " and ".join(sorted(way.value for way in seen))
    return FaultVerdict(fault, FaultOutcome.OTHERWISE, f"{name}: {ways} instead of {fault.how.value}: {words}")


def _ways(result: TestResult, splats: list[Splat]) -> frozenset[Detection]:
    """In which ways the bug gave itself away while the check ran; often in several: an oops is a report too."""
    found = set()
    if splats or result.reported:
        found.add(Detection.SPLAT)
    if any(splat.kind in _DEADLY for splat in splats):
        found.add(Detection.CRASH)
    # The oracle reads the kernel's reports after the check: a check that only it made fail did not fail itself.
    if result.is_bad and result.cause is not Cause.REPORT:
        found.add(_ENDS[(result.cause or Cause.ASSERTION).close])
    return frozenset(found)


def _alarms(report: RunReport) -> Iterator[tuple[str, str]]:
    """("variant: suite: test", what it says) of all that is red; a splat stands for what ran when it was printed."""
    for variant in report.variants:
        for result in variant.results:
            if result.is_bad:
                yield f"{variant.variant.name}: {result.suite}: {result.name}", result.message or result.status.value
        for splat in variant.splats:
            if splat.is_bad:
                yield f"{variant.variant.name}: {splat.during or 'kernel'}", splat.title
