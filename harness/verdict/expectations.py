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

Here they are read, held against results (what is known is marked, what no longer holds is said), and proposed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Literal, TypeVar

from harness.causes import Observed, Severity
from harness.changes import KERNEL, Change
from harness.model import RunReport, Splat, Status, TestResult, VariantReport
from harness.paths import WRAPPERS
from harness.toml_tables import OneLine, TomlTable, read_toml
from harness.verdict.base_comparison import difference_of
from harness.verdict.failure_mode import masked

ExpectationKind = Literal["fail", "skip", "splat", "flaky"]
_HINT = "see harness/verdict/expectations.py for the format"


@dataclass(frozen=True)
class Expectation:
    """One entry. ``suite``: whose tests it is about; a splat may come in any. ``origin``: file and entry.

    ``bases`` and ``variants``: where it holds, empty for everywhere.
    """

    kind: ExpectationKind
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


def own_expectations(files: Sequence[Path]) -> tuple[Expectation, ...]:
    """Those of a user, whose entries name their suite: ``suite = "checks"``; that of a splat need not. Raises
    ``UserError``."""
    entries = (entry for file in files for entry in read_toml(file, _HINT).entries("expect"))
    return tuple(_expectation(entry, "" if entry.content.get("kind") == "splat" else None) for entry in entries)


def read_expectations(file: Path, shown: str) -> list[Expectation]:
    """The entries of one file, which lies in a folder named for its suite. ``shown``: its name in messages."""
    entries = read_toml(file, _HINT, shown).entries("expect")
    return [_expectation(entry, file.parent.name) for entry in entries]


def _expectation(entry: TomlTable, suite: str | None) -> Expectation:
    """``suite``: the one it is about; None: it says so itself."""
    given = {} if suite is None else {"suite": suite}
    found = entry.decode(Expectation, ignored=("suite",) if suite == "" else (), origin=entry.where, **given)
    if found.match.search(""):  # found in every splat: "a|", "x*", ".*"
        raise entry.refuse("match fits anything", "name the test, or a part of the splat")
    return found


# --- held against results ---------------------------------------------------------------------


# A guest that died (ERROR) and a test that never ran (MISSING) are never what was expected.
_EXCUSED = {"fail": Status.FAIL, "flaky": Status.FAIL, "skip": Status.SKIP}
_Case = TypeVar("_Case", TestResult, Splat)


def apply_expectations(
    report: VariantReport, base_version: str, expectations: Sequence[Expectation], today: date
) -> VariantReport:
    """``report`` with ``known`` set on each failure, skip and splat that an entry excuses.

    An entry speaks of the base: what the comparison with it shows to be new, no entry excuses.
    Notes tell of an entry that would have excused something but is past its day, or is refuted by the base, and of one
    whose test passes now.
    """
    entries = [entry for entry in expectations if entry.holds_for(base_version, report.variant.name)]
    valid = [entry for entry in entries if today <= entry.until]
    return replace(
        report,
        results=tuple(_marked(result, valid, report) for result in report.results),
        splats=tuple(_marked(splat, valid, report) for splat in report.splats),
        notes=(
            *report.notes,
            *_outdated(report, entries, today),
            *_refuted(report, valid),
            *_unfulfilled(report, valid),
        ),
    )


def _marked(case: _Case, entries: Sequence[Expectation], report: VariantReport) -> _Case:
    excuses = (entry.excuse for entry in entries if _excuses(entry, case) and not _is_refuted(entry, case, report))
    return replace(case, known=next(excuses, case.known))


def _excuses(entry: Expectation, case: TestResult | Splat) -> bool:
    if isinstance(case, TestResult):
        return _EXCUSED.get(entry.kind) is case.status and _is_about(entry, case)
    found = entry.match.search(case.title) or entry.match.search(case.text)
    return entry.kind == "splat" and found is not None


def _is_about(entry: Expectation, result: TestResult) -> bool:
    return entry.suite == result.suite and entry.match.fullmatch(result.name) is not None


def _is_refuted(entry: Expectation, case: TestResult | Splat, report: VariantReport) -> bool:
    """A test that is expected to fail and does not, or not so, on the base; one that is said to be flaky, and was not
    repeated; anything that comes each time with the patch only."""
    difference = difference_of(report, case)
    if difference is None or difference.change is not Change.NEW:
        return False
    if entry.kind == "fail":
        # A base that only ran out of time says nothing against it.
        return (_severity(difference.on_base), _severity(difference.with_patch)) != (Severity.SILENT, Severity.SAID)
    return difference.repeats.is_certain if difference.repeats is not None else entry.kind == "flaky"


def _severity(seen: Observed | None) -> Severity | None:
    return seen.severity if seen is not None else None


def _outdated(report: VariantReport, entries: Sequence[Expectation], today: date) -> list[str]:
    past = [entry for entry in entries if entry.until < today]
    return [
        f"{entry.origin} ended on {entry.until} and no longer excuses {name}; mend the cause, or renew the entry"
        for entry in past
        for name in _excusable(entry, report)
    ]


def _excusable(entry: Expectation, report: VariantReport) -> list[str]:
    cases: list[TestResult | Splat] = [*report.results, *report.splats]
    return [_name(case) for case in cases if _excuses(entry, case)]


def _name(case: TestResult | Splat) -> str:
    return case.title if isinstance(case, Splat) else case.name


def _refuted(report: VariantReport, entries: Sequence[Expectation]) -> list[str]:
    cases: list[TestResult | Splat] = [*report.results, *report.splats]
    return [
        f"{entry.origin} does not excuse {_name(case)}: the base without the patch does not have it"
        for case in cases
        for entry in entries
        if _excuses(entry, case) and _is_refuted(entry, case, report)
    ]


def _unfulfilled(report: VariantReport, entries: Sequence[Expectation]) -> list[str]:
    return [
        f"{entry.origin} expects {result.name} to {entry.kind}, but it passes; remove the entry if that is here to stay"
        for entry in entries
        if entry.kind in ("fail", "skip")
        for result in report.results
        if result.status is Status.PASS and _is_about(entry, result)
    ]


# --- entries made from a run, to paste once somebody has said why -----------------------------


_LASTS = timedelta(days=180)
_ORDER = ("fail", "flaky", "splat", "skip")
_NUMBER = re.compile(r"0x[0-9a-f]+|\d+", re.IGNORECASE)


@dataclass(frozen=True)
class _Wanted:
    """What an entry would be about. ``summary``: what happened, for who reads it."""

    suite: str
    kind: str
    match: str
    summary: str


def propose(report: RunReport, today: date) -> str:
    """TOML text. What is the patch's, and what no entry can excuse (a guest that died), is named in comments."""
    found: dict[_Wanted, list[str]] = {}
    beyond: dict[str, None] = {}
    for variant in report.parts:
        for wanted in _unexpected(variant):
            found.setdefault(wanted, []).append(variant.variant.name)
        beyond |= dict.fromkeys(_beyond(variant))
    everywhere = {variant.variant.name for variant in report.variants if not variant.same_as}
    version = re.match(r"\d+\.\d+", report.base_version)
    lines = [f"# {_comment(name)}: no entry can excuse that" for name in beyond]
    if not found:
        lines.append(f"# nothing {'else' if beyond else 'unexpected'}: no entry is needed")
    for suite in dict.fromkeys(wanted.suite for wanted in found):
        lines.append(f"# in kselftest-wrappers/{suite}/expectations.toml")
        mine = [wanted for wanted in found if wanted.suite == suite]
        for wanted in sorted(mine, key=lambda one: _ORDER.index(one.kind)):
            named = [name for name in found[wanted] if name in everywhere]
            variants = [] if everywhere <= set(named) else named
            lines += _toml_entry(wanted, version[0] if version else "", variants, today + _LASTS)
    return "\n".join(lines) + "\n"


def _unexpected(variant: VariantReport) -> Iterator[_Wanted]:
    for result in variant.results:
        kind = _kind(result, variant)
        if kind:
            yield _Wanted(result.suite, kind, _escaped(result.name), _summary(result))
    for splat in variant.splats:
        if not splat.known and not _is_new(variant, splat):
            moment = splat.moment
            suite = moment.suite or moment.around
            title = _NUMBER.sub(lambda found: r"\w+", _escaped(splat.title))
            yield _Wanted(
                suite or KERNEL, "splat", title, _comment(f"{splat.kind}, printed during {splat.during or 'a run'}")
            )


def _escaped(text: str) -> str:
    """A regular expression for ``text``: a space means itself in one, and what TOML cannot hold is any character."""
    whole = "".join("." if "\ud800" <= char <= "\udfff" else re.escape(char) for char in text)
    return whole.replace("\\ ", " ")


def _kind(result: TestResult, variant: VariantReport) -> str:
    """The kind of entry that would expect ``result``, empty if none would or need be."""
    if result.known or result.not_applicable or _is_new(variant, result):
        return ""
    difference = difference_of(variant, result)
    flaky = difference is not None and difference.change is Change.FLAKY
    return {Status.FAIL: "flaky" if flaky else "fail", Status.SKIP: "skip"}.get(result.status, "")


def _is_new(variant: VariantReport, case: TestResult | Splat) -> bool:
    """True if the base does not have it: then it is the patch's, and not to be expected."""
    difference = difference_of(variant, case)
    return difference is not None and difference.change is Change.NEW


def _beyond(variant: VariantReport) -> Iterator[str]:
    for result in variant.results:
        if result.is_bad and (result.status is not Status.FAIL or _is_new(variant, result)):
            yield f"{result.suite} {result.name} ({'new' if result.status is Status.FAIL else result.status.value})"
    yield from (f"{splat.title} (new)" for splat in variant.splats if splat.is_bad and _is_new(variant, splat))


def _summary(result: TestResult) -> str:
    """Without numbers, so that variants which differ in nothing else share an entry; on one line of a comment."""
    return _comment(masked(result.message)) or result.status.value


def _comment(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _toml_entry(wanted: _Wanted, base: str, variants: list[str], until: date) -> list[str]:
    return [
        "",
        f"# {wanted.summary}",
        "[[expect]]",
        f'kind = "{wanted.kind}"',
        f"match = {_string(wanted.match)}",
        *([f"bases = [{_string(base)}]"] if base else []),
        *([f"variants = [{', '.join(map(_string, variants))}]"] if variants else []),
        'reason = ""  # why it is so, and not the patch',
        'link = ""  # where that can be read',
        f"until = {until.isoformat()}",
    ]


def _string(text: str) -> str:
    """A TOML string; a regular expression is easier to read in a literal one."""
    if text.isprintable() and "'" not in text and "\\" in text:
        return f"'{text}'"
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in plain) + '"'
