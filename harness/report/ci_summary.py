# SPDX-License-Identifier: GPL-2.0-only
"""A run as Markdown, for the page that a CI system shows of a job (GitHub's step summary) or a merge request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

from harness.model import RunReport, TestResult, VariantReport
from harness.report.case_summary import bad_cases, counted, run_again, status_words, summary, title_of
from harness.report.cases import by_suite, cases, groups, tally
from harness.report.coverage_text import coverage_lines, markdown_cell
from harness.report.headline import headline
from harness.report.series_report import patch_lines
from harness.report.text import cut_middle, duration, one_line, visible

MAX_TOLD = 30
"""Failures with their output: GitHub takes a mebibyte for all steps of a job."""

MAX_OUTPUT = 4_000
"""Characters of each."""


def render_summary(report: RunReport, _run_dir: Path, _stored: Path) -> str:
    lines = [f"## {markdown_cell(headline(report))}", "", *_facts(report), "", *_suites(report), *_failures(report)]
    if report.coverage is not None:
        lines += [
            "### Changed lines",
            "",
            *(f"- {markdown_cell(line)}" for line in coverage_lines(report.coverage)),
            "",
        ]
    notes = [*report.notes, *(note for _, variant in groups(report) for note in variant.notes)]
    lines += ["### Notes", "", *(f"- {markdown_cell(note)}" for note in notes), ""] if notes else []
    return "\n".join(lines)


def _facts(report: RunReport) -> Iterator[str]:
    yield f"- base: {markdown_cell(report.base)} ({markdown_cell(report.base_version or 'not fetched')})"
    yield from (f"- patch: {markdown_cell(line)}" for line in patch_lines(report) or ["none"])
    machine = ", ".join(f"{label} {text}" for label, text in report.machine.items())
    yield f"- machine: {markdown_cell(machine or 'none')}, took {duration(report.seconds)}"
    for title, variant in groups(report):
        if variant.comparison is not None:
            yield f"- against the base, {markdown_cell(title)}: {markdown_cell(summary(variant.comparison))}"


def _suites(report: RunReport) -> list[str]:
    own = groups(report)
    tests = [by_suite(cases(variant)) for _, variant in own]
    names = dict.fromkeys(name for found in tests for name in found)
    head = [_row(["suite", *(title for title, _ in own)]), "|" + "---|" * (len(own) + 1)]
    return [*head, *(_row([name, *(tally(found.get(name, ())).in_words() for found in tests)]) for name in names), ""]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(map(markdown_cell, cells))} |"


def _failures(report: RunReport) -> list[str]:
    bad = bad_cases(report)
    lines = [f"### {counted(bad.every)}", ""] if bad.every else []
    for variant, case, again in bad.one_by_one[:MAX_TOLD]:
        lines += _failure(report, variant, case, again)
    more = len(bad.one_by_one) - MAX_TOLD
    left = [*([f"{more} more failures are in the other reports."] if more > 0 else []), *bad.never]
    return lines + [line for text in left for line in (markdown_cell(text), "")]


def _failure(report: RunReport, variant: VariantReport, case: TestResult, again: int) -> Iterator[str]:
    name = f"{variant.variant.name}: {title_of(case)}"
    words = status_words(variant, case, again)
    yield f"<details><summary><b>{escape(one_line(name))}</b>: {escape(words)}</summary>"  # no Markdown in there
    yield ""
    yield markdown_cell(case.message)
    if (compared := variant.difference(case)) is not None:
        yield ""
        yield markdown_cell(compared.beside)
    text = "\n\n".join(filter(None, [case.source, case.output]))
    yield from _block(cut_middle(text, MAX_OUTPUT, case.log)) if text else ()
    yield from _block(run_again(report, variant, case))
    yield "</details>"
    yield ""


def _block(text: str) -> list[str]:
    """Text as it is. A fence is longer than any in it, so that nothing in it ends it."""
    shown = visible(text).strip("\n")
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", shown) or [""]))
    return ["", fence, shown, fence, ""]
