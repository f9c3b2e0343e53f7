# SPDX-License-Identifier: GPL-2.0-only
"""What a terminal shows at the end of a run, on one screen: the verdict, what is bad, and where to read on.

All there is to say about a run is in ``harness.report.table``, and in the page.
"""

from __future__ import annotations

import io
import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from harness.model import RunReport, TestResult, VariantReport
from harness.report.case_summary import again, bad_cases, counted, reproduce, status_words, title_of
from harness.report.cases import Tally, by_suite, groups, kernel_cases, not_tested, tally
from harness.report.coverage_text import sentence
from harness.report.headline import headline
from harness.report.rich_console import as_block, cut, table_lines
from harness.report.store import Written
from harness.report.style import Style, wrapped
from harness.report.text import duration, one_line, plural

LINES = 23
"""Of a usual terminal; the last is for the prompt of the shell."""

MAX_FAILURES = 4
"""Failures shown with message and command, if there is room."""

_LABEL = 9  # columns


def render_last_screen(report: RunReport, written: Written, style: Style) -> str:
    """The text, which a green run needs no more than ``LINES`` lines for if the terminal has 80 columns."""
    screen = _LastScreen(report, written, style)
    tries = [screen.lines(short, detailed) for short in (False, True) for detailed in range(MAX_FAILURES, 1, -1)]
    fitting = (lines for lines in tries if _rows(lines, style.width) <= LINES)
    return _drawn(next(fitting, tries[-1]), style)


def _rows(lines: Sequence[Text], width: int) -> int:
    """How many lines of the terminal they take: commands and paths are not cut, or nobody could copy them."""
    return sum(max(1, -(-line.cell_len // width)) for line in lines)


def _drawn(lines: Sequence[Text], style: Style) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=10_000,
        force_terminal=style.color,
        color_system="standard" if style.color else None,
        legacy_windows=False,
    )
    console.print(as_block(lines))
    return "".join(f"{line.rstrip(' ')}\n" for line in stream.getvalue().splitlines())


class _LastScreen:
    def __init__(self, report: RunReport, written: Written, style: Style) -> None:
        self._report = report
        self._written = written
        self._width = style.width - 1
        self._style = style
        self._groups = groups(report)

    def lines(self, short: bool, detailed: int) -> list[Text]:
        """``short``: suites are counted together. ``detailed``: so many failures are shown with message and command."""
        parts = [self._facts(), self._suites(short), self._bad(detailed), self._pointers()]
        return [*self._verdict(), *(line for part in parts if part for line in [Text(), *part])]

    def _verdict(self) -> list[Text]:
        color = "bold red" if self._report.is_bad else "bold green"
        return [Text(line, color) for line in wrapped(headline(self._report), self._style, 0) or [""]]

    # --- what was tested ------------------------------------------------------------------------

    def _facts(self) -> list[Text]:
        report = self._report
        first, *others = report.patches or ("none",)
        more = f", and {len(others)} more" if others else ""
        accelerator = report.machine.get("accelerator", "").partition(" ")[0]
        under = f", under {accelerator}" if accelerator else ""
        base = f"{report.base} ({report.base_version or 'not fetched'}){under}, took {duration(report.seconds)}"
        facts = [("patch", f"{first}{more}"), ("base", base)]
        facts += [("lines", sentence(report.coverage.whole))] if report.coverage and report.coverage.whole else []
        return [self._fact(label, text) for label, text in facts]

    def _fact(self, label: str, text: str) -> Text:
        return _labelled(label, cut([(text, "")], self._width - _LABEL))

    def _suites(self, short: bool) -> list[Text]:
        """Suites of the variants beside each other; where they have no room, a line for each variant."""
        whole = [(title, tally(variant.results)) for title, variant in self._groups if variant.results]
        if short:
            return [self._counted(*one) for one in whole]
        cells = {title: _cells(variant) for title, variant in self._groups}
        return table_lines(cells, self._width) or [self._counted(*one) for one in whole]

    def _counted(self, title: str, counts: Tally) -> Text:
        line = Text.assemble((one_line(title), "bold"), ": ", _cell(counts))
        line.truncate(self._width)
        return line

    # --- what is wrong --------------------------------------------------------------------------

    def _bad(self, detailed: int) -> list[Text]:
        bad = bad_cases(self._report)
        lines = [line for told in bad.one_by_one[:detailed] for line in self._failure(*told)]
        others = [f"{variant.variant.name}: {title_of(case)}" for variant, case, _ in bad.one_by_one[detailed:]]
        lines += [self._indented(2, f"{len(others)} more: {', '.join(others)}")] if others else []
        lines += [self._indented(2, text) for text in bad.never]
        return [Text(counted(bad.every), "bold red"), *lines] if bad.every else []

    def _failure(self, variant: VariantReport, case: TestResult, more: int) -> list[Text]:
        name = f"{variant.variant.name}: {title_of(case)}: "
        lines = [self._indented(2, f"{name}{status_words(variant, case, more)}", "red")]
        lines += [self._indented(6, case.message)] if case.message else []
        return [*lines, Text(f"      again: {reproduce(self._report, variant, case)}")]

    def _indented(self, indent: int, text: str, style: str = "") -> Text:
        return Text(" " * indent).append_text(cut([(text, style)], self._width - indent))

    # --- where to read on -----------------------------------------------------------------------

    def _pointers(self) -> list[Text]:
        page = near(self._written.html or self._written.results)
        whole = f"dmabuf-harness report {shlex.quote(near(self._written.directory))}"
        told = [("besides", self._besides()), ("whole", whole), ("report", page)]
        told += [("again", again(self._report.command))]
        return [_labelled(label, Text(one_line(text))) for label, text in told if text]

    def _besides(self) -> str:
        """How much there is to be read that makes nothing red."""
        less = sum(bool(not_tested(case)) for _, v in self._groups for case in (*kernel_cases(v), *v.results))
        notes = len(self._report.notes) + sum(len(variant.notes) for _, variant in self._groups)
        told = [f"{plural(less, 'test')} skipped or less tested than planned"] if less else []
        return ", ".join([*told, *([plural(notes, "note")] if notes else [])])


def _labelled(label: str, text: Text) -> Text:
    return Text(label.ljust(_LABEL), "dim").append_text(text)


def _cells(variant: VariantReport) -> dict[str, Text]:
    return {suite: _cell(tally(found)) for suite, found in by_suite(variant.results).items()}


def _cell(counts: Tally) -> Text:
    """ "280 passed, 3 failed, 5 skipped"."""
    words = (
        (counts.failed + counts.errors, "failed", "red"),
        (counts.missing, "never ran", "red"),
        (counts.known, "known", "yellow"),
        (counts.skipped, "skipped", "yellow"),
    )
    others = [Text(f"{count} {word}", color) for count, word, color in words if count]
    passed = [Text(f"{counts.passed} passed", "green")] if counts.passed or not others else []
    return Text(", ").join([*passed, *others])


def near(path: Path) -> str:
    """``path`` as it is called from where the user is, if it is below that."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
