# SPDX-License-Identifier: GPL-2.0-only
"""Runs in other words: every text that the harness makes for people is said otherwise, nothing else is changed.

What the kernel printed, names, paths and commands are no such texts. One and the same text becomes one and the same
other text, as in a translation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.causes import Observed
from harness.changes import Comparison, Difference
from harness.model import BootReport, BuildFailure, RunReport, TestResult, VariantReport

Say = Callable[[str], str]


def doubled(text: str) -> str:
    """ "guest guest lost: lost: ...": each word twice."""
    return " ".join(word for one in text.split() for word in (one, one))


def shuffled(text: str) -> str:
    """The words in their order from the last to the first, and none at the place where it was."""
    words = text.split()
    return " ".join([*words[len(words) // 2 :], *words[: len(words) // 2]][::-1])


def reworded(report: RunReport, say: Say) -> RunReport:
    return replace(
        report,
        variants=tuple(_variant(variant, say) for variant in report.variants),
        base_variants=tuple(_variant(variant, say) for variant in report.base_variants),
        static=_variant(report.static, say) if report.static is not None else None,
        notes=tuple(map(say, report.notes)),
        interrupted=say(report.interrupted),
    )


def _variant(variant: VariantReport, say: Say) -> VariantReport:
    return replace(
        variant,
        results=tuple(_result(result, say) for result in variant.results),
        boots=tuple(_boot(boot, say) for boot in variant.boots),
        splats=tuple(replace(one, known=say(one.known), excused=say(one.excused)) for one in variant.splats),
        notes=tuple(map(say, variant.notes)),
        comparison=_comparison(variant.comparison, say) if variant.comparison is not None else None,
        build_failure=_failure(variant.build_failure, say) if variant.build_failure is not None else None,
    )


def _result(result: TestResult, say: Say) -> TestResult:
    return replace(
        result,
        message=say(result.message),
        output=say(result.output),
        lost_coverage=tuple(map(say, result.lost_coverage)),
        known=say(result.known),
        excused=say(result.excused),
    )


def _boot(boot: BootReport, say: Say) -> BootReport:
    return replace(boot, ended=say(boot.ended), tail=say(boot.tail))


def _failure(failure: BuildFailure, say: Say) -> BuildFailure:
    return replace(failure, tail=say(failure.tail))


def _comparison(comparison: Comparison, say: Say) -> Comparison:
    differences = tuple(_difference(one, say) for one in comparison.differences)
    return replace(
        comparison, differences=differences, against=say(comparison.against), why_not=say(comparison.why_not)
    )


def _difference(one: Difference, say: Say) -> Difference:
    return replace(
        one,
        base=say(one.base),
        patched=say(one.patched),
        note=say(one.note),
        on_base=_observed(one.on_base, say),
        with_patch=_observed(one.with_patch, say),
    )


def _observed(seen: Observed | None, say: Say) -> Observed | None:
    return replace(seen, message=say(seen.message)) if seen is not None else None
