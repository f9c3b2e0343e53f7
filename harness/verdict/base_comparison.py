# SPDX-License-Identifier: GPL-2.0-only
"""The base against the patched kernel, test by test and splat by splat. Pure: two reports in, differences out.

Only what was really seen counts: where one side never ran, nothing is called new, fixed or unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from harness.causes import is_kernels
from harness.changes import EVERY_TEST, KERNEL, Change, Comparison, Difference
from harness.identities import covering
from harness.model import BootOutcome, ConfigProblem, PlannedTest, Splat, Status, TestResult, VariantReport
from harness.splat import Known, case_name, identity
from harness.verdict.failure_mode import is_another, is_graver, is_silent, masked, words

_SEVERITY = {Status.PASS: 0, Status.SKIP: 0, Status.FAIL: 1, Status.ERROR: 2, Status.MISSING: 3}
# What became of a test that the base does not have.
_NO_SUCH_TEST = {
    Status.PASS: Change.GAINED,
    Status.SKIP: Change.UNCHANGED,
    Status.FAIL: Change.NEW,
    Status.ERROR: Change.NEW,
    Status.MISSING: Change.NOT_COMPARABLE,
}
_NEVER_RAN = TestResult("", "", Status.MISSING)
_OTHERWISE = "fails in another way than on the base"


def compare(base: VariantReport, patched: VariantReport, *, same_request: bool = True) -> Comparison:
    """What became of everything in ``base`` with the patch. Both are of one variant, and complete in themselves.

    ``same_request``: both were asked for the same tests; else one that only one of them has was perhaps not asked for.
    """
    found = [*_steps(base, patched), *_tests(base, patched, same_request), *_splats(base, patched)]
    changed = tuple(one for one in found if one.change is not Change.UNCHANGED)
    unchanged = sum(one.change is Change.UNCHANGED and one.suite != KERNEL for one in found)
    return Comparison(changed, unchanged, why_not=_why_not(base))


def _why_not(base: VariantReport) -> str:
    if base.build_failure is not None:
        return "the base does not build"
    if base.kernel is None:
        return "the base was not built"
    if not base.boots:
        return "the base was not booted" if base.planned else ""  # it has none of the tests that were asked for
    return "" if _is_up(base) else f"the base does not boot ({base.boots[-1].ended})"


def undecided(comparison: Comparison, lacking: str) -> Comparison:
    """``comparison`` with a base that lacks an option of the variant (``lacking``, in words; empty if it does not).

    Such a base can show that trouble was there before, or that it comes and goes, but not that it is new: that is then
    not comparable. So this comes after all repeats.
    """
    if not lacking:
        return comparison
    differences = tuple(_undecided(one, lacking) for one in comparison.differences)
    return replace(comparison, differences=differences, why_not=comparison.why_not or lacking)


def _undecided(one: Difference, lacking: str) -> Difference:
    there = one.gone and not (one.skipped and one.change is Change.LOST)
    if there or one.change not in (Change.NEW, Change.LOST, Change.GAINED, Change.FIXED):
        return one
    return replace(one, change=Change.NOT_COMPARABLE, note="; ".join(filter(None, (lacking, one.note))))


# --- building, booting, configuration ---------------------------------------------------------


def _steps(base: VariantReport, patched: VariantReport) -> Iterator[Difference]:
    for name, of in (("build", _builds), ("boot", _boots)):
        before, after = of(base), of(patched)
        if before or after not in ("", "ok"):
            yield _step(name, before, after)
    if base.kernel is not None and patched.kernel is not None:
        asked = {problem.request.symbol: problem for problem in base.config_problems}
        got = {problem.request.symbol: problem for problem in patched.config_problems}
        yield from (_symbol(name, asked.get(name), got.get(name)) for name in {**asked, **got})


def _step(name: str, base: str, patched: str) -> Difference:
    """``base``, ``patched``: "ok", what is wrong, or "" if nobody knows."""
    if not patched:
        change = Change.UNCHANGED  # another step tells why it was not tried
    elif not base:
        change = Change.NOT_COMPARABLE
    elif patched == "ok":
        change = Change.UNCHANGED if base == "ok" else Change.FIXED
    else:
        change = Change.NEW if base == "ok" else Change.PRE_EXISTING
    return Difference(KERNEL, name, change, base or "not tried", patched)


def _builds(report: VariantReport) -> str:
    if report.kernel is not None:
        return "ok"
    return f"fails in {report.build_failure.stage}" if report.build_failure is not None else ""


def _boots(report: VariantReport) -> str:
    if not report.boots:
        return ""
    return "ok" if _is_up(report) else report.boots[-1].outcome.value


def _is_up(report: VariantReport) -> bool:
    return report.boots[-1].outcome is BootOutcome.UP


def _symbol(name: str, base: ConfigProblem | None, patched: ConfigProblem | None) -> Difference:
    if patched is None:
        change = Change.GAINED
    elif base is None:
        change = Change.NEW if patched.fatal else Change.LOST
    else:
        change = Change.PRE_EXISTING if patched.fatal else Change.UNCHANGED
    before, after = (
        "as asked" if problem is None else f"is {problem.got}: {problem.why}" for problem in (base, patched)
    )
    return Difference(KERNEL, f"config: CONFIG_{name}", change, before, after)


# --- tests ------------------------------------------------------------------------------------


def _tests(base: VariantReport, patched: VariantReport, same_request: bool) -> Iterator[Difference]:
    before, after = _by_key(base.results), _by_key(patched.results)
    for key, result in after.items():
        known = before.get(key)
        above = _parent(base, before, result) if known is None else None
        if known is None and above is None and not same_request:
            change = Change.UNCHANGED if result.status is Status.SKIP else Change.NOT_COMPARABLE
            yield Difference(key.suite, key.name, change, "not asked for", words(result), with_patch=result.observed)
            continue
        stopped = above is not None and above.status in (Status.ERROR, Status.MISSING)
        if known is None and (stopped or base.kernel is None):
            known = _NEVER_RAN  # it would be there, as far as anybody knows
        change = change_of(known, result)
        if change is Change.GAINED and above is not None and above.status is Status.SKIP:
            change = Change.UNCHANGED  # that was cut short: how far it got is chance
        seen = known.observed if known is not None else None
        otherwise = change is Change.PRE_EXISTING and seen is not None and is_another(result.observed, seen)
        left_out = known is not None and known.status is Status.PASS and is_left_out(result)
        told = Difference(key.suite, key.name, change, words(known), words(result), gone=left_out)
        yield replace(told, note=_OTHERWISE if otherwise else "", on_base=seen, with_patch=result.observed)
    for key, result in before.items():
        if key not in after:
            yield from _only_on_base(base, before, after, result, same_request)
    yield from suites_left_out(before, after)


def _by_key(results: Iterable[TestResult]) -> dict[PlannedTest, TestResult]:
    """The worst result of each test."""
    found: dict[PlannedTest, TestResult] = {}
    for result in results:
        other = found.setdefault(result.test, result)
        if _SEVERITY[result.status] > _SEVERITY[other.status]:
            found[result.test] = result
    return found


def change_of(base: TestResult | None, patched: TestResult) -> Change:
    """``base`` None: there is no such test. A test that never ran, or died, is never unchanged.

    A base that only ran out of time, or was killed more mildly, does not show that the same trouble was there before.
    One whose guest the machine took shows nothing.
    """
    if base is None:
        return _NO_SUCH_TEST[patched.status]
    if base.status is Status.MISSING or not is_kernels(base.cause):
        return Change.NOT_COMPARABLE
    if not is_kernels(patched.cause):
        return Change.NEW  # no failure of the base explains it; repeats may show what the test does
    if patched.status is Status.MISSING:
        return Change.LOST
    if patched.status.is_bad:
        return Change.NEW if is_graver(patched.observed, base.observed) else Change.PRE_EXISTING
    return _now_good(base, patched)


def _now_good(base: TestResult, patched: TestResult) -> Change:
    skipped = patched.status is Status.SKIP
    if is_left_out(patched) and base.status is Status.PASS:
        return Change.NEW  # only repeats can show that it comes and goes
    if base.status.is_bad:
        return Change.LOST if skipped else Change.FIXED
    if base.status is not patched.status:
        return Change.LOST if skipped else Change.GAINED
    return _coverage(base, patched)


def _coverage(base: TestResult, patched: TestResult) -> Change:
    """Two passes or two skips: is less tested than before?"""
    before, after = (set(map(masked, result.lost_coverage)) for result in (base, patched))
    if patched.status is Status.SKIP or before == after:
        return Change.UNCHANGED
    return Change.LOST if after - before else Change.GAINED


def _parent(report: VariantReport, found: Mapping[PlannedTest, TestResult], result: TestResult) -> TestResult | None:
    """What became of the program that ``result`` is inside of; None if it is inside none."""
    above = covering(report.planned, result)
    return found.get(above) if above is not None and above != result.test else None


def _only_on_base(
    base: VariantReport,
    before: Mapping[PlannedTest, TestResult],
    after: Mapping[PlannedTest, TestResult],
    result: TestResult,
    same_request: bool,
) -> Iterator[Difference]:
    """A test of the base that is not there with the patch."""
    above = covering(base.planned, result)
    if above == result.test:
        yield absent(result, same_request)
    elif above is not None:
        yield from vanished(result, before.get(above), after.get(above))


def difference_of(report: VariantReport, case: TestResult | Splat) -> Difference | None:
    """What the comparison of ``report`` says of ``case``; None if it is unchanged, or nothing was compared."""
    if isinstance(case, TestResult):
        return report.difference(case)
    return report.comparison.of_splat(identity(case)) if report.comparison is not None else None


# --- splats -----------------------------------------------------------------------------------


def _splats(base: VariantReport, patched: VariantReport) -> Iterator[Difference]:
    before, after = Known(base.splats), Known(patched.splats)
    for key, own in after.by_identity.items():
        known = before.like(own[0])
        change = Change.PRE_EXISTING if known else Change.NEW if _saw(base, own) else Change.NOT_COMPARABLE
        yield Difference(KERNEL, case_name(own[0]), change, _times(known), _times(own), fingerprint=key)
    for key, gone in before.by_identity.items():
        if not after.like(gone[0]):
            change = Change.FIXED if _saw(patched, gone) else Change.NOT_COMPARABLE
            yield Difference(KERNEL, case_name(gone[0]), change, _times(gone), _times([]), fingerprint=key)


def _times(splats: Sequence[Splat]) -> str:
    count = sum(splat.count for splat in splats)
    if not count:
        return "not printed"
    where = ", ".join(dict.fromkeys(splat.during for splat in splats if splat.during))
    often = f" {count} times" if count > 1 else ""
    return f"printed{often}{f' during {where}' if where else ''}"


def _saw(report: VariantReport, elsewhere: Sequence[Splat]) -> bool:
    """True if ``report`` got to where the other side printed these: its silence means something."""
    if report.kernel is None or not report.boots:
        return False
    if any(splat.moment.boot for splat in elsewhere):
        return True
    missing = [result.test for result in report.results if result.status is Status.MISSING]
    never = [*missing, *report.not_chosen]
    return _is_up(report) and not any(splat.moment.is_in(test) for splat in elsewhere for test in never)


# --- what the base has and the patched kernel has not: tests, results, suites -----------------


NO_RESULT = "no such result"
_NOTHING_LEFT = "what passes without the patch is skipped with it, and nothing of the suite passes"


def absent(result: TestResult, same_request: bool) -> Difference:
    """A planned test of the base that is not planned with the patch."""
    change = Change.LOST
    if result.status is Status.SKIP:
        change = Change.UNCHANGED
    elif result.status is Status.MISSING or not same_request:
        change = Change.NOT_COMPARABLE
    told = "no such test" if same_request else "not asked for"
    lost, seen = change is Change.LOST, result.observed
    return Difference(result.suite, result.name, change, words(result), told, gone=lost, on_base=seen)


def vanished(result: TestResult, before: TestResult | None, now: TestResult | None) -> Iterator[Difference]:
    """A result of the base inside a program that does not have it with the patch. ``before``, ``now``: the program's
    own result."""
    if now is not None and now.status is Status.PASS and result.status is not Status.SKIP:
        yield Difference(result.suite, result.name, Change.LOST, words(result), NO_RESULT, on_base=result.observed)
    elif result.status is Status.PASS and now is not None and not _explains(before, now):
        yield Difference(
            result.suite, result.name, Change.NEW, words(result), NO_RESULT, gone=True, on_base=result.observed
        )


def _explains(before: TestResult | None, now: TestResult) -> bool:
    """True if what became of the program says why it lacks a result, or that is told of the program itself."""
    if now.status is Status.SKIP:
        return now.cut_short
    explained_itself = now.status is not Status.FAIL or before is None or is_graver(now.observed, before.observed)
    return explained_itself or is_silent(now)  # where a time limit cuts is chance


def is_left_out(result: TestResult) -> bool:
    """True for a skip that tells of the kernel: something is not there."""
    return result.status is Status.SKIP and not (result.not_applicable or result.cut_short)


def suites_left_out(
    before: Mapping[PlannedTest, TestResult], after: Mapping[PlannedTest, TestResult]
) -> Iterator[Difference]:
    """Suites in which tests pass on the base, and all of those are skipped with the patch: nothing tests them."""
    for suite in dict.fromkeys(test.suite for test in after):
        passed = [
            key for key, one in before.items() if key.suite == suite and one.status is Status.PASS and key in after
        ]
        now = [one for key, one in after.items() if key.suite == suite]
        lost = [key for key in passed if is_left_out(after[key])]
        if passed and len(lost) == len(passed) and not any(one.status is Status.PASS for one in now):
            seen = f"{len(lost)} skipped: {after[lost[0]].message}"
            yield Difference(
                suite, EVERY_TEST, Change.LOST, f"{len(passed)} passed", seen, note=_NOTHING_LEFT, gone=True
            )
