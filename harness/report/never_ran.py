# SPDX-License-Identifier: GPL-2.0-only
"""Tests that never ran, told together: a run that is cut off, or a kernel that does not build, leaves hundreds."""

from __future__ import annotations

from collections.abc import Iterable

from harness.changes import KERNEL
from harness.model import BootOutcome, RunReport, Status, TestResult, VariantReport
from harness.report.cases import boot_trouble, cases
from harness.report.text import plural

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


def told_apart(report: RunReport, variant: VariantReport) -> tuple[list[TestResult], list[str]]:
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


def _why(report: RunReport, variant: VariantReport, case: TestResult) -> str:
    if case.message and case.message not in _NEVER:
        return case.message.removeprefix("never ran: ")
    last = variant.boots[-1:]
    if variant.build_failure is not None:
        return "it does not build"
    if last and last[0].outcome is not BootOutcome.UP:
        return f"it {boot_trouble(last[0])}"
    return report.interrupted


def _line(why: str, some: list[TestResult]) -> str:
    unbuilt = any(case.suite == KERNEL for case in some)
    tests = [case for case in some if case.suite != KERNEL]
    parts = [*(["never built"] if unbuilt else []), *([f"{plural(len(tests), 'test')} never ran"] if tests else [])]
    named = ", ".join(f"{case.suite} {case.name}" for case in tests[:_SHOWN]) + (", ..." if tests[_SHOWN:] else "")
    about = why or named
    return ", ".join(parts) + (f": {about}" if about else "")
