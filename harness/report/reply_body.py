# SPDX-License-Identifier: GPL-2.0-only
"""What an answer to a patch's mail says: what was tested on what, what came out, what is new, how to have it again."""

from __future__ import annotations

from collections.abc import Sequence

from harness import __version__
from harness.changes import Change
from harness.machine_failures import machine_trouble
from harness.model import RunReport, TestResult, VariantReport
from harness.report.case_summary import again, case_of
from harness.report.cases import by_suite, groups, kernel_cases, tally
from harness.report.coverage_text import sentence
from harness.report.headline import headline, not_whole
from harness.report.plain_mail import command_lines, facts, paragraph, paragraph_after, table
from harness.report.reply_evidence import failures, for_others
from harness.report.series_report import SeriesStep, came_with
from harness.report.text import one_line

MAX_NAMES = 5
_WHO = "dmabuf-harness"
_EXCUSED = {
    Change.PRE_EXISTING: "Bad without it as well, and not counted",
    Change.FLAKY: "Bad only now and then, and not counted",
    Change.FIXED: "Bad only without it",
}


def reply_body(report: RunReport, tested_by: str = "") -> list[str]:
    """The lines of an answer about one run. ``tested_by``: "Name <user@host>" for a tag; empty: none."""
    return _joined(
        paragraph(_opening(report, report.is_bad)),
        paragraph(headline(report)),
        facts(_facts(report)),
        _results(report),
        failures(report),
        _excused(report),
        _end(report, tested_by),
    )


def series_body(steps: Sequence[SeriesStep], tested_by: str = "") -> list[str]:
    """The same about a series that was tested patch by patch; one of ``steps`` at least was tested."""
    last = [step.report for step in steps if step.report is not None][-1]
    bad = any(step.is_bad for step in steps)
    return _joined(
        paragraph(_opening(last, bad) + " This was done after each of its patches."),
        facts(_facts(last)),
        _patch_by_patch(steps),
        _results(last),
        _failures_of_each(steps),
        _excused(last),
        _end(last, tested_by),
    )


def _joined(*sections: Sequence[str]) -> list[str]:
    """``sections`` with an empty line between them, and none at the ends of each."""
    texts = ["\n".join(section).strip("\n") for section in sections]
    return "\n\n".join(text for text in texts if text).split("\n")


def _opening(report: RunReport, bad: bool) -> str:
    what = "this patch" if len(report.patches) == 1 else f"these {len(report.patches)} patches"
    did = f"{_WHO} builds kernels with {what}, boots them in QEMU and runs its dma-buf tests in them"
    if report.static is not None and not report.variants:
        did = f"{_WHO} looks at {what} without running a kernel"
    if report.interrupted or machine_trouble(report):
        return f"{did}. This run did not come to its end."
    if bad:
        return f"{did}. Not all is well."
    compared = any(variant.comparison is not None for variant in report.variants)
    fine = "Nothing is worse than without" if compared else "Nothing is wrong; the base was not tested without it"
    return f"{did}. {fine}." + (" Not all tests were run." if not_whole(report) else "")


# --- what was tested --------------------------------------------------------------------------


def _facts(report: RunReport) -> list[tuple[str, str]]:
    rows = [("base", f"{report.base} ({report.base_version or 'not fetched'})")]
    rows += [("commit", report.base_commit)] if report.base_commit else []
    rows += [("below it", fixup) for fixup in report.fixups]
    rows += [("in base", f"{subject} (already there)") for subject in report.already_in_base]
    rows += [("config", f"{title} ({variant.variant.title})") for title, variant in _kernels(report)]
    rows += [("compiler", text) for text in dict.fromkeys(v.kernel.compiler for _, v in _kernels(report) if v.kernel)]
    rows += [("machine", machine)] if (machine := _machine(report)) else []
    rows += [("lines", sentence(report.coverage.whole))] if report.coverage and report.coverage.whole else []
    return [*rows, ("with", f"dmabuf-harness {__version__}")]


def _kernels(report: RunReport) -> list[tuple[str, VariantReport]]:
    return [(title, variant) for title, variant in groups(report) if not variant.of_patch]


def _machine(report: RunReport) -> str:
    """ "x86_64, QEMU 7.2.22, tcg": why so is nobody's business on a list."""
    qemu = report.machine.get("QEMU", "")
    accelerator = report.machine.get("accelerator", "").partition(" ")[0]
    return ", ".join(filter(None, [report.architecture, qemu and f"QEMU {qemu}", accelerator]))


# --- what came out ----------------------------------------------------------------------------


def _results(report: RunReport) -> list[str]:
    """Variants beside each other where they fit; what needs no kernel below them."""
    kernels = _kernels(report)
    own = [dict(_outcomes(variant)) for _, variant in kernels]
    names = list(dict.fromkeys(name for outcomes in own for name in outcomes))
    rows = [["", *(title for title, _ in kernels)]]
    rows += [[one_line(name), *(outcomes.get(name, "-") for outcomes in own)] for name in names]
    lines = (table(rows) or _below_each_other(rows)) if kernels else []
    patch = [text for _, variant in groups(report) if variant.of_patch for _, text in _outcomes(variant)]
    return [*lines, *(paragraph(f"The patch itself, on the host: {', '.join(patch)}.") if patch else [])]


def _below_each_other(rows: Sequence[Sequence[str]]) -> list[str]:
    head, *suites = rows
    width = max(len(row[0]) for row in rows) + 2
    lines = []
    for at, title in enumerate(head[1:], 1):
        lines += paragraph(f"{title}:", 2)
        lines += [line for row in suites for line in paragraph_after(f"    {row[0]:{width}}", row[at])]
    return lines


def _outcomes(variant: VariantReport) -> list[tuple[str, str]]:
    """(suite, "288 passed, 2 skipped"); a kernel that does not build or boot first."""
    steps = [case for case in kernel_cases(variant) if case.name in ("build", "boot") and case.status.is_bad]
    suites = by_suite(variant.results).items()
    counts = [(suite, tally(found).in_words(known="excused") or "none") for suite, found in suites]
    return [*((case.name, case.status.value) for case in steps), *counts]


def _patch_by_patch(steps: Sequence[SeriesStep]) -> list[str]:
    lines = []
    for step, fresh in zip(steps, came_with(steps), strict=True):
        verdict = "not tested" if step.report is None else step.verdict
        why = f", {len(fresh)} bad with this patch" if fresh else ""
        lines += paragraph_after(f"  {step.number}/{len(steps)}  ", f"{step.subject}: {verdict}{why}")
    return lines


def _failures_of_each(steps: Sequence[SeriesStep]) -> list[str]:
    """Each failure below the patch that it came with."""
    lines: list[str] = []
    for step, fresh in zip(steps, came_with(steps), strict=True):
        if step.report is not None and fresh:
            lines += [*paragraph(f"With patch {step.number}/{len(steps)}, {step.subject}:"), ""]
            lines += failures(step.report, fresh)
    return lines


def _excused(report: RunReport) -> list[str]:
    lines = []
    for change, words in _EXCUSED.items():
        found = [one for _, v in groups(report) if v.comparison is not None for one in v.comparison.those(change)]
        names = list(dict.fromkeys(map(case_of, found)))
        more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
        lines += paragraph(f"{words}: {', '.join(names[:MAX_NAMES])}{more}.") if names else []
    return lines


def _end(report: RunReport, tested_by: str) -> list[str]:
    lines = [*paragraph("All of it again:"), "", *command_lines(again(for_others(report)), 2)]
    return [*lines, *(["", f"Tested-by: {tested_by}"] if tested_by else [])]


def why_not_green(report: RunReport) -> str:
    """Why ``report`` is no ground to say that a patch was tested and is fine; empty if it is one."""
    cases: list[TestResult] = [case for variant in report.variants for case in variant.results]
    if report.is_bad:
        return f"the run is not green: {headline(report)}"
    if not cases:
        return "no kernel was tested"
    return "it was a quick run, which is not the whole verdict" if report.not_chosen else ""
