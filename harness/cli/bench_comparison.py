# SPDX-License-Identifier: GPL-2.0-only
"""What became slower between two files of ``bench --json``: told, and never an exit code. Another machine, or a busier
one, is slower as well."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from harness.errors import UserError
from harness.events import Event, PhaseEnded

SLOWER = 0.15
"""Of the figure before: what more it takes now is told as a regression."""

_LEAST = 0.5  # seconds: less is the clock's, or the host's, on any phase
_WALL, _CPU = "wall", "CPU"


@dataclass
class Figures:
    """One run, measured. ``phases``: (variant, phase, wall s, CPU s, peak bytes of the largest process)."""

    scenario: str
    seconds: float = 0.0
    exit_code: int = 0
    own_cpu_seconds: float = 0.0
    own_peak_rss: int = 0
    disk: int = 0
    phases: list[tuple[str, str, float, float, int]] = field(default_factory=list)

    def __call__(self, _elapsed: float, event: Event) -> None:
        if isinstance(event, PhaseEnded):
            self.phases.append((event.variant, event.phase, event.seconds, event.cpu_seconds, event.peak_rss))


def as_json(figures: Iterable[Figures]) -> str:
    """The text of a file that ``read_figures`` takes."""
    return json.dumps([asdict(one) for one in figures], indent=1) + "\n"


def read_figures(file: Path) -> list[Figures]:
    """What ``bench --json`` wrote there. Raises ``UserError`` for what is no such file."""
    try:
        return [_figures(one) for one in json.loads(file.read_text())]
    except OSError as error:
        raise UserError(str(error.strerror), where=str(file), hint="name a file that bench --json wrote") from error
    except (ValueError, TypeError, LookupError, RecursionError, OverflowError) as error:
        raise UserError("no figures of bench", where=str(file), hint="name a file that bench --json wrote") from error


def _figures(one: Mapping[str, object]) -> Figures:
    found = Figures(**one)  # type: ignore[arg-type]  # what is of another kind is found where it is converted
    phases = [(str(v), str(p), float(wall), float(cpu), int(rss)) for v, p, wall, cpu, rss in found.phases]
    return Figures(
        str(found.scenario), float(found.seconds), int(found.exit_code), float(found.own_cpu_seconds), phases=phases
    )


def compared(before: Sequence[Figures], now: Sequence[Figures]) -> list[str]:
    """A line for each figure that is more than 15 % worse, or better; then how many regressions there are.

    Where a file has several runs of a scenario the median counts. A figure that only one side has is not compared.
    """
    old, new = _medians(before), _medians(now)
    shared = [name for name in new if name in old]
    worse = [_line(*name, old[name], new[name]) for name in shared if _is_more(old[name], new[name])]
    better = [_line(*name, old[name], new[name]) for name in shared if _is_more(new[name], old[name])]
    what = f"{len(worse)} of {len(shared)} figures more than {SLOWER:.0%} worse" if shared else "nothing to compare"
    return [*(f"slower  {line}" for line in worse), *(f"faster  {line}" for line in better), what]


def _is_more(one: float, other: float) -> bool:
    return other - one > max(SLOWER * one, _LEAST)


def _line(scenario: str, name: str, kind: str, old: float, new: float) -> str:
    change = f" ({new / old - 1:+.0%})" if old > 0 else ""
    return f"{scenario}: {name}: {old:.1f} s -> {new:.1f} s {kind}{change}"


_Measure = tuple[str, str, str]  # scenario, what it is of, wall or CPU


def _medians(figures: Iterable[Figures]) -> dict[_Measure, float]:
    values: dict[_Measure, list[float]] = {}
    for one in figures:
        for name, seconds in _of_one(one).items():
            values.setdefault(name, []).append(seconds)
    return {name: statistics.median(seconds) for name, seconds in values.items()}


def _of_one(one: Figures) -> dict[_Measure, float]:
    """A phase that comes twice in a run (boot) is one figure, their sum."""
    found: dict[_Measure, float] = {}
    for name, kind, seconds in _measured(one):
        key = (one.scenario, name, kind)
        found[key] = found.get(key, 0.0) + seconds
    return found


def _measured(one: Figures) -> Iterator[tuple[str, str, float]]:
    yield "in all", _WALL, one.seconds
    yield "the harness itself", _CPU, one.own_cpu_seconds
    for variant, phase, wall, cpu, _ in one.phases:
        name = f"{variant}: {phase}" if variant else phase
        yield name, _WALL, wall
        yield name, _CPU, cpu
