# SPDX-License-Identifier: GPL-2.0-only
"""Trying faults one after the other: which runs are needed, and what they amount to."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import ExitCode, UserError
from harness.faults.catalogue import Fault
from harness.faults.fault_report import line
from harness.faults.fault_verdict import (
    FaultOutcome,
    FaultVerdict,
    alarms,
    judge_fault,
    judge_whole,
    red_checks,
    red_names,
)
from harness.model import RunReport
from harness.pipeline import RunRequest, SourceRequest, SuiteRequest

# What runs without any bug, and to see who else finds one that the named check does not.
SUITES = ("checks", "contract")
# Nobody chose the bugs that shipped, and some are in what only the kernel's own tests reach.
HISTORY_SUITES = (*SUITES, "in-kernel")
_STOPPED = frozenset({ExitCode.INTERRUPTED, ExitCode.TERMINATED})
CUT_OFF = _STOPPED | {ExitCode.INFRASTRUCTURE}

Run = Callable[[RunRequest, Path], tuple[ExitCode, RunReport]]


class Campaign:
    """What is known about the faults that were tried so far: ``verdicts``, and ``alarms`` of the control (None: none).

    ``run`` does a run in a directory; ``tell`` is given a line as soon as a fault was tried. ``request``: how they run,
    the source and the tests are each fault's. ``directory``: each run gets one of its own in there.
    """

    def __init__(
        self, chosen: Sequence[Fault], request: RunRequest, directory: Path, run: Run, tell: Callable[[str], None]
    ) -> None:
        self._chosen = chosen
        self._request = request
        self._directory = directory
        self._run = run
        self._tell = tell
        self._controls: dict[str, RunReport] = {}
        self.verdicts: list[FaultVerdict] = []

    @property
    def alarms(self) -> tuple[str, ...] | None:
        """One line for everything that was red without a bug; None if there was no control."""
        if not self._controls:
            return None
        return tuple(alarm for report in self._controls.values() for alarm in alarms(report))

    def controls(self) -> tuple[tuple[RunRequest, Path], ...]:
        """The run without a bug on each base, and its directory: whole suites, in every variant that a fault is tried
        in there."""
        bases = tuple(dict.fromkeys(fault.base for fault in self._chosen))
        return tuple(self._control(base, "control" if len(bases) == 1 else f"control-{base}") for base in bases)

    def _control(self, base: str, name: str) -> tuple[RunRequest, Path]:
        faults = [fault for fault in self._chosen if fault.base == base]
        variants = {fault.variant for fault in faults}
        tests = SuiteRequest(
            variant=variants.pop() if len(variants) == 1 else "all",
            suites=tuple(dict.fromkeys((*SUITES, *(suite for fault in faults for suite in _suites(fault))))),
        )
        asked = replace(self._request, source=SourceRequest(base, no_patch=True), tests=tests)
        return asked, self._directory / name.replace(":", "-").replace("/", "-")

    def take_control(self, base: str, report: RunReport) -> None:
        """What was red without a bug is a false alarm, and finds nothing on this base from now on."""
        self._controls[base] = report

    def try_all(self) -> ExitCode:
        """OK if all were found as their lists say and the control was clean.

        Who stops a run stops it all. Trouble with the machine costs that fault alone, but is what it exits with.
        """
        codes = set()
        for fault in self._chosen:
            codes.add(code := self._try(fault))
            if code in _STOPPED:
                return code
        if ExitCode.INFRASTRUCTURE in codes:
            return ExitCode.INFRASTRUCTURE
        good = not self.alarms and all(verdict.is_good for verdict in self.verdicts)
        return ExitCode.OK if good else ExitCode.FAILED

    def _try(self, fault: Fault) -> ExitCode:
        started = time.monotonic()
        try:
            code, verdict = self._judged(fault)
        except UserError as error:  # the patch: everything else was used before
            code, verdict = ExitCode.FAILED, FaultVerdict(fault, FaultOutcome.BROKEN, error.what)
        if code in _STOPPED:
            self._tell(f"{fault.name}: {verdict.detail}")
            return code
        self.verdicts.append(replace(verdict, seconds=time.monotonic() - started))
        self._tell(f"{fault.name}: {line(self.verdicts[-1])}")
        return code

    def _judged(self, fault: Fault) -> tuple[ExitCode, FaultVerdict]:
        """The named check alone: it needs no other, and a guest that dies costs one boot. All if it saw nothing."""
        directory = self._directory / fault.name
        if not fault.check:
            return self._judged_whole(fault, directory)
        control = self._controls.get(fault.base)
        alone = SuiteRequest(fault.variant, suites=(fault.suite,), only=frozenset({fault.check}))
        code, report = self._run(self._planted(fault, alone), directory)
        verdict = judge_fault(fault, report, red_checks(control) if control else ())
        if verdict.outcome is FaultOutcome.MISSED:
            return self._judged_whole(fault, directory / "whole")
        return code, verdict

    def _judged_whole(self, fault: Fault, directory: Path) -> tuple[ExitCode, FaultVerdict]:
        control = self._controls.get(fault.base)
        code, report = self._run(self._planted(fault, SuiteRequest(fault.variant, suites=_suites(fault))), directory)
        return code, judge_whole(fault, report, red_names(control) if control else ())

    def _planted(self, fault: Fault, tests: SuiteRequest) -> RunRequest:
        return replace(self._request, source=SourceRequest(fault.base, (fault.patch,)), tests=tests)


def _suites(fault: Fault) -> tuple[str, ...]:
    """What runs to see whether anything at all finds it."""
    return tuple(dict.fromkeys((*(HISTORY_SUITES if fault.fix else SUITES), fault.suite)))
