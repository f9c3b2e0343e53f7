# SPDX-License-Identifier: GPL-2.0-only
"""The comparison with the base in words: what became of each case, and how much of what there is."""

from __future__ import annotations

from harness.changes import KERNEL, Change, Comparison, Difference
from harness.model import TestResult, VariantReport
from harness.report.text import plural

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


def told_of(variant: VariantReport, case: TestResult) -> Difference | None:
    """What the comparison says of ``case``; None if nothing changed, or nothing was compared."""
    if variant.comparison is None:
        return None
    if case.fingerprint:
        return variant.comparison.of_splat(case.fingerprint)
    return variant.comparison.of(case.suite, case.name)


def kind_of(variant: VariantReport, case: TestResult) -> str:
    """ "new failure", "pre-existing", ...; empty if nothing changed, or nothing was compared."""
    told = told_of(variant, case)
    return told.change.value if told is not None else ""


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
