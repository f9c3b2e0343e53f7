# SPDX-License-Identifier: GPL-2.0-only
"""What one guest says about a commit: the failure in question, none, another one, or nothing at all. Pure.

Only the same test that fails in the same manner, or the same splat, is the failure in question. What else goes wrong
is another trouble, in whose place the one in question could not show, and says nothing about it.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from harness.bisect.state import Attempt, Symptom, SymptomKind
from harness.causes import Blame, Cause, Severity
from harness.model import BootOutcome, Moment, PlannedTest, Splat, Status, TestResult
from harness.splat import identity, is_among, is_called

FAILS = "fail"
"""A manner that stands for all in which the test itself says that it failed."""
_LOST = "lost: "
_VARYING = re.compile(r"0x[0-9a-f]+|\b(?=[a-f]*\d)[0-9a-f]{8,}\b|\d+", re.IGNORECASE)


class ObservationKind(enum.Enum):
    """What an attempt is to the question."""

    BAD = "bad"
    GOOD = "good"
    OTHER = "other"
    MACHINE = "machine"  # nothing was learned about the kernel


@dataclass(frozen=True)
class Observation:
    """``why``: in one line. ``manner``: of the failure, if it is one of the test in question."""

    seen: ObservationKind
    why: str
    manner: str = ""


def observe(symptom: Symptom, attempt: Attempt, usual: Collection[str] = ()) -> Observation:
    """What ``attempt`` says. ``usual``: fingerprints of splats that are there without the bug, and hide nothing.

    A symptom without manners takes each failure of its test.
    """
    if attempt.outcome is not BootOutcome.UP and _is_outside(attempt.cause):
        return Observation(ObservationKind.MACHINE, attempt.ended)
    if symptom.kind is SymptomKind.BOOT:
        return _boot(symptom, attempt)
    if symptom.kind is SymptomKind.SPLAT:
        return _splat(symptom, attempt, usual)
    if attempt.outcome is not BootOutcome.UP and all(one.status is Status.MISSING for one in attempt.results):
        return _no_boot(attempt)
    return _test(symptom, attempt)


def result_of(symptom: Symptom, attempt: Attempt) -> TestResult | None:
    """The worst result of the test in question."""
    own = [result for result in attempt.results if result.test == PlannedTest.of(symptom)]
    return max(own, key=lambda result: (result.status is Status.ERROR, result.status.is_bad), default=None)


def is_the_machines(result: TestResult) -> bool:
    """The guest was ended from outside: whatever the kernel did, this does not tell."""
    return result.status is Status.ERROR and _is_outside(result.cause)


def _is_outside(cause: Cause | None) -> bool:
    return cause is not None and cause.blame is not Blame.KERNEL


def manner(result: TestResult, attempt: Attempt) -> str:
    """In which way a test failed: equal for the same trouble in another run.

    By what the kernel reported meanwhile, if that is what failed it; else by its message without numbers.
    """
    return _manner(result, attempt, identity)


def _former(splat: Splat) -> str:
    return splat.former or identity(splat)


def _manners(result: TestResult, attempt: Attempt) -> tuple[str, ...]:
    """As ``manner`` tells it, and as symptoms have it that were stored before the rules of fingerprints changed, or
    before causes were stored."""
    told = [_manner(result, attempt, name) for name in (identity, _former)]
    return *told, *([f"{_LOST}{result.cause.value}"] if _is_lost(result) and result.cause is not None else [])


def _manner(result: TestResult, attempt: Attempt, name: Callable[[Splat], str]) -> str:
    during = _during(result, attempt)
    if _is_lost(result):
        return _LOST + _deadly(during, name, result.cause or Cause.PROCESS, result.hangs_in)
    reported = _reported(during, name)
    if result.cause is Cause.REPORT and reported:
        return f"reported: {', '.join(reported)}"
    return f"{result.status.value}: {_masked(result.message)}"


def _is_lost(result: TestResult) -> bool:
    return result.status is Status.ERROR and result.cause is not Cause.NOT_BUILT


def _deadly(splats: Sequence[Splat], name: Callable[[Splat], str], cause: Cause, hangs_in: str) -> str:
    """What a guest was lost by: the reports, where it hangs, or else the cause. A panic is told if no report is."""
    told = _reported(splats, name) or ([f"hangs in {hangs_in}"] if hangs_in else sorted({*map(name, splats)}))
    return ", ".join(told) or cause.value


def _reported(splats: Iterable[Splat], name: Callable[[Splat], str]) -> list[str]:
    return sorted({name(splat) for splat in splats if splat.kind != "panic"})


def _during(result: TestResult, attempt: Attempt) -> list[Splat]:
    moments = (Moment(result.suite, result.name), Moment(result.suite))
    return [splat for splat in attempt.splats if splat.moment in moments]


def _masked(text: str) -> str:
    return _VARYING.sub("#", text).strip()


# --- each kind of symptom ---------------------------------------------------------------------


def _boot(symptom: Symptom, attempt: Attempt) -> Observation:
    if attempt.outcome is BootOutcome.UP:
        return Observation(ObservationKind.GOOD, "boots")
    cause, how = attempt.cause or Cause.SILENCE, attempt.outcome.value
    hows = [f"{how}: {_deadly(attempt.splats, name, cause, attempt.hangs_in)}" for name in (identity, _former)]
    return _known(symptom, [*hows, f"{how}: {cause.value}"], f"does not boot: {attempt.ended}")


def _no_boot(attempt: Attempt) -> Observation:
    return Observation(ObservationKind.OTHER, f"does not boot: {attempt.ended or attempt.outcome.value}")


def _splat(symptom: Symptom, attempt: Attempt, usual: Collection[str]) -> Observation:
    """Its absence means something only if the guest came to where it was printed, and nothing else got in between."""
    mine = next((splat for splat in attempt.splats if is_called(splat, symptom.name)), None)
    if mine is not None:
        return Observation(ObservationKind.BAD, mine.title)
    lost = next((result for result in attempt.results if result.status in (Status.ERROR, Status.MISSING)), None)
    if lost is not None and _is_machine(lost, attempt):
        return Observation(ObservationKind.MACHINE, lost.message)
    other = next((splat for splat in attempt.splats if not is_among(splat, usual)), None)
    if other is not None:
        return Observation(ObservationKind.OTHER, f"another splat: {other.title}")
    if attempt.outcome is not BootOutcome.UP:
        return _no_boot(attempt)
    if lost is not None:
        said = lost.message or lost.status.value
        return Observation(ObservationKind.OTHER, f"{lost.name} did not come to its end: {said}")
    return _absent(symptom, attempt)


def _absent(symptom: Symptom, attempt: Attempt) -> Observation:
    """It could not be printed if the test that does so was skipped, or all were."""
    moment = symptom.moment
    named = [one for one in attempt.results if moment.is_in(one) or (not moment.test and moment.around == one.name)]
    asked = named or attempt.results
    if not symptom.needs_tests or any(result.status is not Status.SKIP for result in asked):
        return Observation(ObservationKind.GOOD, "not printed")
    why = f"{asked[0].name} is skipped: {asked[0].message or 'no reason given'}" if asked else "no test ran"
    return Observation(ObservationKind.OTHER, why)


def _test(symptom: Symptom, attempt: Attempt) -> Observation:
    result = result_of(symptom, attempt)
    if result is None:
        return Observation(ObservationKind.OTHER, f"{symptom.name} gave no result here")
    match result.status:
        case Status.PASS:
            return Observation(ObservationKind.GOOD, "passes")
        case Status.SKIP:
            return Observation(ObservationKind.OTHER, f"is skipped: {result.message or 'no reason given'}")
        case Status.MISSING:
            return Observation(ObservationKind.OTHER, f"did not run: {result.message or attempt.ended}")
    manners = _manners(result, attempt)
    silent = _is_machine(result, attempt) and not {*manners} & {*symptom.manners}
    if silent or is_the_machines(result):
        return Observation(ObservationKind.MACHINE, result.message)
    return _known(symptom, manners, result.message or result.status.value)


def _is_machine(result: TestResult, attempt: Attempt) -> bool:
    """A guest that was lost with no word from its kernel, neither a report nor a place where it hangs."""
    if result.status is not Status.ERROR or result.cause is None or not result.cause.is_loss:
        return False
    silent = result.cause.severity is Severity.SILENT and not _during(result, attempt)
    return silent or is_the_machines(result)


def _known(symptom: Symptom, hows: Sequence[str], words: str) -> Observation:
    """``hows``: the manner as it is told today, and as it was told before."""
    how = hows[0]
    if symptom.manners and not {*hows, how.partition(": ")[0]} & set(symptom.manners):
        return Observation(ObservationKind.OTHER, f"fails, but in another way: {words}", how)
    return Observation(ObservationKind.BAD, words, how)
