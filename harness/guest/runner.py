# SPDX-License-Identifier: GPL-2.0-only
"""Runs checks one after the other and tells each result as soon as it is known, in KTAP on stdout.

Shape of the output, one check (``#`` lines are diagnostics and come *before* the result they belong to)::

    # start udmabuf.zero-size-is-refused
    # reach eJzt1DEK...            (with --counters: what gcov counted, see counters.py)
    # failed: expected EINVAL, but the call succeeded (udmabuf.py:42)
    # has ended                    (and what it left behind is looked at)
    # measurement bytes pinned by 8 idle imports: 0
    # cause assertion
    # time 0.0123
    not ok 7 udmabuf.zero-size-is-refused

So whoever reads it knows which check ran when the guest died. The kernel log gets
``dmabuf-harness: check start NAME`` and ``... end NAME`` too, to lay splats at the right door.
"""

from __future__ import annotations

import os
import sys
import time

from harness.guest import checks, counters, marks, oracle, registry
from harness.guest.walks.choice import patience, single_walk, walks

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import TextIO
else:
    import _signal  # the public module imports enum, which costs 0.3 s under software emulation

# Why a check failed, in the words of harness/causes.py.
ASSERTION, REPORT, LATE = "assertion", "kernel report", "time limit"
UNREADABLE = "the kernel's list of dma-bufs could not be read"
NOT_APPLICABLE = "not applicable"  # a line for a skip by which no coverage is lost

# Seconds per check. All of them together take little more: only a hang gets here.
TIME_LIMIT = 10.0
RELEASE_LIMIT = oracle.RELEASE_LIMIT
# The kernel's list of dma-bufs is read in milliseconds, unless a lock was never given back.
LIST_LIMIT = 5.0
# Nothing is heard for longer only if the check, or what reads the lists after it, sleeps where no signal wakes it.
SILENCE_LIMIT = max(TIME_LIMIT, RELEASE_LIMIT + LIST_LIMIT) + 3.0

_results: TextIO | None = None  # None: whatever stdout is
_USAGE = "usage: run_checks.py [--list] [--factor F] [--counters] [--count reset|take] [NAME|GROUP|PATTERN ...]"
REACH = "reach "  # begins the comment with what a check reached
ENDED = "has ended"  # a comment: the check has, and what it left is looked at
GIVEN_UP = "given up: "  # begins a last comment: nothing that this kernel does now would tell anything


class _Usage(Exception):
    """The command line cannot be used; the text says why."""


# --- what is there ----------------------------------------------------------------------------


def select(patterns: Iterable[str]) -> list[str]:
    """Names that ``patterns`` mean: a name, a group ("udmabuf") or a shell pattern ("*.poll-*"); none means all.

    Raises ``LookupError`` with one line of text for a pattern that means nothing.
    """
    names = checks.all_checks()
    chosen: set[str] = set()
    for pattern in patterns:
        matching = [name for name in names if _means(pattern, name)] or _unlisted(pattern)
        if not matching:
            raise LookupError(f"no check is called {pattern!r}; --list shows their names")
        chosen.update(matching)
    listed = [name for name in names if name in chosen]
    return [*listed, *sorted(chosen.difference(listed))] if chosen else names


def _unlisted(pattern: str) -> list[str]:
    """A single walk, which becomes a check when it is asked for."""
    if single_walk(pattern) is None:
        return []
    from harness.guest.checks.walks import register_walk  # noqa: PLC0415 - no others need it

    register_walk(pattern)
    return [pattern]


def _means(pattern: str, name: str) -> bool:
    if any(special in pattern for special in "*?["):
        import fnmatch  # noqa: PLC0415 - it pulls in re: only those who use a pattern pay

        return fnmatch.fnmatchcase(name, pattern)
    return name == pattern or name.startswith(pattern + ".")


# --- one check --------------------------------------------------------------------------------


class CheckOutcome:
    """What became of a check. ``skipped``: the reason, else empty; ``not_applicable``: nothing is lost by that.

    ``trouble``: lines, none if it passed; ``causes``: why it failed, the first counts. ``measurements``: what it
    measured, one line each. ``reached``: what was counted meanwhile, packed; empty if nothing counts. ``locked``: the
    kernel's lists could not be read after it. ``after``: what there was then, None if it left something.
    """

    def __init__(self) -> None:
        self.skipped = ""
        self.not_applicable = self.locked = False
        self.trouble: list[str] = []
        self.causes: list[str] = []
        self.measurements: list[str] = []
        self.seconds = 0.0
        self.reached = ""
        self.after: oracle.Inventory | None = None

    def fail(self, cause: str, *trouble: str) -> None:
        """Note ``trouble``, if there is any."""
        self.trouble += trouble
        if trouble and cause not in self.causes:
            self.causes.append(cause)


class _Limit:
    """Context manager: raises ``registry.TimedOut`` in the block after ``seconds``, and never after its end.

    The interpreter runs a handler when it comes to it, which may be after the timer was stopped.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ended = False

    def __enter__(self) -> None:
        _signal.signal(_signal.SIGALRM, self._on_alarm)
        _signal.setitimer(_signal.ITIMER_REAL, self._seconds)

    def _on_alarm(self, _signum: int, _frame: object) -> None:
        if not self._ended:
            raise registry.TimedOut

    def __exit__(self, *_error: object) -> None:
        self._ended = True
        _signal.setitimer(_signal.ITIMER_REAL, 0)


def _place(traceback: TracebackType | None) -> str:
    """ "udmabuf.py:42": the line of the check itself, not of the helper that noticed."""
    place = ""
    own = None
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if own is None and not file.endswith("/guest/runner.py"):
            own = file
        if file == own:
            place = f"{file.rpartition('/')[2]}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place


def _attempt(function: Callable[[], None], outcome: CheckOutcome, limit: float) -> None:
    """Run ``function`` and note how it ended. Every reference to its frames is gone on return."""
    try:
        with _Limit(limit):
            function()
    except registry.CheckSkipped as reason:
        # Never empty, which would be a pass; one line, for the next could look like a result.
        outcome.skipped = " ".join(str(reason).split()) or "no reason given"
        outcome.not_applicable = reason.not_applicable
    except registry.CheckFailed as failure:
        outcome.fail(ASSERTION, f"failed: {failure} ({_place(failure.__traceback__)})", *failure.details)
    except registry.TimedOut as timeout:
        outcome.fail(LATE, f"timed out after {limit:g} s ({_place(timeout.__traceback__)})")
    except Exception as error:  # noqa: BLE001 - a check is anybody's code: whatever it raises is its result
        outcome.fail(ASSERTION, f"error: {type(error).__name__}: {error} ({_place(error.__traceback__)})")


def _leaks(before: oracle.Inventory, outcome: CheckOutcome, factor: float) -> None:
    """Note what there is now and was not before. Objects may take a moment to go.

    The kernel's lists are read under the locks of what they list: one that was never given back shows here.
    """
    try:
        with _Limit(limit := LIST_LIMIT * factor):
            found = before.leaked_objects(RELEASE_LIMIT * factor)
    except registry.TimedOut:
        found = [f"{UNREADABLE} within {limit:g} s: a lock is held"]
        outcome.locked = True
    found = before.leaked_files() + found
    outcome.fail(ASSERTION, *found)
    outcome.after = None if found else before


def _splats(log: oracle.KernelLog, places: tuple[str, ...], outcome: CheckOutcome) -> None:
    """Note what the kernel reported while the check ran, but for what it provokes; and what it did not provoke."""
    reports = log.reports()
    found = [f"kernel report: {report}" for report in oracle.unexpected(reports, places)]
    provoked = len(reports) > len(found)
    outcome.fail(REPORT, *found)
    if places and not provoked and not outcome.skipped and not outcome.trouble:
        outcome.fail(ASSERTION, f"no kernel report although one was provoked ({' or '.join(places)})")


def run_check(
    function: Callable[[], None],
    factor: float = 1.0,
    places: tuple[str, ...] = (),
    counting: counters.Counters | None = None,
    ended: Callable[[], object] = lambda: None,
    before: oracle.Inventory | None = None,
) -> CheckOutcome:
    """Run one check within its time limit, and see that it left everything as it was. ``factor`` stretches the limits.

    ``places``: functions in which the check makes the kernel warn. ``counting``: tells what it reaches. What looks
    after it reads lists of the kernel, and is not to be counted. ``ended``: called before that.
    ``before``: what there is, if that is known.
    """
    outcome = CheckOutcome()
    before, log = before or oracle.Inventory(), oracle.KernelLog()
    try:
        registry.take_measurements()
        if counting is not None:
            counting.start()
        started = time.monotonic()
        _attempt(function, outcome, TIME_LIMIT * factor)
        outcome.seconds = time.monotonic() - started
        ended()
        if counting is not None:
            outcome.reached = counting.take()
        outcome.measurements = registry.take_measurements()
        _splats(log, places, outcome)
    finally:
        log.close()
    _leaks(before, outcome, factor)
    return outcome


# --- all of them ------------------------------------------------------------------------------


class KeptApart:
    """Context manager: what checks print goes to stderr, for it may look like a result; only ours go to stdout."""

    def __enter__(self) -> None:
        global _results  # noqa: PLW0603 - one per process, like the descriptor
        sys.stdout.flush()
        _results = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)

    def __exit__(self, *_error: object) -> None:
        global _results  # noqa: PLW0603
        if _results is not None:
            sys.stdout.flush()
            os.dup2(_results.fileno(), 1)
            _results.close()
            _results = None


def say(line: str) -> None:
    print(line, file=_results, flush=True)


def _report(number: int, name: str, outcome: CheckOutcome) -> None:
    for trouble in outcome.trouble:
        for line in trouble.splitlines():
            say(f"# {line}")
    if outcome.reached:
        say(f"# {REACH}{outcome.reached}")
    for measurement in outcome.measurements:
        say(f"# measurement {' '.join(measurement.split())}")
    if outcome.trouble:
        say(f"# cause {', '.join(outcome.causes)}")  # the last of its kind: what a check says comes before
    elif outcome.not_applicable:
        say(f"# {NOT_APPLICABLE}")
    say(f"# time {outcome.seconds:.4f}")
    if outcome.trouble:
        say(f"not ok {number} {name}")
    elif outcome.skipped:
        say(f"ok {number} {name} # SKIP {outcome.skipped}")
    else:
        say(f"ok {number} {name}")


def run(names: list[str], factor: float = 1.0, counting: counters.Counters | None = None) -> bool:
    """Run the checks ``names`` in this order, telling each as it ends; True if none failed.

    ``counting``: tells what each reaches, on a kernel with counters. Where a lock is held it ends: the next check would
    only wait for it.
    """
    known = registry.registered()
    say("KTAP version 1")
    say(f"1..{len(names)}")
    good, before = True, None
    for number, name in enumerate(names, 1):
        say(f"# start {name}")
        marks.mark(f"start {name}")
        marks.listen()
        limits = factor * patience(name, walks())
        outcome = run_check(known[name], limits, registry.provoked(name), counting, lambda: say(f"# {ENDED}"), before)
        before = outcome.after
        marks.mark(f"end {name}")
        _report(number, name, outcome)
        good = good and not outcome.trouble
        if outcome.locked:
            say(f"# {GIVEN_UP}{outcome.trouble[-1]}")  # before the end, for which threads may wait that nothing wakes
            return False
    return good


class _Options:
    """The command line. ``count``: reset the counters, or take and then reset them, and nothing else."""

    def __init__(self) -> None:
        self.listing = self.counters = False
        self.count = ""
        self.factor = 1.0
        self.patterns: list[str] = []


def _parse(arguments: list[str]) -> _Options:
    """By hand: argparse takes a second to import under software emulation."""
    found, rest = _Options(), iter(arguments)
    for argument in rest:
        if argument == "--list":
            found.listing = True
        elif argument == "--counters":
            found.counters = True
        elif argument == "--count":
            found.count = _count(next(rest, ""))
        elif argument == "--factor":
            found.factor = _factor(next(rest, ""))
        elif argument.startswith("-"):
            raise _Usage(f"unknown option {argument}; {_USAGE}")
        else:
            found.patterns.append(argument)
    return found


def _count(text: str) -> str:
    if text not in ("reset", "take"):
        raise _Usage(f"--count wants reset or take, not {text!r}; {_USAGE}")
    return text


def _factor(text: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise _Usage(f"--factor wants a number above 0, not {text!r}; {_USAGE}")
    return factor


def main(arguments: list[str]) -> int:
    """The command line; 0 if no check failed, 1 if one did, 2 if the command line is wrong."""
    try:
        options = _parse(arguments)
        names = select(options.patterns)
    except (_Usage, LookupError) as error:
        print(f"run_checks.py: {error}", file=sys.stderr)
        return 2
    if options.listing or options.count:
        for line in names if options.listing else _counted(options):
            say(line)
        return 0
    with KeptApart():
        return 0 if run(names, options.factor, counters.Counters(options.factor) if options.counters else None) else 1


def _counted(options: _Options) -> list[str]:
    """What ``--count`` shows."""
    if options.count == "take":
        reached = [REACH + counters.Counters(options.factor).take()]
        counters.reset()
        return reached
    counters.reset()
    return []
