# SPDX-License-Identifier: GPL-2.0-only
"""Which of the lines that a patch changes ran in the tests: the values in which it is told. It judges nothing.

Lines are those of the patched source; a line "can run" if the compiler made a counter for it.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_TESTS = 8  # tests that are named for a line; of the others only the number is known


@dataclass(frozen=True)
class ReachingTests:
    """Tests that reach something, as "suite name": the first ``MAX_TESTS``, in the order in which they ran.

    ``count``: how many there are.
    """

    names: tuple[str, ...] = ()
    count: int = 0

    def __str__(self) -> str:
        more = self.count - len(self.names)
        return ", ".join([*self.names, *([f"{more} more"] if more > 0 else [])])


@dataclass(frozen=True)
class LineCoverage:
    """An added line that can run. ``text``: of the line. ``function``: that holds it.

    ``ways``: ways out of it, 0 if there is but one; ``taken``: numbers of those that were gone.
    """

    line: int
    ran: bool
    function: str = ""
    text: str = ""
    ways: int = 0
    taken: tuple[int, ...] = ()
    tests: ReachingTests = ReachingTests()


@dataclass(frozen=True)
class HiddenLines:
    """Added lines ``first`` to ``last``, inclusive, that this kernel leaves out, and ``why``: "#ifdef CONFIG_FOO"."""

    first: int
    last: int
    why: str


@dataclass(frozen=True)
class DeletedLines:
    """Lines ``first`` to ``last`` of the base that the patch takes away, and the tests that reached any there."""

    first: int
    last: int
    tests: ReachingTests = ReachingTests()


@dataclass(frozen=True)
class ChangedFileCoverage:
    """``lines``: added lines that can run, in order. ``why_not``: why nothing can be said of the file, else empty.

    ``deleted``: only where a map of the base is known.
    """

    path: str
    lines: tuple[LineCoverage, ...] = ()
    hidden: tuple[HiddenLines, ...] = ()
    deleted: tuple[DeletedLines, ...] = ()
    why_not: str = ""

    @property
    def missed(self) -> tuple[LineCoverage, ...]:
        return tuple(line for line in self.lines if not line.ran)


@dataclass(frozen=True)
class VariantCoverage:
    """What is known in one variant; ``variant`` is empty for all of them together. ``why_not``: why nothing is.

    ``same_as``: the variant whose kernel it is. ``lost``: tests of which nobody knows what they reach, and why.
    """

    variant: str
    files: tuple[ChangedFileCoverage, ...] = ()
    lost: tuple[str, ...] = ()
    same_as: str = ""
    why_not: str = ""

    @property
    def lines(self) -> int:
        """Changed lines that can run."""
        return sum(len(file.lines) for file in self.files)

    @property
    def ran(self) -> int:
        return sum(line.ran for file in self.files for line in file.lines)

    @property
    def ways(self) -> int:
        """Ways out of those lines, where there is more than one."""
        return sum(line.ways for file in self.files for line in file.lines)

    @property
    def taken(self) -> int:
        return sum(len(line.taken) for file in self.files for line in file.lines)


@dataclass(frozen=True)
class ChangedCoverage:
    """``variants``: each, and last, if there are several, all together. ``diff``: what was changed, as git shows it."""

    variants: tuple[VariantCoverage, ...] = ()
    diff: str = ""
    notes: tuple[str, ...] = ()

    @property
    def whole(self) -> VariantCoverage | None:
        """All variants together, or the only one."""
        return self.variants[-1] if self.variants else None
