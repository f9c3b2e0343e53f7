# SPDX-License-Identifier: GPL-2.0-only
"""Which test, and when: the identities by which what is seen in one run is found again in another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

OWN_TESTS = "pytest:"
"""How the name of a suite of the user's own tests begins; their file follows."""

_BOOT, _AFTER, _IN = "boot", "after ", ": "


class OfTest(Protocol):
    """Whatever belongs to a test: the test itself, its result, a difference."""

    @property
    def suite(self) -> str: ...

    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class PlannedTest:
    """A test that must show up in the results. ``suite``: "kselftest", "in-kernel", "checks", "pytest", "kernel"."""

    suite: str
    name: str

    @classmethod
    def of(cls, other: OfTest) -> PlannedTest:
        """The test that ``other`` belongs to."""
        return cls(other.suite, other.name)

    def covers(self, other: OfTest) -> bool:
        """True for the same test, and for a part of it: "sync/sync_test/merge" is one of "sync/sync_test"."""
        rest = other.name.removeprefix(self.name)
        below = rest != other.name and not (rest[:1].isalnum() or rest[:1] == "_")
        return self.suite == other.suite and (below or other.name == self.name)


def covering(planned: Iterable[PlannedTest], other: OfTest) -> PlannedTest | None:
    """The test of ``planned`` that ``other`` is, or is part of: the longest, if one of them is part of another."""
    return max((test for test in planned if test.covers(other)), key=lambda test: len(test.name), default=None)


@dataclass(frozen=True)
class Moment:
    """When a kernel printed something: in ``test`` of ``suite``, in the suite alone, while it booted (``boot``), or
    ``after`` the test or suite that ended last. All empty: nobody knows.

    In a file it is one text: "checks: udmabuf.create", "checks", "boot", "after sync", "".
    """

    suite: str = ""
    test: str = ""
    after: str = ""
    boot: bool = False

    @classmethod
    def parse(cls, text: str) -> Moment:
        """The moment that ``text`` stands for: the inverse of ``str``."""
        if text == _BOOT:
            return cls(boot=True)
        if text.startswith(_AFTER):
            return cls(after=text.removeprefix(_AFTER))
        suite, _, test = text.partition(_IN)
        return cls(suite, test)

    def __str__(self) -> str:
        if self.boot:
            return _BOOT
        if self.after:
            return f"{_AFTER}{self.after}"
        return f"{self.suite}{_IN}{self.test}" if self.test else self.suite

    @property
    def around(self) -> str:
        """The same without "after": what ran, or ran last."""
        return self.after or str(self)

    def is_in(self, other: OfTest) -> bool:
        """True if that very test ran."""
        return (self.suite, self.test) == (other.suite, other.name)
