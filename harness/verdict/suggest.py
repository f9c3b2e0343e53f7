# SPDX-License-Identifier: GPL-2.0-only
"""Entries for ``expectations.toml`` made from a run, ready to paste once somebody has said why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from harness.changes import KERNEL, Change
from harness.model import RunReport, Splat, Status, TestResult, VariantReport
from harness.verdict.compare import told_of
from harness.verdict.failure_mode import masked

_LASTS = timedelta(days=180)
_ORDER = ("fail", "flaky", "splat", "skip")
_NUMBER = re.compile(r"0x[0-9a-f]+|\d+", re.IGNORECASE)


@dataclass(frozen=True)
class _Wanted:
    """What an entry would be about. ``told``: what happened, for who reads it."""

    suite: str
    kind: str
    match: str
    told: str


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
            lines += _entry(wanted, version[0] if version else "", variants, today + _LASTS)
    return "\n".join(lines) + "\n"


def _unexpected(variant: VariantReport) -> Iterator[_Wanted]:
    for result in variant.results:
        kind = _kind(result, variant)
        if kind:
            yield _Wanted(result.suite, kind, _escaped(result.name), _told(result))
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
    if result.known or result.moot or _is_new(variant, result):
        return ""
    told = told_of(variant, result)
    flaky = told is not None and told.change is Change.FLAKY
    return {Status.FAIL: "flaky" if flaky else "fail", Status.SKIP: "skip"}.get(result.status, "")


def _is_new(variant: VariantReport, case: TestResult | Splat) -> bool:
    """True if the base does not have it: then it is the patch's, and not to be expected."""
    told = told_of(variant, case)
    return told is not None and told.change is Change.NEW


def _beyond(variant: VariantReport) -> Iterator[str]:
    for result in variant.results:
        if result.is_bad and (result.status is not Status.FAIL or _is_new(variant, result)):
            yield f"{result.suite} {result.name} ({'new' if result.status is Status.FAIL else result.status.value})"
    yield from (f"{splat.title} (new)" for splat in variant.splats if splat.is_bad and _is_new(variant, splat))


def _told(result: TestResult) -> str:
    """Without numbers, so that variants which differ in nothing else share an entry; on one line of a comment."""
    return _comment(masked(result.message)) or result.status.value


def _comment(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _entry(wanted: _Wanted, base: str, variants: list[str], until: date) -> list[str]:
    return [
        "",
        f"# {wanted.told}",
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
