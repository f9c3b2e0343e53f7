# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts on mutants as lines of a terminal, as Markdown, JSON and a page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.mutants.judged_mutant import Verdict
from harness.mutants.mutant_report import MutantReport
from harness.trials.fates import Fate

_GROUPS = ("operator", "file", "function")


def summary(report: MutantReport) -> str:
    """Counts, survivors as diffs, and what the figures are of; for the terminal."""
    survivors = "\n".join(f"{verdict.mutation.name}\n{report.diff(verdict)}" for verdict in report.survivors)
    return "\n".join(filter(None, [survivors, *_headlines(report)])) + "\n"


def _headlines(report: MutantReport) -> list[str]:
    counts = report.counts
    score = "" if report.score is None else f"; of those that could be noticed {report.score:.0%} were"
    words = ", ".join(f"{count} {fate.value}" for fate, count in counts.items() if count)
    drawn = f"{report.asked} of {report.possible} mutants" + (
        f" (seed {report.seed})" if report.seed is not None else ""
    )
    lines = [f"{drawn}: {words or 'none was tried'}{score}"]
    if report.not_tried:
        lines.append(f"{report.not_tried} were not tried: {report.cut_off}")
    lines.append(_control_line(report))
    return lines


def _control_line(report: MutantReport) -> str:
    control = report.control
    if control.red:
        return "control: NOT CLEAN, these are red without a mutant and were not used: " + "; ".join(control.red)
    return f"control: without a mutant {len(control.seconds)} tests pass, {len(control.skipped)} skip themselves"


def markdown(report: MutantReport) -> str:
    """The whole, for a mail or a page of documentation."""
    parts = ["# Mutants", "", f"{report.base} ({report.version}), {report.variant}, {report.started}.", ""]
    parts += [f"- {text}" for text in _headlines(report)]
    for what in _GROUPS[:2]:
        parts += ["", f"## By {what}", "", *_table(what, report.by(what))]
    if report.survivors:
        parts += ["", "## Survivors"]
    for verdict in report.survivors:
        parts += [
            "",
            f"`{verdict.mutation.name}`, {verdict.tried} tests:",
            "",
            "```diff",
            report.diff(verdict).rstrip(),
            "```",
        ]
    return "\n".join(parts) + "\n"


def _table(what: str, groups: Mapping[str, Mapping[Fate, int]]) -> list[str]:
    head = [f"| {what} | {' | '.join(fate.value for fate in Fate)} |", "|---|" + "--:|" * len(Fate)]
    return head + [f"| {name} | {' | '.join(str(counts[fate]) for fate in Fate)} |" for name, counts in groups.items()]


def as_json(report: MutantReport) -> dict[str, object]:
    """All of it. Times in seconds; ``edits`` as [first byte, byte after the last, text]."""
    return {
        "version": 1,
        "base": report.base,
        "kernel": report.version,
        "variant": report.variant,
        "machine": dict(report.machine),
        "patches": list(report.patches),
        "files": list(report.files),
        "possible": report.possible,
        "asked": report.asked,
        "seed": report.seed,
        "started": report.started,
        "seconds": round(report.seconds, 1),
        "median_seconds": round(report.median_seconds, 2),
        "times": {name: round(seconds, 1) for name, seconds in report.times.items()},
        "boots": report.boots,
        "cut_off": report.cut_off,
        "counts": {fate.value: count for fate, count in report.counts.items()},
        "control": {
            "passed": dict(report.control.seconds),
            "red": list(report.control.red),
            "skipped": list(report.control.skipped),
        },
        "mutants": [_entry(report, verdict) for verdict in report.verdicts],
    }


def _entry(report: MutantReport, verdict: Verdict) -> dict[str, object]:
    mutation = verdict.mutation
    return {
        "number": verdict.number,
        "file": mutation.path,
        "line": mutation.line,
        "function": mutation.function,
        "operator": mutation.operator,
        "edits": [[edit.start, edit.end, edit.text.decode("utf-8", "replace")] for edit in mutation.edits],
        "fate": verdict.fate.value,
        "test": verdict.test,
        "how": verdict.how.value if verdict.how is not None else "",
        "detail": verdict.detail,
        "reaching": verdict.reaching,
        "tried": verdict.tried,
        "seconds": round(verdict.seconds, 2),
        "diff": report.diff(verdict),
    }


def page(report: MutantReport) -> str:
    """One HTML page that needs nothing else."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - only who writes a page pays for it

    made = Environment(
        loader=PackageLoader("harness.mutants"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    css = Path(__file__).parents[1].joinpath("report", "templates", "report.css").read_text()
    found = made.get_template("mutants.html.j2")
    return found.render(report=report, headlines=_headlines(report), groups=_GROUPS, fates=list(Fate), css=css)
