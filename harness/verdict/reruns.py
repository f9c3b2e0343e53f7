# SPDX-License-Identifier: GPL-2.0-only
"""What is bad only with the patch is repeated before it is called new. Which, and what the repeats amount to: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.causes import Observed, Severity, is_kernels
from harness.changes import KERNEL, Change, Comparison, Difference, Repeats
from harness.identities import covering
from harness.model import BootOutcome, PlannedTest, Splat, Status, TestResult, VariantReport
from harness.splat import identity, is_proof
from harness.verdict.failure_mode import is_graver, is_silent

MAX_REPEATED = 10
"""Tests repeated in one run; one that kills its guest counts double. A patch that breaks all is clear without."""


@dataclass(frozen=True)
class Suspect:
    """What is to be run again. ``test`` None: the boot alone. ``about``: the differences that it is to settle.

    ``deadly``: it has cost a guest already.
    """

    test: PlannedTest | None
    about: tuple[Difference, ...]
    deadly: bool = False

    @property
    def name(self) -> str:
        return f"{self.test.suite} {self.test.name}" if self.test is not None else "boot"

    @property
    def cost(self) -> int:
        return 2 if self.deadly else 1


@dataclass(frozen=True)
class Rerun:
    """What one repeat showed. ``boot``: None if the machine ended it. ``lost``: it cost its guest."""

    results: tuple[TestResult, ...] = ()
    splats: tuple[Splat, ...] = ()
    boot: BootOutcome | None = None
    lost: bool = False


Round = tuple[Rerun, Rerun]
"""Patched, and base."""


def suspects(patched: VariantReport, comparison: Comparison, allowed: int) -> tuple[tuple[Suspect, ...], Comparison]:
    """What to repeat, at a cost of at most ``allowed``; and ``comparison`` with a note on each that is not repeated."""
    groups: dict[PlannedTest | None, list[Difference]] = {}
    notes: dict[Difference, str] = {}
    for one in comparison.those(Change.NEW):
        repeatable, test = _place(patched, one)
        if repeatable:
            groups.setdefault(test, []).append(one)
        else:
            notes[one] = "not repeated: no single test to repeat"
    chosen: list[Suspect] = []
    for test, about in groups.items():
        suspect = Suspect(test, tuple(about), _is_deadly(patched, test))
        if suspect.cost <= allowed:
            chosen.append(suspect)
            allowed -= suspect.cost
        else:
            notes |= dict.fromkeys(about, "not repeated: too many tests are bad only with the patch")
    noted = tuple(replace(one, note=notes.get(one, one.note)) for one in comparison.differences)
    return tuple(chosen), replace(comparison, differences=noted)


def _place(patched: VariantReport, one: Difference) -> tuple[bool, PlannedTest | None]:
    """(can it be repeated, the test to run for it; None: a boot is enough)."""
    if one.suite != KERNEL:
        test = covering(patched.planned, one)
        return test is not None, test
    if one.name == "boot":
        return True, None
    for splat in patched.splats:
        if one.fingerprint == identity(splat):
            moment = splat.moment
            test = covering(patched.planned, PlannedTest(moment.suite, moment.test))
            return moment.boot or test is not None, test
    return False, None  # a build, a symbol: the same content again is the same outcome


def _is_deadly(patched: VariantReport, test: PlannedTest | None) -> bool:
    if test is None:
        return bool(patched.boots) and patched.boots[-1].outcome is not BootOutcome.UP
    return any(result.status is Status.ERROR and test.covers(result) for result in patched.results)


def settle(one: Difference, rounds: Sequence[Round], logs: str = "") -> Difference:
    """``one`` after its repeats. Bad without the patch, if only once: flaky. Never without it: new, also if it is
    not bad each time with it. What ``is_unseen`` is not settled by this."""
    with_patch = [seen for attempt, _ in rounds if (seen := _seen(one, attempt)) is not None]
    without = [seen for _, attempt in rounds if (seen := _seen(one, attempt, on_base=True)) is not None]
    repeats = Repeats(sum(with_patch), len(with_patch), sum(without), len(without))
    change = _settled(one, repeats)
    sometimes = change is Change.NEW and 0 < repeats.patched_bad < repeats.patched
    return replace(one, change=change, repeats=repeats, note="intermittent" if sometimes else "", logs=logs)


def _settled(one: Difference, repeats: Repeats) -> Change:
    """A skip is lost coverage as soon as the test passes once with the patch, or skips itself on the base, too: what it
    lacks may be memory, or time. Repeats that tell nothing acquit nothing."""
    if one.skipped:
        return Change.LOST if repeats.base_bad or repeats.patched_bad < repeats.patched else Change.NEW
    return Change.FLAKY if repeats.base_bad else one.change


def is_unseen(one: Difference) -> bool:
    """True for what was new in the run, and did not come again when it was repeated alone."""
    return one.change is Change.NEW and one.repeats is not None and one.repeats.patched_bad == 0 < one.repeats.patched


def settle_unseen(one: Difference, whole: Rerun, base: Rerun | None = None) -> Difference:
    """``one`` after all tests up to it ran again, if it ``is_unseen``: it may need what ran before it.

    What does not come again then is flaky, but for a splat that proves a fault by itself. ``base``: the same tests
    without the patch, if they had to be run for it: what they show, too, is not the patch's.
    """
    if not is_unseen(one):
        return one
    seen = _seen(one, whole)
    if seen is None:
        return replace(one, note="whether it needs the tests before it is not known")
    if seen and base is not None and _seen(one, base, on_base=True):
        return replace(one, change=Change.FLAKY, note="seen after the tests before it, with the patch and without")
    if seen:
        return replace(one, note="seen again after the tests before it, not when it ran alone")
    if one.fingerprint and is_proof(one.name):
        return replace(one, note="not seen again; a report like this is no chance: perhaps a race")
    return replace(one, change=Change.FLAKY, note="not seen again")


def needs_base(one: Difference, whole: Rerun) -> bool:
    """True if ``one`` needs what ran before it in ``whole``: then the base counts only if it ran in that order."""
    return is_unseen(one) and bool(_seen(one, whole))


def _seen(one: Difference, attempt: Rerun, *, on_base: bool = False) -> bool | None:
    """Was ``one`` bad in ``attempt``? None if it cannot tell."""
    if one.suite == KERNEL and one.name == "boot":
        return attempt.boot is not BootOutcome.UP if attempt.boot is not None else None
    if one.suite == KERNEL:
        ran = attempt.boot is BootOutcome.UP and all(result.status is not Status.MISSING for result in attempt.results)
        return True if one.fingerprint in map(identity, attempt.splats) else False if ran else None
    own = [result for result in attempt.results if result.test == PlannedTest.of(one)]
    if one.gone:
        return _is_skipped(own) if own else _is_gone(one, attempt, on_base)
    if not own:
        done = [result for result in attempt.results if result.status in (Status.PASS, Status.SKIP)]
        return False if done else None
    seen = [result.observed for result in own if _tells(one, result)]
    if not seen:
        return None
    return _settles(one, seen) if on_base else any(is_graver(each, one.on_base) for each in seen)


def _tells(one: Difference, result: TestResult) -> bool:
    """False if ``result`` says nothing of the failure ``one``.

    It never ran, or skips itself and the base does not, or the machine took its guest.
    """
    skipped = one.on_base is not None and one.on_base.status is Status.SKIP
    skips = result.status is Status.SKIP and not skipped
    return result.status is not Status.MISSING and is_kernels(result.cause) and not skips


def _settles(one: Difference, seen: Sequence[Observed]) -> bool | None:
    """Does the base, too, show a failure like ``one``'s, or a graver one? A mere time-out tells of no other failure."""
    if any(each.severity is not None and not is_graver(one.with_patch, each) for each in seen):
        return True
    return None if any(each.severity is Severity.SILENT for each in seen) else False


def _is_skipped(own: Sequence[TestResult]) -> bool | None:
    """Something that was gone has a result: is that no more than a skip? None if it could not run."""
    if all(result.status is Status.MISSING or result.cut_short for result in own):
        return None
    return all(result.status is not Status.PASS for result in own)


def _is_gone(one: Difference, attempt: Rerun, on_base: bool) -> bool | None:
    """Is a result that the base has inside a program not there, although the program ran as far as it can?"""
    above = [result for result in attempt.results if result.test.covers(one)]
    program = min(above, key=lambda result: len(result.name), default=None)
    if program is None or program.status is Status.MISSING or program.cut_short:
        return None
    return None if on_base and is_silent(program) else True


def seen_besides(
    base: VariantReport, patched: VariantReport, rounds: Sequence[Round], logs: Sequence[str]
) -> list[Splat]:
    """Splats of repeats with the patch that neither the run nor any round of the base has shown: they count, too.

    ``logs``: of each round's patched attempt, put before the splat's own path.
    """
    known = {identity(splat) for report in (base, patched) for splat in report.splats}
    known |= {identity(splat) for _, attempt in rounds for splat in attempt.splats}
    found: dict[str, Splat] = {}
    for (attempt, _), directory in zip(rounds, logs, strict=True):
        for splat in attempt.splats:
            if identity(splat) not in known:
                found.setdefault(identity(splat), replace(splat, log=f"{directory}/{splat.log}"))
    return list(found.values())
