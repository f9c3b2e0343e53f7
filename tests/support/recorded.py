# SPDX-License-Identifier: GPL-2.0-only
"""Runs that were stored in ``tests/data/recorded``, what is reported of them, and what they are judged to be.

A folder there is a run (``results.json``), a series that was tested patch by patch (``each.json``, and a run in each
folder beside it) or two runs to be compared (``before`` and ``after``). Beside it is what it is told as:
``terminal.txt``, ``report.json``, ``junit.xml``, ``report.txt`` (the page without its marks) and ``verdict.json``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from harness.bisect.observation import observe as seen_in
from harness.bisect.state import Attempt as BisectAttempt
from harness.bisect.symptom import from_run
from harness.changes import Change, Comparison
from harness.errors import UserError
from harness.faults import Detection, Fault
from harness.faults.fault_verdict import judge_fault as found
from harness.model import BootOutcome, PlannedTest, RunReport, Status, VariantReport
from harness.pipeline.compare_runs import compare_runs
from harness.report import EACH, SeriesStep, Written, encode, load, load_steps, render_each, render_html, render_table
from harness.report.junit import render_junit, render_series_junit
from harness.report.style import Style
from harness.verdict import Rerun, Suspect, compare, exit_code, judge, settle, settle_unseen, suspects, unjudged
from harness.verdict.base_comparison import change_of

DATA = Path(__file__).parent.parent / "data" / "recorded"
_SHOWN = Path("/runs")  # where the runs seem to be: nothing is read there
_ROUNDS = 3
Reworded = Callable[[RunReport], RunReport]


def names() -> list[str]:
    return sorted(path.name for path in DATA.iterdir() if path.is_dir())


def told(name: str) -> dict[str, str]:
    """File name -> text of everything that is made of what is stored as ``name``."""
    place = DATA / name
    if (place / EACH).is_file():
        return _told_of_series(place)
    report = loaded(name)
    shown = _SHOWN / name
    return {
        "terminal.txt": render_table(report, Written(shown, shown / "results.json"), Style(100)),
        "report.json": _json(encode(report)),
        "junit.xml": render_junit(report, shown),
        "report.txt": _text(render_html(report, shown, shown)),
        "verdict.json": _json(verdict(report)),
    }


def _told_of_series(place: Path) -> dict[str, str]:
    steps = [replace(step, directory=_SHOWN / place.name / step.directory.name) for step in load_steps(place)]
    shown = _SHOWN / place.name
    return {
        "terminal.txt": render_each(steps, Written(shown, shown / EACH)),
        "junit.xml": render_series_junit(steps),
        "verdict.json": _json({step.directory.name: _of_step(step) for step in steps}),
    }


def _of_step(step: SeriesStep) -> object:
    return verdict(step.report) if step.report is not None else None


def loaded(name: str, change: Reworded = lambda report: report) -> RunReport:
    """The run ``name``; of two that are compared, the second beside the first. ``change``: what is done to each."""
    place = DATA / name
    if not (place / "before").is_dir():
        return change(load(place))
    before, after = (change(load(place / part)) for part in ("before", "after"))
    return compare_runs(before, after, _SHOWN / name / "before", (), date(2026, 11, 30))


def runs() -> list[str]:
    """Names of all runs, as ``loaded`` takes them: a series has one for each patch."""
    found = []
    for name in names():
        steps = [f"{name}/{path.parent.name}" for path in sorted((DATA / name).glob("*/results.json"))]
        found += [name] if (DATA / name / "before").is_dir() else steps or [name]
    return found


# --- what it is judged to be ------------------------------------------------------------------


def verdict(report: RunReport) -> dict[str, Any]:
    """All that is decided about a run: nothing in it is a text for people."""
    base = {variant.variant.name: variant for variant in report.base_variants}
    return {
        "exit code": int(exit_code(report)),
        "red": [name for name, variant in _variants(report) if variant.is_bad],
        "bad": [f"{name}: {key}" for name, variant in _variants(report) for key in _bad(variant)],
        "stored": {name: _classes(variant.comparison) for name, variant in _variants(report)},
        "anew": {name: _anew(base[name], variant) for name, variant in _variants(report) if name in base},
        "repeated": {name: _repeated(base[name], variant) for name, variant in _variants(report) if name in base},
        "beside each other": {name: _beside(variant) for name, variant in _variants(report)},
        "bisect": _bisected(report),
        "faults": _faults(report),
    }


def _variants(report: RunReport) -> list[tuple[str, VariantReport]]:
    return [(variant.variant.name, variant) for variant in report.variants]


def _bad(variant: VariantReport) -> list[str]:
    results = [f"{one.suite} {one.name}" for one in variant.results if one.is_bad]
    return results + [one.fingerprint or one.title for one in variant.splats if one.is_bad]


def _classes(comparison: Comparison | None) -> dict[str, str]:
    return {f"{one.suite} {one.name}": one.change.value for one in (comparison.differences if comparison else ())}


def _anew(base: VariantReport, patched: VariantReport) -> dict[str, Any]:
    base, patched = unjudged(base), unjudged(patched)
    comparison = compare(base, patched)
    judged = judge(patched, comparison)
    notes = [f"{one.suite} {one.name}" for one in comparison.differences if one.note]
    return {"classes": _classes(comparison), "noted": notes, "bad": _bad(judged), "red": judged.is_bad}


def _repeated(base: VariantReport, patched: VariantReport) -> dict[str, Any]:
    """As if each repeat showed what the run did: with the patch the same, without it what the base had."""
    base, patched = unjudged(base), unjudged(patched)
    chosen, comparison = suspects(patched, compare(base, patched), 10)
    return {
        "suspects": {suspect.name: suspect.cost for suspect in chosen},
        "as in the run": _settled(chosen, _attempt(patched), _attempt(base)),
        "on the base, too": _settled(chosen, _attempt(patched), _attempt(patched)),
        "never again": _settled(chosen, _attempt(base), _attempt(base)),
        "not to be repeated": len(comparison.differences) - sum(len(one.about) for one in chosen),
    }


def _beside(variant: VariantReport) -> dict[str, list[str]]:
    """For each result that is bad: beside which of the others, as those of the base, it would be called new."""
    bad = [one for one in unjudged(variant).results if one.status.is_bad]
    return {f"{one.suite} {one.name}": [base.name for base in bad if change_of(base, one) is Change.NEW] for one in bad}


def _attempt(variant: VariantReport) -> Rerun:
    lost = any(result.status is Status.ERROR for result in variant.results)
    return Rerun(variant.results, variant.splats, variant.boots[-1].outcome if variant.boots else None, lost)


def _settled(chosen: tuple[Suspect, ...], with_patch: Rerun, without: Rerun) -> dict[str, str]:
    settled = [settle(one, [(with_patch, without)] * _ROUNDS) for suspect in chosen for one in suspect.about]
    settled = [settle_unseen(one, with_patch) for one in settled]
    return {f"{one.suite} {one.name}": f"{one.change.value}, {one.repeats}" for one in settled}


def _bisected(report: RunReport) -> dict[str, Any]:
    """For each failure of the run: what a walk that looks for it would say of each variant, as of a commit."""
    every = [
        *report.variants,
        *(
            replace(one, variant=replace(one.variant, name=f"base of {one.variant.name}"))
            for one in report.base_variants
        ),
    ]
    try:
        failures = from_run(report)
    except UserError:
        return {}
    return {
        f"{one.variant}: {one.symptom}": {
            other.variant.name: seen_in(one.symptom, _guest(other)).seen.value for other in every
        }
        for one in failures
    }


def _guest(variant: VariantReport) -> BisectAttempt:
    last = variant.boots[-1] if variant.boots else None
    outcome = last.outcome if last is not None else BootOutcome.UP
    ended, cause, place = (last.ended, last.cause, last.hangs_in) if last is not None else ("", None, "")
    return BisectAttempt(outcome, ended, variant.results, variant.splats, 1.0, cause=cause, hangs_in=place)


def _faults(report: RunReport) -> dict[str, Any]:
    """For each test that is not just green: what a planted bug would be that shows in one of four ways."""
    tests = dict.fromkeys(
        PlannedTest(one.suite, one.name)
        for variant in report.variants
        for one in variant.results
        if one.status is not Status.PASS
    )
    return {
        f"{test.suite} {test.name}": {how.value: found(_fault(test, how), report).outcome.value for how in Detection}
        for test in tests
    }


def _fault(test: PlannedTest, how: Detection) -> Fault:
    return Fault("a-bug", Path("a-bug.patch"), "a bug", ("dma-buf.c",), test.suite, test.name, "on", how, "it says so")


# --- texts ------------------------------------------------------------------------------------


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("style", "script")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "script")

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.lines += [" ".join(line.split()) for line in data.strip().splitlines()]


def _text(page: str) -> str:
    words = _Words()
    words.feed(page)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(words.lines)) + "\n"


def _json(value: object) -> str:
    return json.dumps(value, indent=1) + "\n"
