# SPDX-License-Identifier: GPL-2.0-only
"""The end of a run on the terminal: what was tested, what is wrong, where to look, how to repeat it."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from harness.changes import KERNEL, Comparison
from harness.model import RunReport, Status, TestResult, VariantReport
from harness.report.case_summary import (
    bad_cases,
    besides,
    case_of,
    counted,
    reproduce,
    status_words,
    summary,
    title_of,
)
from harness.report.cases import (
    by_suite,
    groups,
    is_step,
    kernel_cases,
    measurements,
    not_tested,
    suite_seconds,
    tally,
)
from harness.report.coverage_text import coverage_lines
from harness.report.headline import headline
from harness.report.series_report import patch_lines, touched
from harness.report.store import Written
from harness.report.style import Style, fact_lines, style_of, wrapped
from harness.report.text import columns, duration, one_line, plural, relative, shorten

MAX_DETAILED = 5
"""Failures shown with log and command; the others by name only."""

MAX_NAMED = 10
"""Failures of which only the name is shown."""

MAX_TOLD = 15
"""Entries of each of the other lists."""

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
        sections += [self._measured(), self._bad(), self._excused(), self._compared(), self._lost(), self._notes()]
        sections += [self._changed_lines(), self._verdict()]
        return [line for section in sections if section for line in ["", *section]]

    def _changed_lines(self) -> list[str]:
        coverage = self._report.coverage
        if coverage is None:
            return []
        lines = [line for text in coverage_lines(coverage) for line in wrapped(one_line(text), self._style, 2, 4)]
        return [self._style.paint("changed lines", "bold"), *lines]

    # --- what was tested ----------------------------------------------------------------------

    def _head(self) -> list[str]:
        report = self._report
        facts = [("base", f"{report.base} ({report.base_version or 'not fetched'})")]
        facts += [("fixup", fixup) for fixup in report.fixups]
        facts += [("patch", line) for line in patch_lines(report)] or [("patch", "none")]
        facts += touched(report.series)
        facts += [("in base", f"{subject} (already there: nothing to test)") for subject in report.already_in_base]
        return fact_lines([*facts, *report.machine.items()], self._style)

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
        about = [variant.kernel.release] if variant.kernel is not None else []
        about += [variant.variant.title] if variant.of_patch else []
        about += [_step(case) for case in kernel_cases(variant) if is_step(case)]
        about += [f"{plural(len(variant.not_chosen), 'test')} not chosen"] if variant.not_chosen else []
        twins = ["same config: tested once"] if title != variant.variant.name else []
        return [self._style.paint(one_line(title), "bold"), *self._wrap(one_line(", ".join([*about, *twins])), 2)]

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

    def _measured(self) -> list[str]:
        return self._section("Measured", ((v, measurement) for _, v in self._groups for measurement in measurements(v)))

    # --- what is wrong ------------------------------------------------------------------------

    def _all(self) -> Iterable[tuple[VariantReport, TestResult]]:
        return ((variant, case) for _, variant in self._groups for case in (*kernel_cases(variant), *variant.results))

    def _bad(self) -> list[str]:
        bad = bad_cases(self._report)
        named = bad.one_by_one[MAX_DETAILED:]
        lines = [line for told in bad.one_by_one[:MAX_DETAILED] for line in self._failure(*told)]
        lines += [
            f"  {self._name(variant, case)}: {status_words(variant, case, n)}" for variant, case, n in named[:MAX_NAMED]
        ]
        lines += self._more(len(named) - MAX_NAMED)
        lines += [line for text in bad.never for line in self._wrap(one_line(text), 2, hanging=4)]
        return [self._style.paint(counted(bad.every), "bold", "red"), *lines] if bad.every else []

    def _more(self, count: int) -> list[str]:
        where = self._written.html or self._written.results
        return [f"  {count} more in {one_line(str(where))}"] if count > 0 else []

    def _failure(self, variant: VariantReport, case: TestResult, again: int) -> list[str]:
        log, told = self._log(case), variant.difference(case)
        return [
            f"  {self._style.paint(self._name(variant, case), 'red')}: {status_words(variant, case, again)}",
            *self._wrap(one_line(case.message), 6),
            *(self._wrap(one_line(self._told(told.beside, told.logs)), 6, hanging=8) if told is not None else []),
            *([f"      log:   {log}"] if log else []),
            f"      again: {reproduce(self._report, variant, case)}",
        ]

    def _name(self, variant: VariantReport, case: TestResult) -> str:
        return one_line(f"{variant.variant.name}: {title_of(case)}")

    def _log(self, case: TestResult) -> str:
        """A path that can be opened from where the user is."""
        inside = relative(case.log, self._written.directory)
        return one_line(str(self._written.directory / inside)) if case.log else ""

    # --- what else is worth knowing -------------------------------------------------------------

    def _section(self, title: str, told: Iterable[tuple[VariantReport, str]]) -> list[str]:
        """What was told of several variants alike is said once."""
        where: dict[str, list[str]] = {}
        for variant, text in told:
            where.setdefault(one_line(text), []).append(one_line(variant.variant.name))
        lines = [f"{', '.join(dict.fromkeys(names))}: {text}" for text, names in where.items()]
        body = [line for text in lines[:MAX_TOLD] for line in self._wrap(text, 2, hanging=4)]
        body += self._more(len(lines) - MAX_TOLD)
        return [self._style.paint(title, "bold", "yellow"), *body] if body else []

    def _excused(self) -> list[str]:
        return self._section(
            "Known", ((v, f"{title_of(case)}: {case.excuse}") for v, case in self._all() if case.excuse)
        )

    def _compared(self) -> list[str]:
        """What became better or less tested, and how much there is of each class."""
        compared = [(v, v.comparison) for _, v in self._groups if v.comparison is not None]
        told = [(v, f"{summary(found)} ({found.against or 'not tested'})") for v, found in compared]
        told += [(v, text) for v, found in compared for text in self._beside(found)]
        # On lines of their own, and whole: they are to be copied.
        commands = dict.fromkeys(found.again for _, found in compared)
        again = [f"    base again: {one_line(command)}" for command in commands if command]
        return [*self._section("Against the base", told), *again]

    def _beside(self, found: Comparison) -> list[str]:
        """What became of many tests in the same way is said once; splats and symbols are told one by one."""
        alike: dict[tuple[str, str, str], list[str]] = {}
        for one in besides(found):
            own = case_of(one) if one.suite == KERNEL else ""
            key = one.change.value, self._told(one.summary, one.logs), own
            alike.setdefault(key, []).append(case_of(one))
        return [f"{change}: {_lack(names, told)}" for (change, told, _), names in alike.items()]

    def _told(self, text: str, logs: str) -> str:
        return f"{text} (repeats: {self._written.directory / logs})" if logs else text

    def _lost(self) -> list[str]:
        """Skips without an expectation, skips hidden in passes, symbols that did not come out as asked.

        What many tests of a variant lack is said once.
        """
        lacking: dict[tuple[str, str], tuple[VariantReport, list[str]]] = {}
        for variant, case in self._all():
            for why in not_tested(case):
                lacking.setdefault((variant.variant.name, why), (variant, []))[1].append(title_of(case))
        told = ((variant, _lack(names, why)) for (_, why), (variant, names) in lacking.items())
        return self._section("Not tested, and warnings", told)

    def _notes(self) -> list[str]:
        own = self._section("Notes", ((variant, note) for _, variant in self._groups for note in variant.notes))
        general = [line for note in self._report.notes for line in self._wrap(one_line(note), 2, hanging=4)]
        title = [self._style.paint("Notes", "bold", "yellow")] if general or own else []
        return [*title, *general, *own[1:]]

    def _verdict(self) -> list[str]:
        color = "red" if self._report.is_bad else "green"
        text = wrapped(headline(self._report), self._style, 0) or [""]
        took = duration(self._report.seconds)
        return [
            *(self._style.paint(line, "bold", color) for line in text),
            "",
            f"{'took':8} {took}",
            *self._written.lines,
        ]

    def _wrap(self, text: str, indent: int, hanging: int = 0) -> list[str]:
        return wrapped(text, self._style, indent, hanging)


def _lack(names: list[str], why: str) -> str:
    """ "checks a: no such device", "39 tests, checks a and others: no such device"."""
    return f"{names[0]}: {why}" if len(names) == 1 else f"{len(names)} tests, {names[0]} and others: {why}"


def _step(case: TestResult) -> str:
    """ "built in 3 min 23 s", "does not build", "up under tcg in 9.1 s", "not booted"."""
    if case.name == "build" and case.status is Status.FAIL:
        return "does not build"
    return (
        f"{case.message} in {duration(case.seconds)}" if case.status is Status.PASS and case.seconds else case.message
    )
