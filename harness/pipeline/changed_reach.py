# SPDX-License-Identifier: GPL-2.0-only
"""Changed-line coverage of a run: reach is measured once more, on coverage kernels of the patched source.

It comes after the verdict and is no part of it: whatever goes wrong here is told, and colours nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from harness.changed_coverage import ChangedCoverage, VariantCoverage
from harness.errors import HarnessError
from harness.events import EventStream, Note
from harness.executor import Executor
from harness.gitcmd import check_git
from harness.pipeline.reach_measuring import MeasuredReach, base_reach, measure
from harness.pipeline.request import RunJob
from harness.reach import FileChange, covered_changes, parse_changes, together
from harness.series import Applied

_DIFF = ("diff", "--no-ext-diff", "--no-color", "-M", "--src-prefix=a/", "--dst-prefix=b/")


def changed_coverage(job: RunJob, events: EventStream, executor: Executor) -> ChangedCoverage:
    """Which of the lines that the patches of ``job`` change run in its tests. Trouble is a note in what is returned."""
    try:
        return _told(job, measure(job, events, executor))
    except (HarnessError, OSError) as trouble:
        events.publish(Note("", f"changed lines: not measured: {trouble}", "warning"))
        return ChangedCoverage(notes=(f"not measured: {trouble}",))


def _told(job: RunJob, measured: MeasuredReach) -> ChangedCoverage:
    diff = changed_diff(measured.applied)
    changes = parse_changes(diff)
    variants = [_variant(measured, variant.name, changes) for variant in job.variants]
    both = [together(variants)] if len(variants) > 1 else []
    return ChangedCoverage((*variants, *both), diff, measured.left_out)


def changed_diff(applied: Applied) -> str:
    """What ``applied`` changes in its base, as git shows it."""
    return check_git(applied.tree.path, *_DIFF, applied.tree.commit, applied.tree_id)


def _variant(measured: MeasuredReach, name: str, changes: Sequence[FileChange]) -> VariantCoverage:
    reach = measured.of(name)
    same_as = measured.same_as.get(name, "")
    if reach is None:
        return VariantCoverage(name, same_as=same_as, why_not=measured.failures.get(same_as or name, "not measured"))
    why_not = partial(_why_not, measured)
    found = covered_changes(changes, reach, measured.source, why_not, base_reach(measured, same_as or name))
    return VariantCoverage(name, found.files, found.lost, same_as)


def _why_not(measured: MeasuredReach, path: str) -> str:
    left_out = next((line for line in measured.left_out if line.startswith(f"{path}: ")), "")
    return left_out.removeprefix(f"{path}: ") or measured.uncompiled.get(path) or "nothing in it counts"
