# SPDX-License-Identifier: GPL-2.0-only
"""The patches of a run as they are read in a review: what is known of a line stands at it.

That is: which tests reach it, new messages of the compiler, what was found in the patch itself, and the stacks of
kernel reports that go through it.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.model import RunReport
from harness.report.coverage_text import lines_that_can_run, reach_of
from harness.report.diff_walk import DiffKind, WalkedLine, walked
from harness.report.place_remarks import place_remarks

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
    left: dict[Place, tuple[str, ...]] = {}
    for remark in place_remarks(report):
        place = (remark.path, remark.line)
        left[place] = (*left.get(place, ()), f"{remark.text} ({', '.join(remark.variants)})")
    done: list[AnnotatedPatch] = []
    later: set[str] = set()
    for subject, diff in reversed(texts):
        done.append(_annotate(report, subject, diff, left, later))
        later |= {line.path for line in walked(diff)}
    return done[::-1]


def _annotate(
    report: RunReport, subject: str, diff: str, left: dict[Place, tuple[str, ...]], later: set[str]
) -> AnnotatedPatch:
    """Takes what it says out of ``left``. ``later``: files of later patches, in which a line that this one only shows
    may be another one by now."""
    known = lines_that_can_run(report.coverage)
    lines = []
    for line in walked(diff):
        place = (line.path, line.number)
        mark, by = reach_of(line, known.get(place))
        certain = line.kind is DiffKind.ADDED or (line.kind is DiffKind.KEPT and line.path not in later)
        said = left.pop(place, ()) if certain else ()
        lines.append(DiffLine(mark or _plain(line), line.number, line.text, by, said))
    kinds = [line.kind for line in walked(diff)]
    remarks = sum(len(line.remarks) for line in lines)
    return AnnotatedPatch(subject, tuple(lines), kinds.count(DiffKind.ADDED), kinds.count(DiffKind.GONE), remarks)


def _plain(line: WalkedLine) -> str:
    return "added" if line.kind is DiffKind.ADDED else ""
