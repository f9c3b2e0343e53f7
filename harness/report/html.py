# SPDX-License-Identifier: GPL-2.0-only
"""``report.html``: the whole run on one page that needs nothing else, every foreign text escaped."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from html import escape
from pathlib import Path
from urllib.parse import quote

from harness.changes import KERNEL
from harness.model import BootReport, RunReport, Status, TestResult, VariantReport
from harness.report.compared import besides, case_of, kind_of, summary, told_of
from harness.report.css import CSS
from harness.report.facts import by_suite, cases, figures, groups, not_tested, suite_seconds, tally
from harness.report.headline import headline
from harness.report.never_ran import counted
from harness.report.reproduce import reproduce
from harness.report.series import patch_lines, touched
from harness.report.text import cut_middle, duration, one_line, plural, relative, visible

MAX_OUTPUT = 65_536
"""Characters of output per test, so that the page opens at once."""

MAX_OPEN = 3
"""Failures that are unfolded from the start."""


def render_html(report: RunReport, run_dir: Path, stored: Path | None = None) -> str:
    """The page; logs inside ``run_dir`` are links. ``stored``: the directory it is for, default ``run_dir``."""
    page = _Page(report, run_dir, stored or run_dir)
    return (
        "<!DOCTYPE html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><title>{_text(headline(report))}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{CSS}</style></head><body>\n{page.body()}\n</body></html>\n"
    )


def _text(text: str) -> str:
    return escape(one_line(text))


def _badge(variant: VariantReport, case: TestResult) -> str:
    """How it ended, and what became of it on the way from the base."""
    word = "known" if case.excuse else case.status.value
    return _mark(word) + _mark(kind_of(variant, case))


def _mark(word: str) -> str:
    return f'<span class="badge {word.replace(" ", "-")}">{word}</span>' if word else ""


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are HTML already; the first of each row is its heading."""
    heading = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join(
        "<tr>"
        + "".join(f"<td>{cell}</td>" if index else f"<th>{cell}</th>" for index, cell in enumerate(row))
        + "</tr>\n"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{heading}</tr></thead><tbody>{body}</tbody></table></div>'


class _Page:
    def __init__(self, report: RunReport, run_dir: Path, stored: Path) -> None:
        self._report = report
        self._run_dir = run_dir
        self._way = Path(os.path.relpath(run_dir, stored))
        self._groups = groups(report)
        self._titles = [_text(title) for title, _ in self._groups]

    def body(self) -> str:
        sections = [self._header(), self._facts(), self._matrix(), self._measured(), self._bad(), self._compared()]
        sections += [self._known(), self._lost(), self._notes(), self._suites(), self._boots(), self._times()]
        return "\n".join(section for section in sections if section)

    # --- top ----------------------------------------------------------------------------------

    def _header(self) -> str:
        report = self._report
        about = f"run {report.run_id}, started {report.started}, took {duration(report.seconds)}"
        kind = "bad" if report.is_bad else "good"
        return (
            f'<header class="{kind}"><h1>dmabuf-harness</h1><p><strong>{_text(headline(report))}</strong></p>'
            f'<p class="soft">{_text(about)}</p></header>'
        )

    def _facts(self) -> str:
        report = self._report
        facts = [("Base", f"{report.base} ({report.base_version or 'not fetched'})")]
        facts += [("Fixup", fixup) for fixup in report.fixups]
        facts += [("Patch", line) for line in patch_lines(report)] or [("Patch", "none")]
        facts += [(label.capitalize() if label != "Kconfig" else label, text) for label, text in touched(report.series)]
        facts += [("Already in base", subject) for subject in report.already_in_base]
        facts += [(label[:1].upper() + label[1:], text) for label, text in report.machine.items()]
        items = "".join(f"<dt>{_text(label)}</dt><dd>{_text(text)}</dd>" for label, text in facts)
        command = f"<dt>Command</dt><dd><code>{_text(shlex.join(report.command))}</code></dd>"
        return f"<dl>{items}{command}{''.join(map(self._kernel_fact, self._groups))}</dl>"

    def _kernel_fact(self, group: tuple[str, VariantReport]) -> str:
        title, variant = group
        kernel = variant.kernel
        about = "" if variant.of_patch else "no kernel"
        about = f"{kernel.release}, {kernel.compiler}, key {kernel.key}" if kernel is not None else about
        files = (
            f" {self._file(kernel.config, 'config')}, {self._file(kernel.log, 'build log')}"
            if kernel is not None
            else ""
        )
        return f"<dt>{_text(title)}</dt><dd>{_text(variant.variant.title)}<br>{_text(about)}{files}</dd>"

    def _file(self, path: str | Path, label: str = "") -> str:
        """A link to a file of the run; a file elsewhere is only named."""
        inside = relative(path, self._run_dir)
        shown = _text(label or inside)
        if Path(inside).is_absolute() or ".." in Path(inside).parts:
            return f"<code>{_text(str(path))}</code>"
        return f'<a href="{escape(quote(str(self._way / inside), errors="surrogateescape"))}">{shown}</a>'

    # --- suites and tests ---------------------------------------------------------------------

    def _found(self) -> list[dict[str, tuple[TestResult, ...]]]:
        return [by_suite(cases(variant)) for _, variant in self._groups]

    def _suite_names(self) -> list[str]:
        return list(dict.fromkeys(name for found in self._found() for name in found))

    def _matrix(self) -> str:
        found = self._found()
        rows = (
            [
                _text(suite),
                *(
                    self._counts(variant, suite, own.get(suite, ()))
                    for (_, variant), own in zip(self._groups, found, strict=True)
                ),
            ]
            for suite in self._suite_names()
        )
        return f"<h2>Results</h2>{_table(['Suite', *self._titles], rows)}"

    def _measured(self) -> str:
        told = [(title, figures(variant)) for title, (_, variant) in zip(self._titles, self._groups, strict=True)]
        rows = [[title, "<br>".join(map(_text, found))] for title, found in told if found]
        return f"<h2>Measured</h2>{_table(['Variant', 'Figures'], rows)}" if rows else ""

    def _counts(self, variant: VariantReport, suite: str, results: Iterable[TestResult]) -> str:
        counts = tally(results)
        words = (
            (counts.passed, "passed", "pass"),
            (counts.failed, "failed", "fail"),
            (counts.errors, "died", "error"),
            (counts.missing, "never ran", "missing"),
            (counts.known, "known", "known"),
            (counts.skipped, "skipped", "skip"),
        )
        told = " ".join(f'<span class="{kind}">{number} {word}</span>' for number, word, kind in words if number)
        seconds = 0.0 if suite == KERNEL else suite_seconds(variant, suite)
        took = f'<span class="soft">{duration(seconds)}</span>' if seconds else ""
        return f'<div class="nums">{told} {took}</div>'

    def _suites(self) -> str:
        found = self._found()
        parts = [
            f'<details><summary><span class="what">{_text(suite)}</span></summary>'
            f"{self._tests([own.get(suite, ()) for own in found])}</details>"
            for suite in self._suite_names()
        ]
        return f"<h2>All tests</h2>{''.join(parts)}" if parts else ""

    def _tests(self, found: list[tuple[TestResult, ...]]) -> str:
        names = dict.fromkeys(result.name for results in found for result in results)
        rows = (
            [
                _text(name),
                *(
                    "<br>".join(self._one(variant, r) for r in results if r.name == name) or "-"
                    for (_, variant), results in zip(self._groups, found, strict=True)
                ),
            ]
            for name in names
        )
        return _table(["Test", *self._titles], rows)

    def _one(self, variant: VariantReport, result: TestResult) -> str:
        time = f" {result.seconds:.2f} s" if result.seconds else ""
        message = f"<br>{_text(result.message)}" if result.message else ""
        return f'{_badge(variant, result)} <span class="soft">{time}{message}</span>'

    # --- trouble ------------------------------------------------------------------------------

    def _all(self) -> list[tuple[VariantReport, TestResult]]:
        return [(variant, case) for _, variant in self._groups for case in cases(variant)]

    def _bad(self) -> str:
        bad = [(variant, case) for variant, case in self._all() if case.is_bad]
        ran = [(variant, case) for variant, case in bad if case.status is not Status.MISSING]
        parts = [self._case(variant, case, index < MAX_OPEN) for index, (variant, case) in enumerate(ran)]
        parts += [self._missing(title, variant) for title, variant in self._groups]
        return f"<h2>{counted(case for _, case in bad)}</h2>{''.join(parts)}" if bad else ""

    def _missing(self, title: str, variant: VariantReport) -> str:
        """Tests that never ran have nothing to tell but their names."""
        missing = [case for case in cases(variant) if case.is_bad and case.status is Status.MISSING]
        items = "".join(f"<li>{_text(case.suite)}: {_text(case.name)}</li>" for case in missing)
        return (
            f'<details><summary><span class="badge missing">missing</span> <span class="what">'
            f'{plural(len(missing), "test")} never ran</span> <span class="soft">{_text(title)}</span></summary>'
            f"<ul>{items}</ul></details>"
            if missing
            else ""
        )

    def _case(self, variant: VariantReport, case: TestResult, unfolded: bool) -> str:
        log = self._file(case.log) if case.log else ""
        output = visible(cut_middle(case.output, MAX_OUTPUT, case.log)).strip("\n")
        again = reproduce(self._report, variant, case)
        return (
            f"<details{' open' if unfolded else ''}><summary>{_badge(variant, case)} "
            f'<span class="what">{_text(case.name)}</span> <span class="soft">{_text(variant.variant.name)}, '
            f"{_text(case.suite)}</span><p>{_text(case.message)}</p></summary>"
            + (f"<pre>{escape(output)}</pre>" if output else "")
            + (f"<p>{self._told(told.beside, told.logs)}</p>" if (told := told_of(variant, case)) else "")
            + (f"<p>Known: {_text(case.known)}</p>" if case.known else "")
            + (f"<p>Log: {log}</p>" if log else "")
            + f"<p>Again: <code>{escape(again)}</code></p></details>"
        )

    def _compared(self) -> str:
        """How much there is of each class, and what became better or less tested."""
        compared = [(title, v.comparison) for title, v in self._groups if v.comparison is not None]
        counts = [[title, summary(found), found.against or "not tested"] for title, found in compared]
        rows = [
            [_text(case_of(one)), _text(title), _mark(one.change.value), self._told(one.told, one.logs)]
            for title, found in compared
            for one in besides(found)
        ]
        overview = _table(["Variant", "Outcome", "The base was"], (map(_text, row) for row in counts))
        details = _table(["Test", "Variant", "What", "How"], rows) if rows else ""
        return f"<h2>Against the base</h2>{overview}{details}" if compared else ""

    def _told(self, text: str, logs: str) -> str:
        return f"{_text(text)} {self._file(logs, 'repeats')}" if logs else _text(text)

    def _known(self) -> str:
        known = [self._case(variant, case, False) for variant, case in self._all() if case.excuse]
        return f"<h2>Known</h2>{''.join(known)}" if known else ""

    def _lost(self) -> str:
        rows = [
            [_text(case.name), _text(variant.variant.name), _text(case.suite), "<br>".join(map(_text, told))]
            for variant, case in self._all()
            if (told := not_tested(case))
        ]
        table = _table(["Test", "Variant", "Suite", "Why"], rows)
        return f"<h2>Not tested, and warnings</h2>{table}" if rows else ""

    def _notes(self) -> str:
        notes = [*self._report.notes]
        notes += [f"{variant.variant.name}: {note}" for _, variant in self._groups for note in variant.notes]
        items = "".join(f"<li>{_text(note)}</li>" for note in notes)
        return f"<h2>Notes</h2><ul>{items}</ul>" if notes else ""

    # --- machine ------------------------------------------------------------------------------

    def _boots(self) -> str:
        base = [(f"base, {variant.variant.name}", variant) for variant in self._report.base_variants]
        rows = [self._boot(title, boot) for title, variant in [*self._groups, *base] for boot in variant.boots]
        head = ["Variant", "Outcome", "Up after", "Accelerator", "QEMU", "Console", "Ended"]
        return f"<h2>Boots</h2>{_table(head, rows)}" if rows else ""

    def _boot(self, title: str, boot: BootReport) -> list[str]:
        cells = [_text(title), _text(boot.outcome.value), duration(boot.seconds), _text(boot.accel), _text(boot.qemu)]
        return [*cells, self._file(boot.console), _text(boot.ended)]

    def _times(self) -> str:
        phases = dict.fromkeys(phase for _, variant in self._groups for phase in variant.times)
        rows = (
            [_text(phase), *(duration(v.times[phase]) if phase in v.times else "-" for _, v in self._groups)]
            for phase in phases
        )
        return f"<h2>Times</h2>{_table(['Phase', *self._titles], rows)}" if phases else ""
