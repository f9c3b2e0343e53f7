# SPDX-License-Identifier: GPL-2.0-only
"""Trying faults one after the other: which runs are needed, and what they amount to."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from harness.errors import ExitCode, UserError
from harness.faults.catalogue import Fault
from harness.faults.judging import Outcome, Verdict, alarms, judge, judge_whole, red_checks
from harness.faults.telling import line
from harness.model import RunReport
from harness.pipeline import RunRequest

# What runs without any bug, and to see who else finds one that the named check does not.
SUITES = ("checks", "contract")
CUT_OFF = frozenset({ExitCode.INFRASTRUCTURE, ExitCode.INTERRUPTED, ExitCode.TERMINATED})

Run = Callable[[RunRequest], tuple[ExitCode, RunReport]]


class Campaign:
    """What is known about the faults that were tried so far: ``verdicts``, and ``alarms`` of the control (None: none).

    ``run`` does a run; ``tell`` is given a line as soon as a fault was tried. ``request``: base, jobs and directory, in
    which each run gets one of its own.
    """

    def __init__(self, chosen: Sequence[Fault], request: RunRequest, run: Run, tell: Callable[[str], None]) -> None:
        self._chosen = chosen
        self._request = replace(request, no_patch=True)
        self._run = run
        self._tell = tell
        self._red_on_base: frozenset[str] = frozenset()
        self.verdicts: list[Verdict] = []
        self.alarms: tuple[str, ...] | None = None

    def control(self) -> RunRequest:
        """The run without a bug: whole suites, in every variant that a fault is tried in."""
        variants = {fault.variant for fault in self._chosen}
        return replace(
            self._request,
            directory=self._request.directory / "control",
            variant=variants.pop() if len(variants) == 1 else "all",
            suites=tuple(dict.fromkeys((*SUITES, *(fault.suite for fault in self._chosen)))),
        )

    def take_control(self, report: RunReport) -> None:
        """What was red without a bug is a false alarm, and finds nothing from now on."""
        self.alarms = alarms(report)
        self._red_on_base = red_checks(report)

    def try_all(self) -> ExitCode:
        """OK if all were caught and the control was clean. A run that was cut off ends it, with its code."""
        for fault in self._chosen:
            code = self._try(fault)
            if code in CUT_OFF:
                return code
        good = not self.alarms and all(verdict.outcome.is_good for verdict in self.verdicts)
        return ExitCode.OK if good else ExitCode.FAILED

    def _try(self, fault: Fault) -> ExitCode:
        started = time.monotonic()
        try:
            code, report, verdict = self._judged(fault)
        except UserError as error:  # the patch: everything else was used before
            code, verdict = ExitCode.FAILED, Verdict(fault, Outcome.BROKEN, error.what)
        else:
            if code in CUT_OFF:
                self._tell(f"{fault.name}: {report.interrupted}")
                return code
        self.verdicts.append(replace(verdict, seconds=time.monotonic() - started))
        self._tell(f"{fault.name}: {line(self.verdicts[-1])}")
        return code

    def _judged(self, fault: Fault) -> tuple[ExitCode, RunReport, Verdict]:
        """The named check alone: it needs no other, and a guest that dies costs one boot. All if it saw nothing."""
        named = replace(
            self._request,
            directory=self._request.directory / fault.name,
            no_patch=False,
            patches=(fault.patch,),
            variant=fault.variant,
            suites=(fault.suite,),
            only=frozenset({fault.check}),
        )
        code, report = self._run(named)
        verdict = judge(fault, report, self._red_on_base)
        if code in CUT_OFF or verdict.outcome is not Outcome.MISSED:
            return code, report, verdict
        suites = tuple(dict.fromkeys((*SUITES, fault.suite)))
        code, report = self._run(replace(named, directory=named.directory / "whole", suites=suites, only=frozenset()))
        return code, report, judge_whole(fault, report)
