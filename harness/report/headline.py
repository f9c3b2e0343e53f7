# SPDX-License-Identifier: GPL-2.0-only
"""The verdict on a run, in one line of words."""

from __future__ import annotations

from harness.machine_failures import machine_trouble
from harness.model import BootOutcome, RunReport, VariantReport
from harness.report.case_summary import verdict
from harness.report.cases import Tally, boot_trouble, build_trouble, groups, nothing_tested, tally
from harness.report.text import one_line, plural

NOT_WHOLE = "NOT THE WHOLE VERDICT"


def headline(report: RunReport) -> str:
    """ "PASS: ...", "FAIL: ...", or "INCOMPLETE: ..." for a run that was cut off or that only the machine spoiled.

    Variants that fared alike are told together.
    """
    told: dict[str, list[str]] = {}
    for title, variant in groups(report):
        told.setdefault(_fate(variant), []).append(title)
    parts = [f"{' and '.join(names)}: {fate}" for fate, names in told.items()]
    if why := report.interrupted or machine_trouble(report):
        return one_line("; ".join([f"INCOMPLETE: {why}", *parts]))
    if not report.tested:
        parts = [*parts, nothing_tested(report)]
    return one_line(f"{'FAIL' if report.is_bad else 'PASS'}{not_whole(report)}: {'; '.join(parts)}")


def not_whole(report: RunReport) -> str:
    """What a quick run must not be taken for; empty for any other."""
    count = report.not_chosen
    return f" SO FAR (quick: {plural(count, 'test')} not chosen, {NOT_WHOLE})" if count else ""


def _fate(variant: VariantReport) -> str:
    told = _trouble(variant) or _achieved(tally(variant.results), variant.comparison is not None)
    return ", ".join([*told, *([verdict(variant.comparison)] if variant.comparison is not None else [])])


def _trouble(variant: VariantReport) -> list[str]:
    if variant.build_failure is not None:
        return [f"does not build ({build_trouble(variant)})"]
    if variant.kernel is None and not (variant.same_as or variant.of_patch):
        return ["not built"]
    last = variant.boots[-1:]
    found = [boot_trouble(boot) for boot in last if boot.outcome is not BootOutcome.UP]
    fatal = [problem.request.symbol for problem in variant.config_problems if problem.fatal]
    if fatal:
        found.append(f"required options missing: {', '.join(f'CONFIG_{symbol}' for symbol in fatal)}")
    splats = sum(splat.is_bad for splat in variant.splats)
    return found + _bad_counts(tally(variant.results)) + ([plural(splats, "kernel splat")] if splats else [])


def _bad_counts(counts: Tally) -> list[str]:
    words = ((counts.failed, "failed"), (counts.errors, "died while running"), (counts.missing, "never ran"))
    return [f"{plural(count, 'test')} {what}" for count, what in words if count]


def _achieved(counts: Tally, compared: bool) -> list[str]:
    """What the comparison excuses it tells itself."""
    words = (
        (counts.skipped, f"{counts.skipped} skipped"),
        (0 if compared else counts.known, f"{plural(counts.known, 'known failure')}"),
        (counts.lost, f"{counts.lost} with lost coverage"),
    )
    return [f"{plural(counts.passed, 'test')} passed", *(text for count, text in words if count)]
