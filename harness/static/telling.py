# SPDX-License-Identifier: GPL-2.0-only
"""Findings as results of tests."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from harness.model import Status, TestResult
from harness.static import settings
from harness.static.changed import ChangedFile
from harness.static.compile_check import CompileFindings
from harness.static.findings import Finding, fresh

NOT_RED = "new, shown only"
_MISSING = re.compile(r"(?P<file>\S+): No such file or directory")
_Added = Mapping[str, frozenset[int]]


def told(case: TestResult, found: Sequence[Finding], before: Sequence[Finding], added: _Added, red: bool) -> TestResult:
    """The result ``case``, a pass, with those of ``found`` that are new as its failures. ``before``: of the base."""
    new = fresh(found, before, added)
    if not new:
        return replace(case, message=f"{len(set(found))} were there before" if found else "")
    return _bad(case, new, red)


def compile_case(
    case: TestResult,
    file: ChangedFile,
    checked: CompileFindings,
    base: CompileFindings,
    added: _Added,
    red: Collection[str],
) -> TestResult:
    """Does ``file`` compile, and if not, did it before? ``case`` passes."""
    if file.is_kconfig:
        return told(case, checked.config.errors, base.config.errors, added, settings.COMPILE in red)
    if file.path in checked.compiled:
        return replace(case, message=f"as part of {checked.compiled[file.path]}")
    if why := file.obstacle or checked.off.get(file.path):
        return skipped(case, f"cannot be compiled: {why}")
    errors = checked.config.errors or checked.errors_of(file.path)
    errors = errors or (Finding(file.path, 0, "was not compiled, and make did not say why"),)
    if new := fresh(errors, base.config.errors or base.errors_of(file.path), added):
        return _bad(case, new, settings.COMPILE in red)
    return skipped(case, f"cannot be compiled without the patch either: {_in_words(errors[0])}")


def _bad(case: TestResult, new: Sequence[Finding], red: bool) -> TestResult:
    more = f" and {len(new) - 1} more" if len(new) > 1 else ""
    said = f"{new[0]}{more}"
    message = said if red else f"{NOT_RED}: {said}"
    return replace(case, status=Status.FAIL if red else Status.SKIP, message=message, output="\n".join(map(str, new)))


def skipped(case: TestResult, why: str) -> TestResult:
    """``case`` as one that tested nothing, and ``why``."""
    return replace(case, status=Status.SKIP, message=why, lost_coverage=(why,))


def _in_words(error: Finding) -> str:
    match = _MISSING.search(error.text)
    return f"{match['file']} is missing in the base" if match else str(error)
