# SPDX-License-Identifier: GPL-2.0-only
"""The reach map of one coverage kernel: the lines, branches and functions that can run, and the tests that run them.

Paths are relative to the kernel tree ("drivers/dma-buf/dma-buf.c"), lines are those of the source that was compiled,
from 1. A test is named as in a plan (``PlannedTest``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.model import PlannedTest

Branch = tuple[int, int]
"""Line, and number of the way out of it, from 0, in gcov's order."""


@dataclass(frozen=True, order=True)
class FunctionSpan:
    """A function that was compiled. ``first`` and ``last``: lines of its definition, both inclusive."""

    first: int
    last: int
    name: str


@dataclass(frozen=True)
class ProfiledFile:
    """What of one file was compiled into counters: all that can run.

    ``branches``: line -> number of ways out, for lines that have more than one.
    """

    lines: frozenset[int] = frozenset()
    functions: tuple[FunctionSpan, ...] = ()
    branches: Mapping[int, int] = field(default_factory=dict)

    @property
    def ways_out(self) -> frozenset[Branch]:
        """Every branch of the file."""
        return frozenset((line, way) for line, ways in self.branches.items() for way in range(ways))

    def function_at(self, line: int) -> FunctionSpan | None:
        """The function that holds ``line``; the innermost one, should a macro have made two of one place."""
        around = [span for span in self.functions if span.first <= line <= span.last]
        return max(around, key=lambda span: (span.first, -span.last), default=None)

    def joined(self, other: ProfiledFile) -> ProfiledFile:
        """The counters of both: an inline function of a header is compiled once in each object that calls it."""
        branches = dict(self.branches)
        for line, ways in other.branches.items():
            branches[line] = max(ways, branches.get(line, 0))
        functions = tuple(sorted({*self.functions, *other.functions}))
        return ProfiledFile(self.lines | other.lines, functions, branches)


@dataclass(frozen=True)
class ReachedPart:
    """What ran of one file. ``functions``: names."""

    lines: frozenset[int] = frozenset()
    functions: frozenset[str] = frozenset()
    branches: frozenset[Branch] = frozenset()

    def joined(self, other: ReachedPart) -> ReachedPart:
        """The lines, branches and functions that ran in either."""
        return ReachedPart(self.lines | other.lines, self.functions | other.functions, self.branches | other.branches)

    def __bool__(self) -> bool:
        return bool(self.lines or self.functions or self.branches)


TestReach = Mapping[str, ReachedPart]
"""What one test reached: path -> part of that file; files of which nothing ran are left out."""


@dataclass(frozen=True)
class ReachMap:
    """Tests and the lines that they run on the coverage kernel with the key ``kernel``.

    ``files``: path -> what can run there. ``tests``: all tests that ran, those that reached nothing, too.
    ``lost``: tests of which nothing is known, as their guest died before its counters were read, and why.
    ``partial``: those of ``tests`` that did not pass while this was measured: they may reach more than is known.
    ``base``, ``version``, ``variant``: as in a report.
    """

    kernel: str
    files: Mapping[str, ProfiledFile] = field(default_factory=dict)
    tests: Mapping[PlannedTest, TestReach] = field(default_factory=dict)
    lost: Mapping[PlannedTest, str] = field(default_factory=dict)
    base: str = ""
    version: str = ""
    variant: str = ""
    partial: frozenset[PlannedTest] = frozenset()

    def tests_reaching(self, path: str, at: int | str | None = None) -> tuple[PlannedTest, ...]:
        """Tests, in the order in which they ran, that reach line or function ``at`` of ``path``; without it, any."""
        return tuple(test for test, reach in self.tests.items() if path in reach and _holds(reach[path], at))

    def reached(self, path: str) -> ReachedPart:
        """What any test reaches of ``path``."""
        return joined(reach[path] for reach in self.tests.values() if path in reach)

    def never_reached(self, path: str) -> frozenset[int]:
        """Lines of ``path`` that can run and that no test reaches; empty for a file that has no counters."""
        return self.files.get(path, ProfiledFile()).lines - self.reached(path).lines

    def unreached_functions(self, path: str) -> tuple[FunctionSpan, ...]:
        """Functions of ``path`` that no test enters."""
        entered = self.reached(path).functions
        spans = self.files.get(path, ProfiledFile()).functions
        return tuple(span for span in spans if span.name not in entered)


def merged(maps: Sequence[ReachMap]) -> ReachMap:
    """Several variants as one: what can run in any, and what a test reaches in any. The only one as it is."""
    if len(maps) == 1:
        return maps[0]
    files: dict[str, ProfiledFile] = {}
    tests: dict[PlannedTest, dict[str, ReachedPart]] = {}
    for reach in maps:
        for path, file in reach.files.items():
            files[path] = file.joined(files.get(path, ProfiledFile()))
        for test, parts in reach.tests.items():
            known = tests.setdefault(test, {})
            for path, part in parts.items():
                known[path] = part.joined(known.get(path, ReachedPart()))
    lost = {test: why for reach in maps for test, why in reach.lost.items() if test not in tests}
    first = maps[0]
    partial = frozenset(test for reach in maps for test in reach.partial)
    kernels = " ".join(reach.kernel for reach in maps)
    return ReachMap(kernels, files, tests, lost, first.base, first.version, partial=partial)


def joined(parts: Iterable[ReachedPart]) -> ReachedPart:
    """What ran in any of ``parts``."""
    lines: set[int] = set()
    functions: set[str] = set()
    branches: set[Branch] = set()
    for part in parts:
        lines |= part.lines
        functions |= part.functions
        branches |= part.branches
    return ReachedPart(frozenset(lines), frozenset(functions), frozenset(branches))


def _holds(part: ReachedPart, at: int | str | None) -> bool:
    if at is None:
        return bool(part)
    return at in part.lines if isinstance(at, int) else at in part.functions
