# SPDX-License-Identifier: GPL-2.0-only
"""What the page of a run tells of one failure, gathered for its template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.changes import Difference
from harness.model import Frame, Splat, TestResult, VariantReport
from harness.report.expected_got import ExpectedGot, expected_got
from harness.report.log_excerpts import LogExcerpts
from harness.report.text import cut_middle, visible
from harness.splat.fingerprint import identity

MAX_OUTPUT = 65_536
"""Characters of output per test, so that the page opens at once."""

SILENT = "the kernel printed nothing while it ran"


@dataclass(frozen=True)
class FailureView:
    """A failure, or what would be one. ``marks``: how it ended, its class. ``again``: a command.

    ``splat``: the kernel report that it stands for; ``output`` is its text then. ``expected``: None if the message does
    not tell it. ``printed``: (what the excerpt is, lines of the kernel log).
    """

    variant: str
    result: TestResult
    marks: list[str]
    output: str
    compared: Difference | None
    again: str
    splat: Splat | None
    expected: ExpectedGot | None
    printed: tuple[str, str] | None

    @property
    def stack(self) -> tuple[Frame, ...]:
        return self.splat.stack if self.splat is not None else ()


def view_failure(
    variant: VariantReport, case: TestResult, marks: list[str], again: str, excerpts: LogExcerpts
) -> FailureView:
    splat = _splat(variant.splats, case.fingerprint)
    text = splat.text if splat is not None else case.output
    return FailureView(
        variant=variant.variant.name,
        result=case,
        marks=marks,
        output=visible(cut_middle(text, MAX_OUTPUT, case.log)).strip("\n"),
        compared=variant.difference(case),
        again=again,
        splat=splat,
        expected=expected_got(case.message) if splat is None else None,
        printed=_printed(case, splat, excerpts),
    )


def _splat(splats: Sequence[Splat], fingerprint: str) -> Splat | None:
    return next((one for one in splats if fingerprint and identity(one) == fingerprint), None)


def _printed(case: TestResult, splat: Splat | None, excerpts: LogExcerpts) -> tuple[str, str] | None:
    if splat is not None:
        before = excerpts.before(splat)
        return ("The kernel log before it", before) if before else None
    meanwhile = excerpts.meanwhile(case)
    return None if meanwhile is None else ("The kernel log meanwhile", meanwhile or SILENT)
