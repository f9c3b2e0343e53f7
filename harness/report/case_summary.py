# SPDX-License-Identifier: GPL-2.0-only
"""What reports say about cases beside their own results.

That is: the comparison with the base in words, tests that never ran and splats that came again, counted together, and
the commands that repeat a test or its base.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.causes import Cause, is_kernels
from harness.changes import GUEST, KERNEL, Change, Comparison, Difference
from harness.identities import OWN_TESTS, covering
from harness.model import BootOutcome, BootReport, RunReport, Status, TestResult, VariantReport
from harness.report.cases import boot_trouble, cases, groups
from harness.report.text import one_line, plural

# --- the comparison with the base -------------------------------------------------------------


# In the order in which they matter; what comes with the patch first.
WORDS = {
    Change.NEW: "new failure",
    Change.FLAKY: "flaky",
    Change.PRE_EXISTING: "pre-existing",
    Change.LOST: "with less coverage",
    Change.NOT_COMPARABLE: "not comparable",
    Change.FIXED: "fixed",
    Change.GAINED: "with more coverage",
}


def kind_of(variant: VariantReport, case: TestResult) -> str:
    """ "new failure", "pre-existing", ...; empty if nothing changed, or nothing was compared."""
    found = variant.difference(case)
    return found.change.value if found is not None else ""


def summary(comparison: Comparison) -> str:
    """ "2 new failures, 1 pre-existing, 208 unchanged"; if the base cannot be compared, why not."""
    counts = {change: len(comparison.those(change)) for change in WORDS}
    if comparison.why_not:
        counts[Change.NOT_COMPARABLE] = 0
    told = [_count(change, number) for change, number in counts.items() if number]
    told += [f"{comparison.unchanged} unchanged"] if comparison.unchanged and not comparison.why_not else []
    return ", ".join([*told, *([f"not comparable: {comparison.why_not}"] if comparison.why_not else [])])


def _count(change: Change, number: int) -> str:
    return plural(number, WORDS[change]) if change is Change.NEW else f"{number} {WORDS[change]}"


def verdict(comparison: Comparison) -> str:
    """The same for the headline, where all is well only if nothing is new."""
    if comparison.why_not:
        return f"not comparable: {comparison.why_not.partition(' (')[0]}"
    worth = (Change.NEW, Change.FLAKY, Change.PRE_EXISTING, Change.LOST, Change.FIXED)
    counts = {change: len(comparison.those(change)) for change in worth}
    told = [_count(change, number) for change, number in counts.items() if number]
    return f"against the base: {', '.join(told if counts[Change.NEW] else ['nothing new', *told])}"


def tested(comparison: Comparison) -> str:
    """Where the base's results come from, and how they are made again; empty if nothing was tested."""
    return comparison.against + (f"; again: {comparison.again}" if comparison.again else "")


def besides(comparison: Comparison) -> tuple[Difference, ...]:
    """What is not told of a failure anyway. If nothing is comparable, saying that once is enough."""
    left = [Change.FIXED, Change.LOST, Change.GAINED]
    left += [] if comparison.why_not else [Change.NOT_COMPARABLE]
    return tuple(one for change in left for one in comparison.those(change))


def case_of(one: Difference) -> str:
    """Its suite and name, as a case is called in a list."""
    return one.name if one.fingerprint or one.suite == KERNEL else f"{one.suite} {one.name}"


# --- tests that never ran, and what comes again -----------------------------------------------


FEW = 5
"""So many tests of a variant are still told one by one, unless the run was cut off."""

_SHOWN = 3
_NEVER = ("never ran", "never built")  # what their message is, or begins with


def counted(bad: Iterable[TestResult]) -> str:
    """ "2 failures, 300 tests never ran, 1 kernel never built"; empty if nothing is bad."""
    found = list(bad)
    missing = [case for case in found if case.status is Status.MISSING]
    unbuilt = sum(case.suite == KERNEL for case in missing)
    words = (
        (len(found) - len(missing), "failure", ""),
        (len(missing) - unbuilt, "test", " never ran"),
        (unbuilt, "kernel", " never built"),
    )
    return ", ".join(plural(count, noun) + what for count, noun, what in words if count)


@dataclass(frozen=True)
class BadCases:
    """``every``: all that is bad in a run. ``one_by_one``: what is shown alone, each with its variant and how often it
    came again; what died explains what never ran, and comes first. ``never``: a line for each reason why many tests
    never ran."""

    every: tuple[TestResult, ...]
    one_by_one: tuple[tuple[VariantReport, TestResult, int], ...]
    never: tuple[str, ...]


def bad_cases(report: RunReport) -> BadCases:
    own = [variant for _, variant in groups(report)]
    apart = [(variant, *_shown_apart(report, variant)) for variant in own]
    bad = [(variant, case) for variant, alone, _ in apart for case in alone]
    bad.sort(key=lambda pair: pair[1].status is Status.MISSING)
    never = (f"{variant.variant.name}: {text}" for variant, _, many in apart for text in many)
    every = (case for variant in own for case in cases(variant) if case.is_bad)
    return BadCases(tuple(every), tuple(_shown_once(bad)), tuple(never))


def title_of(case: TestResult) -> str:
    """Suite and name; of what the kernel did the name alone."""
    return case.name if case.suite == KERNEL else f"{case.suite} {case.name}"


def status_words(variant: VariantReport, case: TestResult, again: int) -> str:
    """ "fail, new failure, 7 more like it": what came ``again`` is told once."""
    more = f"{again} more like it" if again else ""
    return ", ".join(filter(None, [case.status.value, kind_of(variant, case), more]))


def _shown_apart(report: RunReport, variant: VariantReport) -> tuple[list[TestResult], list[str]]:
    """What is bad in ``variant``: what is told one by one, and a line for each reason why many tests never ran.

    The second are such as "300 tests never ran: interrupted (Ctrl-C)"; if no reason is known here, some are named.
    """
    bad = [case for case in cases(variant) if case.is_bad]
    missing: dict[str, list[TestResult]] = {}
    for case in bad:
        if case.status is Status.MISSING:
            missing.setdefault(_why(report, variant, case), []).append(case)
    many = {why: some for why, some in missing.items() if report.interrupted or len(some) > FEW}
    alone = [case for case in bad if case.status is not Status.MISSING or _why(report, variant, case) not in many]
    return alone, [_line(why, some) for why, some in many.items()]


def _shown_once(bad: Sequence[tuple[VariantReport, TestResult]]) -> list[tuple[VariantReport, TestResult, int]]:
    """``bad`` in its order, the same splat of a variant only where it first came, and how often it came elsewhere.

    A mistake on a path that everything takes makes the kernel print the same report during a hundred tests.
    """
    first: dict[tuple[str, ...], tuple[VariantReport, TestResult]] = {}
    again: Counter[tuple[str, ...]] = Counter()
    for variant, case in bad:  # the names of tests are unique
        key = (variant.variant.name, case.suite, case.name, case.fingerprint, kind_of(variant, case))
        again[key] += key in first
        first.setdefault(key, (variant, case))
    return [(*pair, again[key]) for key, pair in first.items()]


def _why(report: RunReport, variant: VariantReport, case: TestResult) -> str:
    if case.message and case.message not in _NEVER:
        return case.message.removeprefix("never ran: ")
    last = variant.boots[-1:]
    if variant.build_failure is not None:
        return "it does not build"
    if last and last[0].outcome is not BootOutcome.UP:
        return f"it {boot_trouble(last[0])}"
    return report.interrupted or _lost_guests(variant.boots)


def _lost_guests(boots: Sequence[BootReport]) -> str:
    """ "4 guests were lost, each alike: panic: Fatal exception, during checks"; empty if the last one was not lost."""
    lost = [boot for boot in boots if boot.cause is not None]
    if not lost or lost[-1] is not boots[-1]:
        return ""
    alike = len({(boot.cause, boot.hangs_in or _NUMBER.sub("#", boot.ended)) for boot in lost}) == 1
    words = f"each alike: {lost[-1].ended}" if alike and len(lost) > 1 else f"the last: {lost[-1].ended}"
    return f"{plural(len(lost), 'guest')} {'was' if len(lost) == 1 else 'were'} lost, {words}"


_NUMBER = re.compile(r"\d{1,20}")  # of a process, of seconds


def _line(why: str, some: list[TestResult]) -> str:
    unbuilt = any(case.suite == KERNEL for case in some)
    tests = [case for case in some if case.suite != KERNEL]
    parts = [*(["never built"] if unbuilt else []), *([f"{plural(len(tests), 'test')} never ran"] if tests else [])]
    named = ", ".join(f"{case.suite} {case.name}" for case in tests[:_SHOWN]) + (", ..." if tests[_SHOWN:] else "")
    about = why or named
    return ", ".join(parts) + (f": {about}" if about else "")


# --- the commands that repeat it --------------------------------------------------------------


# What narrows a run, and where its results go and how loudly: replaced, or pointless to repeat.
_RESULTS = ("--out", "--report", "--junit", "--quiet", "--verbose")
_REPLACED_FOR_KERNEL = ("--variant", *_RESULTS)
_REPLACED = (*_REPLACED_FOR_KERNEL, "--suite", "--only")
_NO_GUEST = (Cause.SKIPPED, Cause.GONE, Cause.NOT_BUILT)  # no test fails there: what is missing is the failure
_BOOTS = 2  # of a kernel that never came up; after more of them it has lost guests
_ABOUT_PATCH = (
    *("--patch", "--worktree", "--revert", "--up-to", "--each"),
    *("--repeat", "--strict", "--no-base", *_RESULTS),
)


def reproduce(report: RunReport, variant: VariantReport, case: TestResult) -> str:
    """A shell command that shows ``case`` once more to whoever has the run: in guests of the kernel that is there.

    Where no guest would show it, or where the run's directory is not known: ``run_again``.
    """
    name = _sought(variant, case)
    where = _directory(report)
    if not (name and where):
        return run_again(report, variant, case)
    accel = list(_kept(report.command, ("--accel",), inverted=True))
    command = ["dmabuf-harness", "reproduce", where, name, "--variant", variant.variant.name, *accel]
    return one_line(shlex.join(command))


def _sought(variant: VariantReport, case: TestResult) -> str:
    """What ``reproduce`` takes for ``case``; empty if it is nothing that failed in a guest of the kernel."""
    failed = case.status in (Status.FAIL, Status.ERROR) and is_kernels(case.cause) and case.cause not in _NO_GUEST
    if variant.kernel is None or variant.of_patch or not failed or case.name == GUEST:
        return ""
    if case.suite != KERNEL:
        return "" if case.suite.startswith(OWN_TESTS) else f"{case.suite}: {case.name}"
    return case.fingerprint or (case.name if case.name == "boot" and len(variant.boots) <= _BOOTS else "")


def _directory(report: RunReport) -> str:
    """Where the run is, as seen from where it was started; empty if its command does not tell."""
    if report.command[1:2] != ("run",) or any(_is_one_of(word, ("--each",)) for word in report.command[2:]):
        return ""
    words = list(_kept(report.command, ("--out",), inverted=True))
    if not words:
        return f"runs/{report.run_id}"
    named = words[-1].partition("=")[2] if words[-1].startswith("-") else words[-1]
    return f"./{named}" if named.startswith("-") else named


def run_again(report: RunReport, variant: VariantReport, case: TestResult) -> str:
    """A shell command that repeats the run with ``variant`` only, and only the test of ``case`` if it is a test.

    What the kernel printed may be due to tests before the one that it came in: it takes all that ran.
    """
    of_kernel = case.suite == KERNEL
    only = [] if of_kernel else [*_suite(case.suite), *_only(variant, case)]
    where = [] if variant.of_patch else ["--variant", variant.variant.name]
    kept = _kept(report.command, _REPLACED_FOR_KERNEL if of_kernel else _REPLACED)
    return one_line(shlex.join([*kept, *where, *only]))


def again(command: Sequence[str]) -> str:
    """A shell command that does all of the run once more that ``command`` stands for, with results of its own."""
    return one_line(shlex.join(_kept(command, _RESULTS)))


def _suite(name: str) -> list[str]:
    """A user's own pytest files are named by ``--pytest``, which stays."""
    return [] if name.startswith(OWN_TESTS) else ["--suite", name]


def _only(variant: VariantReport, case: TestResult) -> list[str]:
    """A test that the patch made disappear cannot be asked for."""
    told = variant.comparison.of(case.suite, case.name) if variant.comparison is not None else None
    return [] if told is not None and told.gone and not told.skipped else ["--only", _planned(variant, case)]


def _planned(variant: VariantReport, case: TestResult) -> str:
    """Only what was planned can be asked for: for a subtest that is the test above it."""
    above = covering(variant.planned, case)
    return above.name if above is not None else case.name


def without_patch(command: Sequence[str], base: str = "") -> str:
    """A shell command that tests only the base of the run that ``command`` stands for, and remembers the outcome.

    ``base``: the one that was guessed from the patch, if ``command`` names none.
    """
    named = ["--base", base] if base else []
    return one_line(shlex.join([*_kept(command, _ABOUT_PATCH), *named, "--no-patch"]))


def _kept(command: Sequence[str], dropped: Sequence[str] = _REPLACED, *, inverted: bool = False) -> Iterator[str]:
    """``command`` without the ``dropped`` options (also abbreviated, as argparse allows) and their values, or these
    alone if ``inverted``."""
    dropping = False
    for argument in command:
        if argument.startswith("-") and argument != "-":
            dropping = _is_one_of(argument.partition("=")[0], dropped)
        if dropping is inverted:
            yield argument


def _is_one_of(option: str, names: Sequence[str]) -> bool:
    """``-pFILE`` is ``--patch FILE``."""
    if not option.startswith("--"):
        return option.startswith("-p") and "--patch" in names
    return len(option) > 2 and any(name.startswith(option) for name in names)
