# SPDX-License-Identifier: GPL-2.0-only
"""``kselftest-wrappers/<suite>/suite.toml``: all that the harness must know of a suite to build, order and run it.

::

    title = "Buffers from the DMA-BUF heaps"
    kind = "kselftest"               # the default; or "checks", "in-kernel"
    order = 50                       # lower runs earlier: what answers first comes first; equals by name. Default: 50

    [touched]                        # what a series touches for the suite to run first, or second, or third; shell
    first = ["CONFIG_DMABUF_HEAPS*", "dma_heap_*"]     # patterns of files, functions and (CONFIG_...) symbols. A name
    second = ["include/*/heap.h"]    # without a wildcard leaves no say to patterns that fit it, too

Of kind "kselftest", whose own sources need not be named in ``[touched]``::

    collection = "dmabuf-heaps"      # folder of tools/testing/selftests, as in kselftest-list.txt
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

Of kind "checks" (``harness/guest/checks``)::

    groups = ["contract", "probe"]   # of checks; without it: those that no other suite names
    needs_probe = true               # none of them can run without the module dmabuf_probe
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import UserError
from harness.paths import WRAPPERS
from harness.toml_tables import keyed, read_toml

_HINT = "see harness/suites/suite_folder.py for the format"
_USUAL_ORDER = 50


class SuiteKind(enum.Enum):
    """Which class runs a suite (``harness.suites.suite_registry``)."""

    CHECKS = "checks"
    KSELFTEST = "kselftest"
    IN_KERNEL = "in-kernel"


@dataclass(frozen=True)
class Touched:
    """Patterns of what a series touches. ``first``: the suite tells most of that; ``second``, ``third``: others tell
    more."""

    first: tuple[str, ...] = ()
    second: tuple[str, ...] = ()
    third: tuple[str, ...] = ()


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
class SuiteFolder:
    """One ``suite.toml``. ``name``: of the folder. ``time_limit``: seconds per program under KVM. ``runner``: the
    ``run`` beside it, if any."""

    name: str
    title: str
    kind: SuiteKind = SuiteKind.KSELFTEST
    order: int = _USUAL_ORDER
    touched: Touched = Touched()
    collection: str = ""
    time_limit: float = 0.0
    programs: tuple[Program, ...] = field(default=(), metadata=keyed("program"))
    features: tuple[Feature, ...] = field(default=(), metadata=keyed("feature"))
    groups: tuple[str, ...] = ()
    needs_probe: bool = False
    runner: Path | None = None

    def program(self, name: str) -> Program:
        """What is known of ``name``; a program that the tree added lately has no needs that we know of."""
        return next((program for program in self.programs if program.name == name), Program(name))


def load_suite_folder(name: str, root: Path = WRAPPERS) -> SuiteFolder:
    """Read one ``suite.toml``. Raises ``UserError`` with the file and what is wrong in it."""
    where = f"{root.name}/{name}/suite.toml"
    runner = root / name / "run"
    table = read_toml(root / name / "suite.toml", _HINT, where)
    folder = table.decode(SuiteFolder, name=name, runner=runner if runner.exists() else None)
    if folder.kind is SuiteKind.KSELFTEST:
        for key in ("collection", "time_limit", "program"):
            if key not in table.content:
                raise UserError(f"{key} is missing", where=where, hint=_HINT)
    return folder


def suite_folders(root: Path = WRAPPERS) -> tuple[SuiteFolder, ...]:
    """All of them, in the order in which they usually run. Raises ``UserError`` for a broken one."""
    folders = [load_suite_folder(file.parent.name, root) for file in root.glob("*/suite.toml")]
    return tuple(sorted(folders, key=lambda folder: (folder.order, folder.name)))


def kselftest_collections(root: Path = WRAPPERS) -> tuple[str, ...]:
    """Folders of tools/testing/selftests that are built with each kernel, sorted."""
    return tuple(sorted({folder.collection for folder in suite_folders(root) if folder.collection}))
