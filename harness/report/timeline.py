# SPDX-License-Identifier: GPL-2.0-only
"""When each kernel was made, booted and tested, drawn: one line for each, with a bar for each phase."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model import RunReport, VariantReport
from harness.report.text import duration

WIDTH = 1000.0
"""Units from the start of the run to its end."""

ROW = 26
"""Units from one line to the next."""

_MIN = 1.5
_LABEL_FROM = 70.0  # units that a bar needs to have its name in it
_TICKS = (10, 30, 60, 120, 300, 600, 1200, 3600, 7200, 14400)
_KINDS = ("config", "build", "boot", "suite")


@dataclass(frozen=True)
class PhaseBar:
    """``kind``: "config", "build", "boot", "suite" or "other". ``label``: if there is room."""

    kind: str
    left: float
    width: float
    label: str
    said: str


@dataclass(frozen=True)
class TimelineRow:
    title: str
    bars: tuple[PhaseBar, ...]


@dataclass(frozen=True)
class RunTimeline:
    """``ticks``: (units, "5 min")."""

    rows: tuple[TimelineRow, ...]
    ticks: tuple[tuple[float, str], ...]

    @property
    def height(self) -> int:
        return ROW * len(self.rows) + 22


def timeline(report: RunReport) -> RunTimeline | None:
    """None if nobody knows when anything began, as of runs of before that was kept."""
    known = [(v.variant.name, v) for v in report.variants if v.started]
    known += [(f"base, {v.variant.name}", v) for v in report.base_variants if v.started]
    ends = [v.started[phase] + v.times.get(phase, 0.0) for _, v in known for phase in v.started]
    whole = max([*ends, report.seconds], default=0.0)
    if not known or whole <= 0:
        return None
    rows = tuple(TimelineRow(title, _bars(variant, whole)) for title, variant in known)
    return RunTimeline(rows, _ticks(whole))


def _bars(variant: VariantReport, whole: float) -> tuple[PhaseBar, ...]:
    phases = sorted(variant.started.items(), key=lambda pair: pair[1])
    return tuple(_bar(phase, start, variant.times.get(phase, 0.0), whole) for phase, start in phases)


def _bar(phase: str, start: float, seconds: float, whole: float) -> PhaseBar:
    left = min(max(start, 0.0), whole) / whole * WIDTH
    width = max(_MIN, min(seconds / whole * WIDTH, WIDTH - left))
    kind, _, name = phase.partition(":")
    label = (name or kind) if width >= _LABEL_FROM else ""
    said = f"{phase}: {duration(seconds)}, from {duration(start)} on"
    return PhaseBar(kind if kind in _KINDS else "other", round(left, 1), round(width, 1), label, said)


def _ticks(whole: float) -> tuple[tuple[float, str], ...]:
    step = next((one for one in _TICKS if whole / one <= 8), _TICKS[-1])
    count = min(int(whole // step), 50)
    return tuple((round(at * step / whole * WIDTH, 1), _short(at * step)) for at in range(count + 1))


def _short(seconds: int) -> str:
    return f"{seconds} s" if seconds < 60 else f"{seconds / 60:g} min" if seconds < 7200 else f"{seconds / 3600:g} h"
