# SPDX-License-Identifier: GPL-2.0-only
"""What a patch changed: the values in which a comparison with the base is told."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from harness.causes import Observed, Status

KERNEL = "kernel"  # the suite that building, booting, config symbols and splats are told in
EVERY_TEST = "every test"  # the name under which a suite is told that the patch leaves nothing of
GUEST = "guest"  # the result of a suite whose guest was lost after its last test; no plan has it


class Change(enum.Enum):
    """What became of one test, splat or step on the way from the base to the patched kernel."""

    NEW = "new failure"
    FIXED = "fixed"
    PRE_EXISTING = "pre-existing"
    FLAKY = "flaky"
    LOST = "coverage lost"
    GAINED = "coverage gained"
    NOT_COMPARABLE = "not comparable"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Repeats:
    """How often something was bad when it was repeated in fresh guests: ``patched_bad`` of ``patched`` times."""

    patched_bad: int
    patched: int
    base_bad: int
    base: int

    def __str__(self) -> str:
        return f"patched {self.patched_bad}/{self.patched} failed, base {self.base_bad}/{self.base}"

    @property
    def is_certain(self) -> bool:
        """True if it was bad each time with the patch and never without it, and both were tried."""
        return self.patched_bad == self.patched > 0 == self.base_bad and self.base > 0


@dataclass(frozen=True)
class Difference:
    """One test, splat or step and what became of it. ``suite`` and ``name``: of its case in the reports.

    ``base`` and ``patched``: what was seen on each side, in a few words; of a test also as values, ``on_base`` and
    ``with_patch``, None where there is no such test. ``repeats``: None if it was not repeated.
    ``note``: what else is to be said of it. ``gone``: there on the base, and not with the patch, or skipped with it.
    ``logs``: directory of its repeats, relative to the run directory. ``fingerprint``: of the splat, if it is one.
    """

    suite: str
    name: str
    change: Change
    base: str = ""
    patched: str = ""
    repeats: Repeats | None = None
    note: str = ""
    gone: bool = False
    logs: str = ""
    fingerprint: str = ""
    on_base: Observed | None = None
    with_patch: Observed | None = None

    @property
    def skipped(self) -> bool:
        """It passes on the base, and is skipped with the patch for something that is not there."""
        return self.gone and self.with_patch is not None and self.with_patch.status is Status.SKIP

    @property
    def summary(self) -> str:
        """One line: "base: pass; patched: fail; patched 3/3 failed, base 0/3"."""
        return self._in_words(self.patched)

    @property
    def beside(self) -> str:
        """The same beside a case that tells itself what it was with the patch."""
        return self._in_words("")

    def _in_words(self, patched: str) -> str:
        sides = [f"base: {self.base}" if self.base else "", f"patched: {patched}" if patched else ""]
        return "; ".join(filter(None, [*sides, str(self.repeats or ""), self.note]))


@dataclass(frozen=True)
class Comparison:
    """A variant held against the base. ``differences``: all but what is unchanged; of that only tests are counted.

    ``against``: where the base's results come from; ``again``: a command that tests the base anew, if they are older
    than the run. ``why_not``: why the base as a whole cannot be compared, if so.
    """

    differences: tuple[Difference, ...] = ()
    unchanged: int = 0
    against: str = ""
    why_not: str = ""
    again: str = ""

    def of(self, suite: str, name: str) -> Difference | None:
        """What is told about a test or step; None if it is unchanged."""
        found = (one for one in self.differences if (one.suite, one.name, one.fingerprint) == (suite, name, ""))
        return next(found, None)

    def of_splat(self, fingerprint: str) -> Difference | None:
        """What is told about the splats with ``fingerprint``."""
        return next((one for one in self.differences if one.fingerprint == fingerprint), None)

    def those(self, change: Change) -> tuple[Difference, ...]:
        return tuple(one for one in self.differences if one.change is change)
