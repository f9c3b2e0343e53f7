# SPDX-License-Identifier: GPL-2.0-only
"""What was tested, in a few lines: who wrote the patches, what they touch, what they stand on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.model import RunReport
from harness.report.text import plural
from harness.series import PatchFacts, SeriesFacts

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
