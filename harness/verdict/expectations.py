# SPDX-License-Identifier: GPL-2.0-only
"""``kselftest-wrappers/*/expectations.toml``: trouble that is known, with its reason and the day it must be gone.

An entry without a reason, a link or an end would hide a bug for ever, so there is none::

    [[expect]]
    kind = "splat"                                # fail, skip, splat or flaky
    match = "mapping sg segment longer"           # whole name of a test of this suite; or part of a splat's text
    bases = ["6.12"]                              # kernel versions; all if left out
    variants = ["move-notify-on"]                 # all if left out
    reason = "vgem declares no segment size"
    link = "https://..."
    until = 2027-06-30                            # the last day on which it excuses anything
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from harness.paths import WRAPPERS
from harness.toml_tables import OneLine, TomlTable, read_toml

Kind = Literal["fail", "skip", "splat", "flaky"]
_MEND = "see harness/verdict/expectations.py for the format"


@dataclass(frozen=True)
class Expectation:
    """One entry. ``suite``: whose tests it is about; a splat may come in any. ``origin``: file and entry.

    ``bases`` and ``variants``: where it holds, empty for everywhere.
    """

    kind: Kind
    match: re.Pattern[str]
    reason: OneLine
    link: OneLine
    until: date
    origin: str
    suite: str
    bases: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()

    @property
    def excuse(self) -> str:
        """What a result that it excuses is marked with."""
        return f"{'flaky: ' if self.kind == 'flaky' else ''}{self.reason} ({self.link})"

    def holds_for(self, base_version: str, variant: str) -> bool:
        """True on this base ("6.1" means 6.1.148, not 6.12) and variant."""
        on_base = not self.bases or any(re.match(rf"{re.escape(base)}(?![0-9])", base_version) for base in self.bases)
        return on_base and (not self.variants or variant in self.variants)


def load_expectations(root: Path = WRAPPERS) -> tuple[Expectation, ...]:
    """All entries below ``root``, in order of file name. Raises ``UserError`` with file and entry."""
    files = sorted(root.glob("*/expectations.toml"))
    return tuple(entry for file in files for entry in read_expectations(file, f"{root.name}/{file.relative_to(root)}"))


def read_expectations(file: Path, shown: str) -> list[Expectation]:
    """The entries of one file, which lies in a folder named for its suite. ``shown``: its name in messages."""
    entries = read_toml(file, _MEND, shown).entries("expect")
    return [_entry(entry, file.parent.name) for entry in entries]


def _entry(entry: TomlTable, suite: str) -> Expectation:
    found = entry.decode(Expectation, origin=entry.where, suite=suite)
    if found.match.search(""):  # found in every splat: "a|", "x*", ".*"
        raise entry.refuse("match fits anything", "name the test, or a part of the splat")
    return found
