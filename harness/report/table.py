# SPDX-License-Identifier: GPL-2.0-only
"""The end of a run on the terminal: what was tested, what is wrong, where to look, how to repeat it."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable

from harness.model import RunReport, Status, TestResult, VariantReport
from harness.report.facts import KERNEL, by_suite, groups, kernel_cases, suite_seconds, tally
from harness.report.headline import headline
from harness.report.reproduce import reproduce
from harness.report.style import Style, style_of
from harness.report.text import columns, duration, one_line, plural, relative, shorten
from harness.report.writing import Written

MAX_DETAILED = 5
"""Failures shown with log and command; the others by name only."""

MAX_NAMED = 10
_COLUMNS = ("passed", "failed", "skipped", "missing", "known", "time")


def render_table(report: RunReport, written: Written, style: Style | None = None) -> str:
    """The final text, ending in the verdict. ``style``: default is what standard output can show."""
    page = _Page(report, written, style or style_of(sys.stdout))
    return "\n".join(page.lines()) + "\n"


class _Page:
    def __init__(self, report: RunReport, written: Written, style: Style) -> None:
        self._report = report
        self._written = written
        self._style = style
        self._groups = groups(report)

    def lines(self) -> list[str]:
        sections = [self._head(), *(self._suites(title, variant) for title, variant in self._groups)]
        sections += [self._bad(), self._excused(), self._lost(), self._notes(), self._verdict()]
        return [line for section in sections if section for line in ["", *section]]

    # --- what was tested ----------------------------------------------------------------------

    def _head(self) -> list[str]:
        report = self._report
        facts = [("base", f"{report.base} ({report.base_version or 'not fetched'})")]
        facts += [("patch", subject) for subject in report.patches] or [("patch", "none")]
        facts += [("in base", f"{subject} (already there: nothing to test)") for subject in report.already_in_base]
        facts += list(report.machine.items())
        width = max(len(one_line(label)) for label, _ in facts)
        return [line for label, text in facts for line in self._fact(one_line(label).ljust(width), one_line(text))]

    def _fact(self, label: str, text: str) -> list[str]:
        first, *rest = self._wrap(text, len(label) + 2) or [""]
        return [f"{self._style.paint(label, 'dim')}  {first.strip()}", *rest]

    def _suites(self, title: str, variant: VariantReport) -> list[str]:
        suites = by_suite(variant.results)
        name_width = min(max([columns(one_line(suite)) for suite in suites] + [12]), max(12, self._style.width - 58))
        heading = f"{'':{name_width + 2}}" + "".join(f"{column:>9}" for column in _COLUMNS[:-1]) + f"{_COLUMNS[-1]:>13}"
        rows = [self._row(variant, suite, results, name_width) for suite, results in suites.items()]
        return [
            *self._title(title, variant),
            *([self._style.paint(heading, "dim")] if rows else []),
            *rows,
        ]

    def _title(self, title: str, variant: VariantReport) -> list[str]:
        """Name, kernel, and how it was come by: built or reused, booted or not."""
        about = [one_line(variant.kernel.release)] if variant.kernel is not None else []
        about += [f"{case.name}: {_outcome(case)}" for case in kernel_cases(variant)[:2]]
        return [self._style.paint(one_line(title), "bold"), *self._wrap(", ".join(about), 2)]

    def _row(self, variant: VariantReport, suite: str, results: Iterable[TestResult], width: int) -> str:
        counts = tally(results)
        cells = (
            (counts.passed, "green"),
            (counts.failed + counts.errors, "red"),
            (counts.skipped, "yellow"),
            (counts.missing, "red"),
            (counts.known, "yellow"),
        )
        numbers = "".join(self._cell(number, color) for number, color in cells)
        name = shorten(one_line(suite), width)
        return f"  {name}{' ' * (width - columns(name))}{numbers}{duration(suite_seconds(variant, suite)):>13}"

    def _cell(self, number: int, color: str) -> str:
        text = f"{number or '-':>9}"
        return self._style.paint(text, color) if number else text

    # --- what is wrong ------------------------------------------------------------------------

    def _all(self) -> Iterable[tuple[VariantReport, TestResult]]:
        return ((variant, case) for _, variant in self._groups for case in (*kernel_cases(variant), *variant.results))

    def _bad(self) -> list[str]:
        bad = [(variant, case) for variant, case in self._all() if case.is_bad]
        detailed = [(variant, case) for variant, case in bad if case.status is not Status.MISSING]
        detailed = (detailed or bad)[:MAX_DETAILED]
        rest = [pair for pair in bad if pair not in detailed]
        lines = [line for variant, case in detailed for line in self._failure(variant, case)]
        lines += [f"  {self._name(variant, case)}: {_outcome(case)}" for variant, case in rest[:MAX_NAMED]]
        if len(rest) > MAX_NAMED:
            lines.append(one_line(f"  {len(rest) - MAX_NAMED} more in {self._written.results}"))
        return [self._style.paint(f"{plural(len(bad), 'failure')}", "bold", "red"), *lines] if bad else []

    def _failure(self, variant: VariantReport, case: TestResult) -> list[str]:
        log = self._log(case)
        return [
            f"  {self._style.paint(self._name(variant, case), 'red')}: {_outcome(case)}",
            *self._wrap(one_line(case.message), 6),
            *([f"      log:   {log}"] if log else []),
            f"      again: {reproduce(self._report, variant.variant.name, case)}",
        ]

    def _name(self, variant: VariantReport, case: TestResult) -> str:
        return one_line(f"{variant.variant.name} {case.suite} {case.name}")

    def _log(self, case: TestResult) -> str:
        """A path that can be opened from where the user is."""
        inside = relative(case.log, self._written.directory)
        return one_line(str(self._written.directory / inside)) if case.log else ""

    # --- what else is worth knowing -------------------------------------------------------------

    def _section(self, title: str, lines: Iterable[str]) -> list[str]:
        body = [line for text in lines for line in self._wrap(text, 2, hanging=4)]
        return [self._style.paint(title, "bold", "yellow"), *body] if body else []

    def _excused(self) -> list[str]:
        known = [(variant, case) for variant, case in self._all() if case.known]
        return self._section("Known", (f"{self._name(v, case)}: {one_line(case.known)}" for v, case in known))

    def _lost(self) -> list[str]:
        """Skips without an expectation, skips hidden in passes, symbols that did not come out as asked."""
        lines = []
        for variant, case in self._all():
            name = self._name(variant, case)
            lines += [f"{name}: {one_line(line)}" for line in case.lost_coverage]
            if case.status is Status.SKIP and not (case.known or case.lost_coverage or _is_step(case)):
                lines.append(f"{name}: {one_line(case.message) or 'skipped'}")
        return self._section("Not tested, and warnings", lines)

    def _notes(self) -> list[str]:
        notes = [f"{variant.variant.name}: {note}" for _, variant in self._groups for note in variant.notes]
        return self._section("Notes", map(one_line, [*self._report.notes, *notes]))

    def _verdict(self) -> list[str]:
        color = "red" if self._report.is_bad else "green"
        text = textwrap.wrap(headline(self._report), self._style.width) or [""]
        took = duration(self._report.seconds)
        files = (("junit", self._written.junit), ("html", self._written.html), ("results", self._written.results))
        paths = [f"{label:8} {one_line(str(path))}" for label, path in files]
        return [*(self._style.paint(line, "bold", color) for line in text), "", f"{'took':8} {took}", *paths]

    def _wrap(self, text: str, indent: int, hanging: int = 0) -> list[str]:
        width = max(self._style.width, indent + 20)
        first, rest = " " * indent, " " * (hanging or indent)
        return textwrap.wrap(
            text,
            width,
            initial_indent=first,
            subsequent_indent=rest,
            break_on_hyphens=False,
            break_long_words=False,  # a path or a name that is split cannot be copied
        )


def _is_step(case: TestResult) -> bool:
    return case.suite == KERNEL and case.name in ("build", "boot")


def _outcome(case: TestResult) -> str:
    if _is_step(case):
        time = f" in {duration(case.seconds)}" if case.seconds and case.status is Status.PASS else ""
        return one_line(f"{case.message}{time}")
    return case.status.value
