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
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from harness.errors import UserError
from harness.paths import WRAPPERS

KINDS = ("fail", "skip", "splat", "flaky")
_KEYS = frozenset({"kind", "match", "bases", "variants", "reason", "link", "until"})


@dataclass(frozen=True)
class Expectation:
    """One entry. ``suite``: whose tests it is about; a splat may come in any. ``origin``: file and entry.

    ``bases`` and ``variants``: where it holds, empty for everywhere.
    """

    kind: str
    match: re.Pattern[str]
    reason: str
    link: str
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
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"not TOML: {error}", where=shown, mend="correct the file") from error
    entries = table.get("expect", [])
    if set(table) - {"expect"} or not isinstance(entries, list):
        raise UserError("holds something else than [[expect]] entries", where=shown, mend="correct the file")
    suite = file.parent.name
    return [_entry(entry, f"{shown}, entry {number}", suite) for number, entry in enumerate(entries, 1)]


def _entry(entry: object, origin: str, suite: str) -> Expectation:
    if not isinstance(entry, dict):
        raise UserError("not a table", where=origin, mend="write it as [[expect]]")
    unknown = sorted(set(entry) - _KEYS)
    if unknown:
        raise UserError(f"unknown key {unknown[0]!r}", where=origin, mend=f"possible: {', '.join(sorted(_KEYS))}")
    return Expectation(
        kind=_kind(entry, origin),
        match=_pattern(entry, origin),
        reason=_text(entry, "reason", origin),
        link=_text(entry, "link", origin),
        until=_day(entry, origin),
        origin=origin,
        suite=suite,
        bases=_names(entry, "bases", origin),
        variants=_names(entry, "variants", origin),
    )


def _text(entry: Mapping[str, object], key: str, origin: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{key} is missing", where=origin, mend=f'add {key} = "..."')
    return " ".join(value.split())


def _kind(entry: Mapping[str, object], origin: str) -> str:
    kind = _text(entry, "kind", origin)
    if kind not in KINDS:
        raise UserError(f"unknown kind {kind!r}", where=origin, mend=f"possible: {', '.join(KINDS)}")
    return kind


def _pattern(entry: Mapping[str, object], origin: str) -> re.Pattern[str]:
    match = entry.get("match")
    if not isinstance(match, str) or not match:
        raise UserError("match is missing", where=origin, mend='add match = "..."')
    try:
        pattern = re.compile(match)
    except re.error as error:
        raise UserError(f"match is no regular expression: {error}", where=origin, mend="correct it") from error
    if pattern.search(""):  # found in every splat: "a|", "x*", ".*"
        raise UserError("match fits anything", where=origin, mend="name the test, or a part of the splat")
    return pattern


def _day(entry: Mapping[str, object], origin: str) -> date:
    until = entry.get("until")
    if isinstance(until, date) and not isinstance(until, datetime):
        return until
    if until is None:
        raise UserError("until is missing", where=origin, mend="add until = YYYY-MM-DD")
    try:
        return date.fromisoformat(str(until))
    except ValueError as error:
        raise UserError(f"until is no date: {until}", where=origin, mend="write it as YYYY-MM-DD") from error


def _names(entry: Mapping[str, object], key: str, origin: str) -> tuple[str, ...]:
    names = entry.get(key, [])
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise UserError(f"{key} is no list of names", where=origin, mend=f'write it as {key} = ["..."]')
    return tuple(names)
