# SPDX-License-Identifier: GPL-2.0-only
"""A series of patches in reports: its facts (authors, files, prerequisites), and its results patch by patch.

The results are ``each.json``, with the runs themselves beside it, and a list on the terminal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from harness.errors import UserError
from harness.model import RunReport
from harness.paths import write_atomic
from harness.report.cases import cases, groups, run_case
from harness.report.headline import NOT_WHOLE, headline
from harness.report.store import EACH, VERSION, Written, checked, document, encode, load, verdict_word
from harness.report.text import duration, one_line, plural
from harness.series import PatchFacts, SeriesFacts

# --- facts ------------------------------------------------------------------------------------


MAX_NAMES = 8
"""Names shown of each kind; the others are counted."""


def patch_lines(report: RunReport) -> list[str]:
    """One line for each patch: its subject, and whose it is. Reports of older runs only have subjects."""
    if len(report.series.patches) != len(report.patches):
        return list(report.patches)
    return [_patch(patch) for patch in report.series.patches]


def series_facts(series: SeriesFacts) -> list[tuple[str, str]]:
    """(label, text) of a series by itself."""
    return [*(("patch", _patch(patch)) for patch in series.patches), *touched(series)]


def touched(series: SeriesFacts) -> list[tuple[str, str]]:
    """(label, text) of what is to be said about the whole series."""
    told = [("known", f"this is {patch.known}") for patch in series.patches if patch.known]
    told += [("tags", _some(tags))] if (tags := _reviews(series)) else []
    told += [("touches", _some(series.files))] if series.files else []
    told += [("Kconfig", _some(symbols))] if (symbols := list(_symbols(series))) else []
    told += [("exports", _some(exports))] if (exports := list(_exports(series))) else []
    told += [("functions", _some(series.functions))] if series.functions else []
    told += [("made on", series.base_commit)] if series.base_commit else []
    needs = len(series.prerequisites)
    told += [("needs", f"{plural(needs, 'prerequisite')}, as its author says")] if needs else []
    return told + [("note", note) for note in series.notes]


def _patch(patch: PatchFacts) -> str:
    by = f" (by {patch.author}{', ' if patch.date else ''}{patch.date[:10]})" if patch.author else ""
    return patch.subject + by


def _reviews(series: SeriesFacts) -> list[str]:
    """The tags of others: that its author signed it off goes without saying."""
    tags = [tag for patch in series.patches for tag in patch.tags if not tag.startswith("Signed-off-by: ")]
    return list(dict.fromkeys(tags))


def _symbols(series: SeriesFacts) -> Iterator[str]:
    yield from (f"CONFIG_{name} (added)" for name in series.symbols_added)
    yield from (f"CONFIG_{name} (removed)" for name in series.symbols_removed)
    yield from (f"CONFIG_{name} (changed)" for name in series.symbols_changed)


def _exports(series: SeriesFacts) -> Iterator[str]:
    yield from (f"{name} (added)" for name in series.exports_added)
    yield from (f"{name} (removed)" for name in series.exports_removed)


def _some(names: Sequence[str]) -> str:
    more = f", and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more


# --- results patch by patch -------------------------------------------------------------------


Case = tuple[str, ...]
"""(variant, suite, name)."""

_UNTESTED = "untested"


@dataclass(frozen=True)
class SeriesStep:
    """The series up to patch ``number`` (1-based). ``directory``, ``report``: of its run; None if it was not tested."""

    number: int
    subject: str
    directory: Path
    report: RunReport | None = None

    @property
    def is_bad(self) -> bool:
        return self.report is None or self.report.is_bad

    @property
    def bad(self) -> frozenset[Case]:
        """All that makes it red."""
        if self.report is None:
            return frozenset()
        found = {
            (v.variant.name, one.suite, one.name) for _, v in groups(self.report) for one in cases(v) if one.is_bad
        }
        whole = run_case(self.report)
        return frozenset(found | ({("", whole.suite, whole.name)} if whole.is_bad else set()))

    @property
    def verdict(self) -> str:
        if self.report is None:
            return _UNTESTED
        return verdict_word(self.report)

    @property
    def headline(self) -> str:
        return headline(self.report) if self.report is not None else "not tested: the run was cut off"


def came_with(steps: Sequence[SeriesStep]) -> list[frozenset[Case]]:
    """For each step, what is bad in it and was not in any step before: the work of that very patch."""
    seen: frozenset[Case] = frozenset()
    fresh = []
    for step in steps:
        fresh.append(step.bad - seen)
        seen |= step.bad
    return fresh


@dataclass(frozen=True)
class _Patch:
    """``bad``, ``new``: as of ``SeriesStep.bad`` and ``came_with``. ``run``: name of the directory of its run."""

    number: int
    subject: str
    verdict: str  # as ``verdict_word``, or "untested"
    headline: str
    bad: tuple[Case, ...]
    new: tuple[Case, ...]
    run: str


@dataclass(frozen=True)
class _Series:
    """All of ``each.json``. ``whole``: no run was a quick one that left tests out."""

    version: int
    verdict: str  # "pass" or "fail"
    patches: tuple[_Patch, ...]
    whole: bool = True


def save_steps(steps: Sequence[SeriesStep], directory: Path) -> Path:
    """Write ``each.json`` into ``directory``, in which those of the steps are. Returns its path."""
    patches = tuple(
        _Patch(
            step.number,
            step.subject,
            step.verdict,
            step.headline,
            tuple(sorted(step.bad)),
            tuple(sorted(fresh)),
            str(step.directory.relative_to(directory)),
        )
        for step, fresh in zip(steps, came_with(steps), strict=True)
    )
    verdict = "fail" if any(step.is_bad for step in steps) else "pass"
    series = _Series(VERSION, verdict, patches, whole=not _quick(steps))
    path = directory / EACH
    write_atomic(path, json.dumps(encode(series), indent=1) + "\n")
    return path


def load_steps(directory: Path) -> list[SeriesStep]:
    """What ``save_steps`` stored there, with the results of each run as they are now. Raises ``UserError``."""
    path = directory / EACH
    series = checked(_Series, document(path), path)
    for patch in series.patches:
        if PurePath(patch.run).name != patch.run:
            raise UserError(f"{patch.run} is no directory beside it", where=str(path), hint="use it as it was written")
    if not series.patches:
        raise UserError("it has no patches", where=str(path), hint="use it as it was written")
    return [_step(patch, directory / patch.run) for patch in series.patches]


def _step(patch: _Patch, directory: Path) -> SeriesStep:
    return SeriesStep(patch.number, patch.subject, directory, load(directory) if patch.verdict != _UNTESTED else None)


# --- on the terminal --------------------------------------------------------------------------


def render_each(steps: Sequence[SeriesStep], written: Written) -> str:
    """The series as a list, and its verdict in one line, for the terminal."""
    lines = ["Patch by patch"]
    for step, fresh in zip(steps, came_with(steps), strict=True):
        lines.append(f"  {step.number}/{len(steps)} {one_line(step.subject)}")
        lines.append(f"      {step.headline}")
        whole = step.report is not None and not step.report.interrupted
        lines += [f"      {blamed(step, fresh)}"] if step.bad and whole else []
        lines += [f"      report: dmabuf-harness report {step.directory}"] if step.report is not None else []
    seconds = sum(step.report.seconds for step in steps if step.report is not None)
    took = f"{'took':8} {duration(seconds)}"
    return "\n".join([*lines, "", series_headline(steps), "", took, *written.lines, ""])


def series_headline(steps: Sequence[SeriesStep]) -> str:
    """The verdict on the whole series, in one line."""
    bad = [str(step.number) for step in steps if step.report is not None and step.is_bad]
    untested = [str(step.number) for step in steps if step.report is None]
    quick = _quick(steps)
    so_far = f" SO FAR (quick: tests not chosen after patch {', '.join(quick)}, {NOT_WHOLE})" if quick else ""
    if not bad and not untested:
        return f"PASS{so_far}: the kernel builds after each patch ({len(steps)}), and none makes anything worse"
    told = [f"red after patch {', '.join(bad)}"] if bad else []
    told += [f"not tested: patch {', '.join(untested)}"] if untested else []
    return f"FAIL{so_far}: {'; '.join(told)}, of {len(steps)}"


def _quick(steps: Sequence[SeriesStep]) -> list[str]:
    """The numbers of those whose runs left tests out."""
    return [str(step.number) for step in steps if step.report is not None and step.report.not_chosen]


def blamed(step: SeriesStep, fresh: frozenset[Case]) -> str:
    """ "bad: 2 with this patch, 1 since an earlier one": ``fresh`` as of ``came_with``."""
    old = len(step.bad) - len(fresh)
    told = [f"{len(fresh)} with this patch"] if fresh else []
    return "bad: " + ", ".join([*told, *([f"{old} since an earlier one"] if old else [])])
