# SPDX-License-Identifier: GPL-2.0-only
"""Pages that need nothing else: ``report.html``, the whole run, and source files with a mark on each line.

What a page says is here, how in ``templates/``. Whatever a template prints is made visible and put on one line
(``one_line``), and then escaped: no text of a kernel, a test or a patch can be forgotten.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from harness.changes import KERNEL, Comparison, Difference
from harness.model import BootReport, RunReport, Status, TestResult, VariantReport
from harness.report.annotated_diff import annotated_patches
from harness.report.case_summary import WORDS, besides, case_of, counted, kind_of, reproduce, summary, tested
from harness.report.cases import by_suite, cases, groups, measurements, not_tested, suite_seconds, tally
from harness.report.coverage_text import coverage_lines
from harness.report.failure_view import FailureView, view_failure
from harness.report.headline import headline
from harness.report.log_excerpts import LogExcerpts
from harness.report.series_report import patch_lines, touched
from harness.report.text import duration, one_line, plural, relative, visible
from harness.report.timeline import ROW, timeline

if TYPE_CHECKING:
    from jinja2 import Environment

_NO_WAY_OUT = "base-uri 'none'; form-action 'none'"

_WORST_FIRST = ("fail", "error", "missing", "skip", "pass")

MAX_OPEN = 3
"""Failures that are unfolded from the start."""


def render_html(report: RunReport, run_dir: Path, stored: Path | None = None) -> str:
    """The page; logs inside ``run_dir`` are links. ``stored``: the directory it is for, default ``run_dir``."""
    page = _Page(report, run_dir, stored or run_dir)
    return templates().get_template("report.html.j2").render(page=page, report=report)


@functools.cache
def templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - only who writes a page pays for it

    made = Environment(
        loader=PackageLoader("harness.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: one_line(value) if type(value) is str else value,  # Markup is done already
    )
    made.filters.update(duration=duration, plural=plural, block=_block, tested=tested)
    made.globals.update(_our_own())
    return made


def _our_own() -> dict[str, str]:
    """Style and script as they stand in the page, and the policy that lets a browser take these and nothing else."""
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2

    place = Path(__file__).parent / "templates"
    style, script = ((place / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    policy = f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; {_NO_WAY_OUT}"
    return {"style": Markup(style), "script": Markup(script), "policy": policy}


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _block(text: str) -> object:
    """``text`` with its lines as they are, for a ``pre``."""
    from markupsafe import escape  # noqa: PLC0415 - comes with jinja2

    return escape(visible(text))


# --- what a template takes --------------------------------------------------------------------


@dataclass(frozen=True)
class _File:
    """``link``: relative to the page, empty for a file elsewhere, which is only named."""

    name: str
    link: str = ""


@dataclass(frozen=True)
class _Counts:
    """A suite in a variant. ``outcomes``: (number, word, CSS class). ``seconds``: 0 if not to be shown."""

    outcomes: list[tuple[int, str, str]]
    seconds: float


class _Page:
    """What ``report.html.j2`` asks for. ``groups``: (title, variant) of each column."""

    def __init__(self, report: RunReport, run_dir: Path, stored: Path) -> None:
        self._report = report
        self._run_dir = run_dir
        self._way = Path(os.path.relpath(run_dir, stored))
        self.groups = groups(report)
        self.headline = headline(report)
        self.max_open = MAX_OPEN
        self.command = shlex.join(report.command)
        self.coverage_lines = coverage_lines(report.coverage) if report.coverage is not None else []
        self.patches = annotated_patches(report)
        self.timeline = timeline(report)
        self.row = ROW
        self._excerpts = LogExcerpts(run_dir)
        self._suites = [by_suite(cases(variant)) for _, variant in self.groups]

    def file(self, path: str | Path, label: str = "") -> _File:
        """A file of the run, to be linked to."""
        inside = relative(path, self._run_dir)
        if Path(inside).is_absolute() or ".." in Path(inside).parts:
            return _File(str(path))
        return _File(label or inside, quote(str(self._way / inside), errors="surrogateescape"))

    def marks(self, variant: VariantReport, case: TestResult) -> list[str]:
        """How it ended, and what became of it on the way from the base."""
        word = "known" if case.excuse else case.status.value
        return [mark for mark in (word, kind_of(variant, case)) if mark]

    def marks_of(self, found: list[list[TestResult]]) -> list[tuple[str, str]]:
        """How a test ended in each variant, and its class there or ""."""
        pairs = zip(self.groups, found, strict=True)
        marks = [self.marks(variant, one) for (_, variant), results in pairs for one in results]
        return [(mark[0], "".join(mark[1:])) for mark in marks]

    @property
    def statuses(self) -> list[str]:
        """Those that there are, the worst first."""
        there = {self.marks(variant, case)[0] for variant, case in self._all()}
        return [word for word in (*_WORST_FIRST, "known") if word in there]

    @property
    def classes(self) -> list[str]:
        there = {kind_of(variant, case) for variant, case in self._all()}
        return [change.value for change in WORDS if change.value in there]

    # --- top ----------------------------------------------------------------------------------

    @property
    def facts(self) -> list[tuple[str, str]]:
        """(label, text)."""
        report = self._report
        facts = [("Base", f"{report.base} ({report.base_version or 'not fetched'})")]
        facts += [("Fixup", fixup) for fixup in report.fixups]
        facts += [("Patch", line) for line in patch_lines(report)] or [("Patch", "none")]
        facts += [(label.capitalize() if label != "Kconfig" else label, text) for label, text in touched(report.series)]
        facts += [("Already in base", subject) for subject in report.already_in_base]
        return facts + [(label[:1].upper() + label[1:], text) for label, text in report.machine.items()]

    # --- suites and tests ---------------------------------------------------------------------

    @property
    def suites(self) -> list[str]:
        return list(dict.fromkeys(name for found in self._suites for name in found))

    def counts(self, suite: str) -> list[_Counts]:
        """For each variant."""
        pairs = zip(self.groups, self._suites, strict=True)
        return [_counts(variant, suite, own.get(suite, ())) for (_, variant), own in pairs]

    def tests(self, suite: str) -> list[tuple[str, list[list[TestResult]]]]:
        """(name, its results in each variant)."""
        found: list[dict[str, list[TestResult]]] = []
        for own in self._suites:
            found.append({})
            for result in own.get(suite, ()):
                found[-1].setdefault(result.name, []).append(result)
        names = dict.fromkeys(name for results in found for name in results)
        return [(name, [results.get(name, []) for results in found]) for name in names]

    @property
    def measured(self) -> list[tuple[str, tuple[str, ...]]]:
        """(variant, measurements)."""
        return [(title, found) for title, variant in self.groups if (found := measurements(variant))]

    # --- trouble ------------------------------------------------------------------------------

    def _all(self) -> list[tuple[VariantReport, TestResult]]:
        return [(variant, case) for _, variant in self.groups for case in cases(variant)]

    @property
    def trouble(self) -> str:
        """ "2 failures, 300 tests never ran"; empty if nothing is bad."""
        return counted(case for _, case in self._all() if case.is_bad)

    @property
    def failures(self) -> list[FailureView]:
        bad = [(variant, case) for variant, case in self._all() if case.is_bad]
        return [self._case(*pair) for pair in bad if pair[1].status is not Status.MISSING]

    @property
    def missing(self) -> list[tuple[str, list[TestResult]]]:
        """(variant, tests that never ran): they have nothing to tell but their names."""
        found = [(title, [case for case in cases(own) if _never_ran(case)]) for title, own in self.groups]
        return [(title, tests) for title, tests in found if tests]

    @property
    def known(self) -> list[FailureView]:
        return [self._case(variant, case) for variant, case in self._all() if case.excuse]

    def _case(self, variant: VariantReport, case: TestResult) -> FailureView:
        again = reproduce(self._report, variant, case)
        return view_failure(variant, case, self.marks(variant, case), again, self._excerpts)

    @property
    def compared(self) -> list[tuple[str, Comparison, str]]:
        """(variant, its comparison with the base, how much there is of each class)."""
        found = [(title, variant.comparison) for title, variant in self.groups]
        return [(title, comparison, summary(comparison)) for title, comparison in found if comparison is not None]

    @property
    def besides(self) -> list[tuple[str, str, Difference]]:
        """(variant, name, what became of it): what became better, or less tested."""
        return [(title, case_of(one), one) for title, found, _ in self.compared for one in besides(found)]

    @property
    def not_tested(self) -> list[tuple[str, TestResult, tuple[str, ...]]]:
        """(variant, case, why)."""
        return [(variant.variant.name, case, why) for variant, case in self._all() if (why := not_tested(case))]

    @property
    def notes(self) -> Iterator[str]:
        yield from self._report.notes
        yield from (f"{variant.variant.name}: {note}" for _, variant in self.groups for note in variant.notes)

    # --- machine ------------------------------------------------------------------------------

    @property
    def boots(self) -> list[tuple[str, BootReport]]:
        """(variant, boot), with those of the base."""
        base = [(f"base, {variant.variant.name}", variant) for variant in self._report.base_variants]
        return [(title, boot) for title, variant in [*self.groups, *base] for boot in variant.boots]

    @property
    def phases(self) -> list[str]:
        return list(dict.fromkeys(phase for _, variant in self.groups for phase in variant.times))


def _counts(variant: VariantReport, suite: str, results: tuple[TestResult, ...]) -> _Counts:
    counts = tally(results)
    words = (
        (counts.passed, "passed", "pass"),
        (counts.failed, "failed", "fail"),
        (counts.errors, "died", "error"),
        (counts.missing, "never ran", "missing"),
        (counts.known, "known", "known"),
        (counts.skipped, "skipped", "skip"),
    )
    seconds = 0.0 if suite == KERNEL else suite_seconds(variant, suite)
    return _Counts([one for one in words if one[0]], seconds)


def _never_ran(case: TestResult) -> bool:
    return case.is_bad and case.status is Status.MISSING


# --- source files -----------------------------------------------------------------------------


@dataclass(frozen=True)
class SourceLine:
    """``mark``: "ran", "partly" (not all ways out of it), "never", or empty for what cannot run. ``note``: by whom."""

    number: int
    text: str
    mark: str = ""
    note: str = ""


@dataclass(frozen=True)
class SourceFile:
    """``counts``: what the head of the page says of it, in the order of ``SourcePage.columns``."""

    path: str
    counts: tuple[str, ...]
    lines: tuple[SourceLine, ...]


@dataclass(frozen=True)
class SourcePage:
    """``facts``: (label, text) for the top."""

    title: str
    facts: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    files: tuple[SourceFile, ...]


def render_source(page: SourcePage) -> str:
    """The page, as HTML."""
    return templates().get_template("source.html.j2").render(page=page)
