# SPDX-License-Identifier: GPL-2.0-only
"""``kselftest-wrappers/<suite>/suite.toml``: what the harness must know about a kselftest collection to run it.

::

    title = "Buffers from the DMA-BUF heaps"
    collection = "dmabuf-heaps"      # as in kselftest-list.txt
    time_limit = 45                  # seconds per program under KVM; the tree's own `settings` file wins

    [[program]]
    name = "dmabuf-heap"             # expected: said if the tree did not build it
    huge_pages = 0                   # of 2 MiB, reserved while it runs; fewer excuse missing results, not failed ones
    results_without = 0              # so many results come before it needs them: those are excused by nothing
    quick_results = 7                # after these only stress follows: cut short where the guest is slow, and said
    plain_pass = "checking passed"   # for trees in which it prints no TAP: what it prints only if it passed (regex)

    [[feature]]                      # without this symbol the programs pass, but test less
    symbol = "DRM_VGEM"
    lost = "importing a heap buffer into another driver"

An executable ``run`` beside it is started with the program and its arguments instead of the program itself.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UserError
from harness.paths import WRAPPERS

_MEND = "see harness/suites/wrapper.py for the format"


@dataclass(frozen=True)
class Program:
    """One test program of a collection. ``huge_pages``: number of 2 MiB pages that it needs for all its results but
    the first ``results_without``.

    ``quick_results``: number of results before its stress tests, None if it has none.
    """

    name: str
    huge_pages: int = 0
    results_without: int = 0
    quick_results: int | None = None
    plain_pass: re.Pattern[str] | None = None


@dataclass(frozen=True)
class Feature:
    """A config symbol without which the programs test less; ``lost`` says what."""

    symbol: str
    lost: str


@dataclass(frozen=True)
class Wrapper:
    """One ``suite.toml``. ``time_limit``: seconds per program under KVM. ``runner``: the ``run`` beside it, if any."""

    name: str
    title: str
    collection: str
    time_limit: float
    programs: tuple[Program, ...]
    features: tuple[Feature, ...] = ()
    runner: Path | None = None

    def program(self, name: str) -> Program:
        """What is known of ``name``; a program that the tree added lately has no needs that we know of."""
        return next((program for program in self.programs if program.name == name), Program(name))


def wrapper_names(root: Path = WRAPPERS) -> tuple[str, ...]:
    """Names of the kselftest suites, sorted."""
    return tuple(sorted(path.parent.name for path in root.glob("*/suite.toml")))


def load_wrapper(name: str, root: Path = WRAPPERS) -> Wrapper:
    """Read one ``suite.toml``. Raises ``UserError`` with the file and what is wrong in it."""
    file = root / name / "suite.toml"
    where = f"{root.name}/{name}/suite.toml"
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"not TOML: {error}", where=where, mend=_MEND) from error
    runner = root / name / "run"
    try:
        return Wrapper(
            name=name,
            title=str(table["title"]),
            collection=str(table["collection"]),
            time_limit=float(table["time_limit"]),
            programs=tuple(_program(entry) for entry in table["program"]),
            features=tuple(Feature(str(one["symbol"]), str(one["lost"])) for one in table.get("feature", [])),
            runner=runner if runner.exists() else None,
        )
    except KeyError as error:
        raise UserError(f"{error.args[0]} is missing", where=where, mend=_MEND) from error
    except (TypeError, ValueError, AttributeError, re.error) as error:
        raise UserError(f"not as it should be: {error}", where=where, mend=_MEND) from error


def _program(entry: Mapping[str, object]) -> Program:
    plain = entry.get("plain_pass")
    return Program(
        name=str(entry["name"]),
        huge_pages=int(str(entry.get("huge_pages", 0))),
        results_without=int(str(entry.get("results_without", 0))),
        quick_results=int(str(entry["quick_results"])) if "quick_results" in entry else None,
        plain_pass=re.compile(str(plain)) if plain is not None else None,
    )
