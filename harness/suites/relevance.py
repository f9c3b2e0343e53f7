# SPDX-License-Identifier: GPL-2.0-only
"""Which suites tell most about a series: these run first, so that a run that is cut off has their results.

Each suite says itself what it tests: ``[touched]`` in its ``suite.toml`` (``harness.suites.suite_folder``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.series import SeriesFacts
from harness.suites.suite_folder import SuiteFolder

MAX_NAMED = 4
"""Touched names that are shown as the reason; the others are counted."""

_SOURCES = "tools/testing/selftests"
_WILDCARDS = frozenset("*?[")


@dataclass(frozen=True)
class Order:
    """``names``: of suites, as they are to run. ``reason``: one line, empty if the series had no say in it."""

    names: tuple[str, ...]
    reason: str = ""


def by_relevance(folders: Sequence[SuiteFolder], series: SeriesFacts) -> Order:
    """The suites of ``folders``, those that test what ``series`` touches first. Pure.

    A suite comes as early as anything that is touched puts it; equals, and all the others, stay in their order.
    """
    places: dict[str, int] = {}
    because = []
    for touched in _touched(series):
        telling = _telling(touched, folders)
        because += [touched] if telling else []
        for name, place in telling.items():
            places[name] = min(place, places.get(name, place))
    ordered = sorted((folder.name for folder in folders), key=lambda name: places.get(name, len(folders)))
    return Order(tuple(ordered), _reason(ordered[: len(places)], because))


def _touched(series: SeriesFacts) -> Iterator[str]:
    symbols = (*series.symbols_added, *series.symbols_removed, *series.symbols_changed)
    functions = (*series.exports_added, *series.exports_removed, *series.functions)
    yield from dict.fromkeys((*series.files, *(f"CONFIG_{symbol}" for symbol in symbols), *functions))


def _telling(touched: str, folders: Sequence[SuiteFolder]) -> Mapping[str, int]:
    """Suites that say something of ``touched``, each with its place, 0 if it says most. What names it exactly counts
    alone."""
    by_name: dict[str, int] = {}
    by_pattern: dict[str, int] = {}
    for folder in folders:
        for pattern, place in _patterns(folder):
            if fnmatchcase(touched, pattern):
                found = by_pattern if _WILDCARDS.intersection(pattern) else by_name
                found.setdefault(folder.name, place)
    return by_name or by_pattern


def _patterns(folder: SuiteFolder) -> Iterator[tuple[str, int]]:
    """With their places, the lowest first."""
    touched = folder.touched
    own = (f"{_SOURCES}/{folder.collection}/*",) if folder.collection else ()
    for place, patterns in enumerate(((*own, *touched.first), touched.second, touched.third)):
        yield from ((pattern, place) for pattern in patterns)


def _reason(first: Sequence[str], because: Sequence[str]) -> str:
    if not because:
        return ""
    named = ", ".join(because[:MAX_NAMED])
    more = f", and {len(because) - MAX_NAMED} more" if len(because) > MAX_NAMED else ""
    return f"{', '.join(first)} first: the series touches {named}{more}"
