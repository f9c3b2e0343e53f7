# SPDX-License-Identifier: GPL-2.0-only
"""What a test program's output and exit status mean together.

Exit codes: tools/testing/selftests/kselftest.h (4 is a skip) and, in trees before 5.11, automake's 77.
A program is never green by saying nothing, nor by its exit status against its own results.
"""

from __future__ import annotations

import re
import signal
from collections import Counter
from dataclasses import dataclass

from harness.causes import Cause
from harness.interfaces import CommandResult
from harness.ktap import KtapReport, KtapTest
from harness.model import Status

SKIP_CODES = frozenset({4, 77})
TIMEOUT_CODE = 124

# kselftest programs write "[PASS,test-1]" and return values into their descriptions: gone, so that a test keeps its
# name whatever its outcome.
_NOISE = re.compile(r"\[(?:RUN|PASS|FAIL|SKIP)\]\s*|(?<=[\w)]) -?\d+$", re.IGNORECASE)
_TAGGED = re.compile(r"\[(?:PASS|FAIL|SKIP),\s*([^\]]+)\]", re.IGNORECASE)
_SKIP_TAG = re.compile(r"\[skip,\s*([^\]]+)\]", re.IGNORECASE)
_HIDDEN_SKIP = re.compile(r"\bskip(?:ped|ping)?\b", re.IGNORECASE)
_SAYS_FAILED = re.compile(r"\[FAIL\b")


@dataclass(frozen=True)
class ProgramVerdict:
    """``message``: one line. ``lost``: what was not tested, one line each.

    ``cut_short``, ``cause``: as in ``TestResult``.
    """

    status: Status
    message: str = ""
    lost: tuple[str, ...] = ()
    cut_short: bool = False
    cause: Cause | None = None


class SubtestNames:
    """Gives each result inside a program a name that is stable between runs and unique in this one."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._seen: Counter[str] = Counter()

    def name(self, test: KtapTest) -> str:
        """ "test-1" for "drivers/dma-buf/udmabuf: [PASS,test-1]"; a name that comes again gets "#2"."""
        own = _tidy(test.name, self._program) or test.reason or f"result {test.number or ''}".strip()
        full = "/".join((*test.parents, own))
        self._seen[full] += 1
        return full if self._seen[full] == 1 else f"{full}#{self._seen[full]}"


def _tidy(description: str, program: str) -> str:
    if tagged := _TAGGED.search(description):
        return tagged.group(1).strip()
    return " ".join(_NOISE.sub("", description.removeprefix(program + ":")).split())


def judge_program(
    done: CommandResult, report: KtapReport, plain_pass: re.Pattern[str] | None, unmet: str, before: int = 0
) -> ProgramVerdict:
    """The verdict on a program that ended (or was stopped). ``plain_pass``: what a program without TAP prints if it
    passed. ``unmet``: a need that the guest does not meet: excuses results that never came, nothing else, and not the
    first ``before``, which do not need it."""
    if (ended := _ended_badly(done)) is not None:
        cause, words = ended
        return ProgramVerdict(Status.FAIL, words + _so_far(report), cause=cause)
    failed = [test for test in report.leaves() if test.status is Status.FAIL]
    if failed:
        return ProgramVerdict(Status.FAIL, _failures(failed, done), _lost(report))
    lines = (done.stdout + "\n" + done.stderr).splitlines()
    if done.status in SKIP_CODES and report.bail_out is None:
        return ProgramVerdict(Status.SKIP, _skip_reason(report, lines), (*_lost(report), *_not_reached(report)))
    if unmet and _stopped_after(before, report, lines):
        return ProgramVerdict(Status.SKIP, unmet, (*_lost(report), *_not_reached(report)), cut_short=True)
    if done.status != 0:
        return ProgramVerdict(Status.FAIL, f"exit status {done.status}{_so_far(report)}{_last_words(report, lines)}")
    return _judge_tap(report) if report.is_ktap else _judge_plain(lines, plain_pass)


def _ended_badly(done: CommandResult) -> tuple[Cause, str] | None:
    if done.timed_out or done.status is None or done.status == TIMEOUT_CODE:
        return Cause.TIME_LIMIT, f"stopped at its time limit after {done.seconds:.0f} s"
    # Above 192 no signal is meant: old programs end with -1, which is 255.
    if not 128 < done.status <= 192:
        return None
    number = done.status - 128
    return Cause.TIME_LIMIT if number == signal.SIGKILL else Cause.SIGNAL, f"killed by signal {number}"


def _stopped_after(before: int, report: KtapReport, lines: list[str]) -> bool:
    """True if results are missing, but none of the first ``before``, and no word of failure explains it.

    udmabuf.c says "ubuf_fd mmap fail" where it has no huge pages, and "[FAIL,..." only of the kernel.
    """
    reached = _missing(report) > 0 and _ended_count(report) >= before
    return reached and not any(map(_SAYS_FAILED.search, lines))


def _judge_tap(report: KtapReport) -> ProgramVerdict:
    """Exit status 0 and no failed result: is everything there that was promised?"""
    lost = _lost(report)
    if report.bail_out is not None:
        return ProgramVerdict(Status.FAIL, f"bailed out with exit status 0: {report.bail_out}", lost)
    if report.skipped is not None and not report.tests:
        return ProgramVerdict(Status.SKIP, report.skipped or "no reason given", lost)
    if report.problems:
        return ProgramVerdict(Status.FAIL, f"exit status 0, but {report.problems[0]}", lost)
    statuses = {test.status for test in report.leaves()}
    if not statuses:
        return ProgramVerdict(Status.FAIL, "exit status 0, but not a single result", lost)
    if statuses == {Status.SKIP}:
        return ProgramVerdict(Status.SKIP, "all its results are skips", lost)
    return ProgramVerdict(Status.PASS, "", lost)


def _judge_plain(lines: list[str], plain_pass: re.Pattern[str] | None) -> ProgramVerdict:
    """Exit status 0 of a program that prints no TAP."""
    if plain_pass is None or not any(plain_pass.search(line.strip()) for line in lines):
        return ProgramVerdict(Status.FAIL, "exit status 0, but nothing in its output says that it passed")
    hidden = tuple(line.strip() for line in lines if _HIDDEN_SKIP.search(line))
    return ProgramVerdict(Status.PASS, "", hidden)


# --- words ------------------------------------------------------------------------------------


def _missing(report: KtapReport) -> int:
    return sum(test.status is Status.MISSING for test in report.leaves())


def _ended_count(report: KtapReport) -> int:
    return sum(test.status is not Status.MISSING for test in report.leaves())


def _so_far(report: KtapReport) -> str:
    if not report.is_ktap:
        return ""
    planned = f" of {report.plan}" if report.plan is not None else ""
    return f" after {_ended_count(report)}{planned} results"


def _not_reached(report: KtapReport) -> tuple[str, ...]:
    missing = _missing(report)
    return (f"{missing} of {report.plan} results were never reached",) if missing else ()


def _lost(report: KtapReport) -> tuple[str, ...]:
    """Skips and expected failures inside: they are easily overlooked in a program that passes."""
    inside = [test for test in report.leaves() if test.status is Status.SKIP]
    return tuple(": ".join(filter(None, (test.name, test.reason))) or "a skip without a name" for test in inside)


def _failures(failed: list[KtapTest], done: CommandResult) -> str:
    more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    name = failed[0].name or f"result {failed[0].number}"
    return f"not ok: {name}{more}" + (", yet exit status 0" if done.status == 0 else "")


def _skip_reason(report: KtapReport, lines: list[str]) -> str:
    tags = [found.group(1) for line in lines if (found := _SKIP_TAG.search(line))]
    named = [test.reason or test.name for test in report.leaves() if test.status is Status.SKIP]
    return next(filter(None, (report.skipped, *reversed(tags), *reversed(named))), "") or _last_line(lines)


def _last_words(report: KtapReport, lines: list[str]) -> str:
    said = report.bail_out or _last_line(lines)
    return f": {said}" if said else ""


def _last_line(lines: list[str]) -> str:
    words = [line.strip().lstrip("# ") for line in lines if line.strip() and "# Totals:" not in line]
    return words[-1] if words else "it said nothing"
