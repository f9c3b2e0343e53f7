# SPDX-License-Identifier: GPL-2.0-only
"""From what a user names to a symptom: a test, a splat, or what went wrong in an earlier run. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.bisect.observation import is_the_machines, manner
from harness.bisect.state import Attempt, Symptom, SymptomKind
from harness.changes import GUEST, KERNEL, Change
from harness.errors import UserError
from harness.model import BootOutcome, RunReport, Splat, Status, TestResult, VariantReport
from harness.splat import identity, is_called

BOOT = "boot"  # what --test takes for a kernel that does not come up
_FINGERPRINT = re.compile(r"[a-z][a-z0-9-]*-[0-9a-f]{12}")
_FAILED = (Status.FAIL, Status.ERROR)


@dataclass(frozen=True)
class Failure:
    """Something that went wrong in a run. ``variant``: the name of the one in which it did."""

    symptom: Symptom
    variant: str
    summary: str
    new: bool  # only with the patch, as far as the run knows
    splat: Splat | None = None


def named(test: str | None, splat: str | None) -> Symptom:
    """The symptom that ``--test`` or ``--splat`` names; both: the splat, printed by that test."""
    if test is None and splat is None:
        raise UserError("what to look for is not said", where="bisect", hint="give --test, --splat or --from RUN")
    if splat is not None:
        if not _FINGERPRINT.fullmatch(splat):
            hint = 'the reports have it, as "warn-0a1b2c3d4e5f"'
            raise UserError("not the fingerprint of a splat", where=f"--splat {splat}", hint=hint)
        return Symptom(SymptomKind.SPLAT, name=splat, during=test or "")
    assert test is not None
    if test == BOOT:
        return Symptom(SymptomKind.BOOT)
    suite, _, name = test.rpartition(": ")
    return Symptom(SymptomKind.TEST, suite, name)


def from_run(report: RunReport, asked: Symptom | None = None, variant: str | None = None) -> list[Failure]:
    """What went wrong in ``report``, what is new with its patch first; only what ``asked`` is about, if given.

    What is asked for by name may also be known or have been there before. Raises ``UserError`` if that is nothing.
    """
    parts = (*report.variants, *(report.base_variants if asked is not None else ()))
    found = [failure for one in parts for failure in _of_variant(one, excused=asked is not None)]
    found = [one for one in found if variant is None or one.variant == variant or one.variant.endswith(f"-{variant}")]
    fitting = [one for one in found if asked is None or _fits(asked, one)]
    if not fitting:
        bad = ", ".join(dict.fromkeys(str(one.symptom) for one in found)) or "nothing"
        raise UserError("nothing of that kind is bad in this run", where=f"run {report.run_id}", hint=f"bad is: {bad}")
    return sorted(fitting, key=lambda one: not one.new)


def beside(report: RunReport, failure: Failure) -> tuple[str, ...]:
    """Fingerprints of all other splats of the run: they were there together with the failure, and do not hide it."""
    splats = [splat for one in (*report.variants, *report.base_variants) for splat in one.splats]
    return tuple(sorted({identity(splat) for splat in splats} - {failure.symptom.name}))


def _fits(asked: Symptom, failure: Failure) -> bool:
    found = failure.symptom
    suites = asked.suite in ("", found.suite)
    if failure.splat is not None and asked.kind is SymptomKind.SPLAT:
        return is_called(failure.splat, asked.name)
    return asked.kind is found.kind and suites and (asked.kind is SymptomKind.BOOT or asked.name == found.name)


def _of_variant(variant: VariantReport, excused: bool) -> Iterator[Failure]:
    """``excused``: also what colours nothing. What only the machine did, or no plan has, nobody can look for."""
    name, attempt = variant.variant.name, _attempt(variant)
    last = variant.boots[-1] if variant.boots else None
    if last is not None and last.outcome is not BootOutcome.UP and len(variant.boots) <= 2:
        yield Failure(Symptom(SymptomKind.BOOT), name, last.ended, _is_new(variant, KERNEL, "boot"))
    for result in variant.results:
        looked_for = (result.is_bad or excused) and not is_the_machines(result) and result.name != GUEST
        if result.status in _FAILED and looked_for:
            symptom = Symptom(SymptomKind.TEST, result.suite, result.name, (manner(result, attempt),))
            yield Failure(symptom, name, result.message, _is_new(variant, result.suite, result.name))
    for splat in variant.splats:
        if splat.is_bad or excused:
            symptom = Symptom(SymptomKind.SPLAT, name=identity(splat), during=splat.during)
            yield Failure(symptom, name, splat.title, _is_new_splat(variant, splat), splat)


def _attempt(variant: VariantReport) -> Attempt:
    return Attempt(BootOutcome.UP, "", tuple[TestResult, ...](), variant.splats, 0.0)


def _is_new(variant: VariantReport, suite: str, name: str) -> bool:
    told = variant.comparison.of(suite, name) if variant.comparison is not None else None
    return told is not None and told.change is Change.NEW


def _is_new_splat(variant: VariantReport, splat: Splat) -> bool:
    told = variant.comparison.of_splat(identity(splat)) if variant.comparison is not None else None
    return told is not None and told.change is Change.NEW
