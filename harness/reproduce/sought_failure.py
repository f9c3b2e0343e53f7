# SPDX-License-Identifier: GPL-2.0-only
"""What is to be seen once more: a failure of a stored run, the tests that show it, and what ran before them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from harness.bisect import Failure, beside, from_run, named
from harness.bisect.commit_tests import wanted
from harness.errors import UserError
from harness.identities import covering
from harness.model import PlannedTest, TestResult, VariantReport
from harness.report import load
from harness.reproduce.stored_kernel import StoredKernel, pick_kernel

_FINGERPRINT = re.compile(r"[a-z][a-z0-9-]*-[0-9a-f]{12}")


@dataclass(frozen=True)
class SoughtFailure:
    """``tests``: show it, in the order in which they run; none: a boot does. ``before``: ran before the first of them,
    in the same guest. ``usual``: fingerprints of splats that are no sign of another trouble."""

    failure: Failure
    stored: StoredKernel
    tests: tuple[PlannedTest, ...]
    before: tuple[PlannedTest, ...] = ()
    usual: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return str(self.failure.symptom)


def seek(run: Path, name: str, variant: str | None = None, *, base: bool = False) -> SoughtFailure:
    """The failure ``name`` of ``run``: a test ("suite: test" or "test"), the fingerprint of a splat, or "boot".

    Raises ``UserError`` if nothing of that name is bad there, or if nothing can show it.
    """
    report = load(run)
    side = replace(report, variants=report.base_variants) if base else report
    asked = named(None, name) if _FINGERPRINT.fullmatch(name) else named(name, None)
    failure = from_run(replace(side, base_variants=()), asked, variant)[0]
    stored = pick_kernel(run, failure.variant, base=base)
    tests = wanted(failure.symptom, stored.variant.planned)
    if not tests and failure.symptom.needs_tests:
        raise UserError("no test of this run shows it", where=name, hint="take the run once more, with all its tests")
    return SoughtFailure(failure, stored, tests, _before(stored.variant, tests), beside(report, failure))


def _before(variant: VariantReport, tests: Sequence[PlannedTest]) -> tuple[PlannedTest, ...]:
    """The tests of ``variant`` that ran before ``tests`` in the guest in which the first of those did."""
    ran = _in_time(variant.results)
    at = next((number for number, result in enumerate(ran) if covering(tests, result)), 0)
    guest = next((_guest(result) for result in reversed(ran[: at + 1]) if _guest(result)), "")
    found = [covering(variant.planned, result) for result in ran[:at] if _guest(result) == guest]
    return tuple(dict.fromkeys(test for test in found if test is not None and test not in tests))


def _in_time(results: Iterable[TestResult]) -> list[TestResult]:
    """As they ran; a report has them as they were planned."""
    known = [result for result in results if result.started is not None or result.log]
    return sorted(known, key=lambda result: result.started or 0.0)


def _guest(result: TestResult) -> str:
    """The directory of the boot in which it ran: ".../boots/move-notify-on-2"; empty if that is not known."""
    parts = PurePosixPath(result.log).parts
    return "/".join(parts[: parts.index("boots") + 2]) if "boots" in parts else ""
