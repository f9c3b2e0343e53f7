# SPDX-License-Identifier: GPL-2.0-only
"""The patches of a run as they are read in a review: what is known of a line stands at it.

That is: which tests reach it, new messages of the compiler, and the stacks of kernel reports that go through it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.changes import KERNEL
from harness.model import CompilerMessage, RunReport, Splat
from harness.report.case_summary import kind_of
from harness.report.cases import groups, splat_case
from harness.report.coverage_text import lines_that_can_run, reach_of
from harness.report.diff_walk import DiffKind, WalkedLine, walked

Place = tuple[str, int]
"""(path, number in the changed file)."""


@dataclass(frozen=True)
class DiffLine:
    """``mark``: as of ``reach_of``, "added" for an added line without one. ``remarks``: on lines below it."""

    mark: str
    number: int
    text: str
    by: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class AnnotatedPatch:
    """``inserted``, ``deleted``: lines. ``remarks``: how many there are."""

    subject: str
    lines: tuple[DiffLine, ...]
    inserted: int
    deleted: int
    remarks: int


def annotated_patches(report: RunReport) -> list[AnnotatedPatch]:
    """What was changed as a whole if reach was measured, else each patch; none if the run is of before diffs were kept.

    Places are those of the patched source, so a remark stands at the last patch that adds its line.
    """
    if report.coverage is not None and report.coverage.diff:
        texts = [("all that was changed", report.coverage.diff)]
    else:
        texts = [(patch.subject, patch.diff) for patch in report.series.patches if patch.diff]
    left = {place: tuple(said) for place, said in _remarks(report).items()}
    done = [_annotate(report, subject, diff, left) for subject, diff in reversed(texts)]
    return done[::-1]


def _annotate(report: RunReport, subject: str, diff: str, left: dict[Place, tuple[str, ...]]) -> AnnotatedPatch:
    """Takes what it says out of ``left``."""
    known = lines_that_can_run(report.coverage)
    lines = []
    for line in walked(diff):
        place = (line.path, line.number)
        mark, by = reach_of(line, known.get(place))
        said = left.pop(place, ()) if line.kind is DiffKind.ADDED else ()
        lines.append(DiffLine(mark or _plain(line), line.number, line.text, by, said))
    kinds = [line.kind for line in walked(diff)]
    remarks = sum(len(line.remarks) for line in lines)
    return AnnotatedPatch(subject, tuple(lines), kinds.count(DiffKind.ADDED), kinds.count(DiffKind.GONE), remarks)


def _plain(line: WalkedLine) -> str:
    return "added" if line.kind is DiffKind.ADDED else ""


def _remarks(report: RunReport) -> Mapping[Place, Sequence[str]]:
    """Each once, with the variants that have it."""
    found: dict[Place, dict[str, list[str]]] = {}
    for title, place, text in _said(report):
        found.setdefault(place, {}).setdefault(text, []).append(title)
    return {place: [f"{text} ({', '.join(names)})" for text, names in said.items()] for place, said in found.items()}


def _said(report: RunReport) -> Iterator[tuple[str, Place, str]]:
    for title, variant in groups(report):
        warnings = variant.kernel.warnings if variant.kernel is not None else ()
        errors = variant.build_failure.messages if variant.build_failure is not None else ()
        yield from ((title, place, text) for place, text in map(_of_compiler, (*errors, *warnings)) if place[1])
        for splat in variant.splats:
            kind = kind_of(variant, splat_case(KERNEL, splat, variant.boots))
            yield from ((title, place, text) for place, text in _of_splat(splat, kind))


def _of_compiler(message: CompilerMessage) -> tuple[Place, str]:
    return (message.path, message.line), f"{message.severity}: {message.text}"


def _of_splat(splat: Splat, kind: str) -> Iterator[tuple[Place, str]]:
    for number, frame in enumerate(splat.stack):
        if frame.added and frame.line:
            how = "here" if number == 0 else f"through {frame.function}"
            yield (frame.path, frame.line), f"{', '.join(filter(None, [splat.kind, kind]))}: {splat.title}, {how}"
