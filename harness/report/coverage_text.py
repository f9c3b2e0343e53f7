# SPDX-License-Identifier: GPL-2.0-only
"""Changed-line coverage in words: for the terminal, a mail and CI systems. It never makes anything red."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from harness.changed_coverage import ChangedCoverage, ChangedFileCoverage, LineCoverage, VariantCoverage
from harness.model import RunReport
from harness.report.diff_walk import DiffKind, WalkedLine, walked
from harness.report.text import one_line, plural

_ERROR = re.compile(r"-E[A-Z0-9]{3,}\b|ERR_PTR|PTR_ERR|goto\s+\w*(err|fail|out|unlock|unpin)")
_MAX_RUNS = 12  # places that are named; the page has all


def coverage_lines(coverage: ChangedCoverage) -> list[str]:
    """The whole in lines: a sentence for each variant and for all together, then what cannot run, and what is lost."""
    lines = [sentence(variant, len(coverage.variants)) for variant in coverage.variants]
    if coverage.whole is not None:
        lines += [*_hidden(coverage.whole), *_deleted(coverage.whole)]
        lines += [f"not known what it reaches: {one_line(test)}" for test in coverage.whole.lost]
    return [*lines, *coverage.notes]


def sentence(variant: VariantCoverage, of: int = 1) -> str:
    """ "the patch changes 15 lines that can run, 12 ran: not dma-buf.c:812-814 (error path of dma_buf_pin)"."""
    name = "" if of == 1 else f"{variant.variant or 'all variants'}: "
    if variant.why_not:
        return f"{name}which changed lines run is not known: {variant.why_not}"
    if not variant.lines:
        return f"{name}the patch changes no line that can run here"
    said = f"{name}the patch changes {plural(variant.lines, 'line')} that can run, {_ran(variant)}"
    if variant.ways:
        said += f"; of {plural(variant.ways, 'way')} out of conditions {variant.taken} were taken"
    return said


def _ran(variant: VariantCoverage) -> str:
    if variant.ran == variant.lines:
        return "all ran"
    places = [place for file in variant.files for place in missed_places(file)]
    more = f" and {len(places) - _MAX_RUNS} more places" if len(places) > _MAX_RUNS else ""
    return f"{variant.ran} ran: not {', '.join(places[:_MAX_RUNS])}{more}"


def missed_places(file: ChangedFileCoverage) -> list[str]:
    """ "dma-buf.c:812-814 (error path of dma_buf_pin)" for each run of changed lines that did not run."""
    name = PurePosixPath(file.path).name
    return [f"{name}:{_span(run[0].line, run[-1].line)}{_where(run)}" for run in _runs(file.lines)]


def _runs(lines: Sequence[LineCoverage]) -> Iterator[list[LineCoverage]]:
    """Neighbours among the lines that can run, of one function, none of which ran."""
    run: list[LineCoverage] = []
    for line in lines:
        if run and (line.ran or line.function != run[-1].function):
            yield run
            run = []
        if not line.ran:
            run.append(line)
    if run:
        yield run


def _where(run: Sequence[LineCoverage]) -> str:
    function = run[0].function
    kind = "error path of " if any(_ERROR.search(line.text) for line in run) else ""
    return f" ({kind}{function})" if function else ""


def _span(first: int, last: int) -> str:
    return f"{first}-{last}" if last > first else str(first)


def _hidden(variant: VariantCoverage) -> Iterator[str]:
    for file in variant.files:
        if file.why_not:
            yield f"{file.path}: no line of it can run here: {file.why_not}"
        for part in file.hidden:
            yield f"{file.path}:{_span(part.first, part.last)} is left out by each config: {part.why}"


def _deleted(variant: VariantCoverage) -> Iterator[str]:
    for file in variant.files:
        for part in file.deleted:
            if part.tests.count:
                span = _span(part.first, part.last)
                yield f"{file.path}:{span} of the base, which the patch takes away, was reached by {part.tests}"


# --- formats ------------------------------------------------------------------------------------


def coverage_figures(coverage: ChangedCoverage) -> dict[str, str]:
    """Name -> number, for formats that have properties; of all variants together."""
    whole = coverage.whole
    if whole is None or whole.why_not:
        return {}
    return {
        "changed lines that can run": str(whole.lines),
        "changed lines that ran": str(whole.ran),
        "ways out of changed conditions": str(whole.ways),
        "ways out of changed conditions that were taken": str(whole.taken),
    }


def reached_by(coverage: ChangedCoverage) -> list[str]:
    """A line for each changed line that can run: where it is, and who reaches it."""
    files = coverage.whole.files if coverage.whole is not None else ()
    return [f"{file.path}:{line.line}: {_by(line)}" for file in files for line in file.lines]


def _by(line: LineCoverage) -> str:
    ways = f" ({len(line.taken)} of {line.ways} ways out)" if line.ways else ""
    return f"{line.tests if line.ran else 'never'}{ways}"


def render_markdown(report: RunReport, _run_dir: Path, _stored: Path) -> str:
    """For a mail, or a comment on a merge request."""
    coverage = report.coverage
    if coverage is None:
        return "Which of the changed lines run was not measured (run --coverage).\n"
    head = ["", "| line | ways out | reached by |", "|---|---|---|"]
    return "\n".join([*_bullets(coverage_lines(coverage)), *head, *_rows(coverage), ""])


def _bullets(lines: Iterable[str]) -> list[str]:
    return [f"- {markdown_cell(line)}" for line in lines]


def _rows(coverage: ChangedCoverage) -> Iterator[str]:
    for file in coverage.whole.files if coverage.whole is not None else ():
        for line in file.lines:
            ways = f"{len(line.taken)}/{line.ways}" if line.ways else ""
            tests = markdown_cell(str(line.tests)) if line.ran else "**never**"
            yield f"| {markdown_cell(file.path)}:{line.line} | {ways} | {tests} |"


def markdown_cell(text: str) -> str:
    """No text of a patch or a test may end a cell, or be taken for Markdown or HTML."""
    return re.sub(r"([\\`*\[\]<>|])", r"\\\1", one_line(text))  # "_" inside a word, as in names of C, is none


# --- the diff ----------------------------------------------------------------------------------------


def annotated(coverage: ChangedCoverage) -> list[tuple[str, str, str]]:
    """(mark, line of the diff, who reaches it) for each line: ``reach_of`` each."""
    known = lines_that_can_run(coverage)
    return [_annotated(line, known.get((line.path, line.number))) for line in walked(coverage.diff)]


def lines_that_can_run(coverage: ChangedCoverage | None) -> dict[tuple[str, int], LineCoverage]:
    """By path and number in the changed file."""
    files = coverage.whole.files if coverage is not None and coverage.whole is not None else ()
    return {(file.path, line.line): line for file in files for line in file.lines}


def reach_of(line: WalkedLine, covered: LineCoverage | None) -> tuple[str, str]:
    """(mark, who reaches it).

    Marks: "ran", "partly" (not all ways out), "never", "gone" (deleted), "head" (no line of a file), or empty.
    """
    if line.kind is not DiffKind.ADDED or covered is None:
        return (line.kind.value if line.kind in (DiffKind.GONE, DiffKind.HEAD) else "", "")
    mark = "never" if not covered.ran else "partly" if len(covered.taken) < covered.ways else "ran"
    return (mark, _by(covered))


def _annotated(line: WalkedLine, covered: LineCoverage | None) -> tuple[str, str, str]:
    mark, by = reach_of(line, covered)
    return (mark, line.text, by)
