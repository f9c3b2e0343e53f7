# SPDX-License-Identifier: GPL-2.0-only
"""Finding what the kernel says against itself in a console log: warnings, oopses, lockdep reports and their like.

Only lines with a kernel time stamp are believed, and only if a report begins there: a test that prints "WARNING: ..."
to its output, or a daemon that logs such a word, is no report. Text in, values out, in linear time and bounded memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from harness.identities import Moment
from harness.model import Splat
from harness.splat import kinds
from harness.splat.folding import folded, with_causes
from harness.splat.lines import MARK, Line, kernel_lines, numbered
from harness.splat.report_lines import Report
from harness.splat.taint import unexplained

_MAX_CALLERS = 64
_MAX_NESTED = 4
_OURS = "dmabuf-harness: "
# drivers/dma-buf/selftest.c, and KUnit (lib/kunit/test.c), which names a suite when it begins but not its tests.
_STEP = re.compile(r"(?:dma-buf: Running| {4}# Subtest:) (\S{1,100})$")


class _Marks:
    """Which suite and test run, by the marks that the harness writes to the log. Not every test has an end mark."""

    def __init__(self) -> None:
        self._running: list[str] = []
        self._last = ""
        self._any = False
        self._step = ""

    def step(self, what: str) -> None:
        """What the kernel itself says it is at, inside a suite; holds until the next mark."""
        self._step = what if len(self._running) == 1 else ""

    def take(self, verb: str, what: str) -> None:
        self._any = True
        self._step = ""
        if what in self._running:
            del self._running[self._running.index(what) :]
        if verb == "start":
            del self._running[1:]
            self._running.append(what)
        else:
            self._last = what

    @property
    def during(self) -> str:
        return str(self._moment)

    @property
    def _moment(self) -> Moment:
        if not self._any:
            return Moment(boot=True)
        if not self._running:
            return Moment(after=self._last)
        suite, *inside = self._running
        return Moment(suite, ": ".join([*inside, *filter(None, [self._step])]))


class _Finder:
    """Reads a log line by line. Reports of several CPUs may be interleaved, best if the kernel prints who speaks."""

    def __init__(self) -> None:
        self._open: dict[str, Report] = {}
        self._last: dict[str, Line] = {}
        self._marks = _Marks()
        self._found: list[Splat] = []

    def read(self, lines: Iterable[Line]) -> Iterator[Splat]:
        """Each report, when it has ended."""
        for line in lines:
            if line.text.startswith(_OURS):
                self._mark(line)
            elif not line.by_program:
                if step := _STEP.match(line.text):
                    self._step(line, step.group(1))
                self._take(line)
            yield from self._pop()
        for caller in tuple(self._open):
            self._end_all(caller)
        yield from self._pop()

    def _pop(self) -> list[Splat]:
        found, self._found = self._found, []
        return found

    def _mark(self, line: Line) -> None:
        if mark := MARK.match(line.text):
            self._end_at_mark(line)
            self._marks.take(mark.group(1), mark.group(2).strip())

    def _step(self, line: Line, step: str) -> None:
        self._end_at_mark(line)
        self._marks.step(step)

    def _end_at_mark(self, line: Line) -> None:
        """Who writes a mark is done with its own report. Others print on, as a test that ends does not stop them."""
        for caller, report in tuple(self._open.items()):
            sure = bool(line.caller and caller)
            if report.must_go_on or (sure and line.caller != caller):
                report.marked = True
            elif sure or report.ended:
                self._end_all(caller)
            else:
                report.marked = report.unsure = True

    # --- one line -------------------------------------------------------------------------------

    def _take(self, line: Line) -> None:
        report = self._of(line)
        if report is None:
            self._begin(line, None)
        elif kinds.CUT_HERE.match(line.text):
            if report.awaits_cut():
                report.begin_cut()
                self._add(line, report)
            else:
                self._begin(line, report)
        elif not report.title and report.outer is not None and kinds.has_shape(report.outer.kind, line.text):
            self._add_to_outer(line, report)
        elif (kind := kinds.kind_of(line.text)) and not report.has_part(kind):
            self._begin(line, report)
        elif kind or report.takes(line):
            self._add(line, report)
        else:
            self._end(line.caller)
            self._take(line)
        self._remember(line)

    def _of(self, line: Line) -> Report | None:
        """The report that is being read where ``line`` was printed. One that only shows its stack in another's report
        may say something else afterwards: that does not end the report."""
        report = self._open.get(line.caller)
        if report is None:
            return self._adopted(line)
        if report.caller != line.caller and (self._begins(line, report) or not report.takes(line)):
            del self._open[line.caller]
            return None
        return report

    def _begins(self, line: Line, report: Report) -> bool:
        kind = kinds.kind_of(line.text)
        return kinds.CUT_HERE.match(line.text) is not None or (bool(kind) and not report.has_part(kind))

    def _adopted(self, line: Line) -> Report | None:
        """A stall makes the other CPUs show their stacks: theirs are parts of its report."""
        if not kinds.NMI_TRACE.match(line.text):
            return None
        report = next((report for report in self._open.values() if report.kind in kinds.STALLS), None)
        if report is not None:
            self._open[line.caller] = report
        return report

    def _remember(self, line: Line) -> None:
        """What was said before a stack is dumped says why."""
        if len(self._last) >= _MAX_CALLERS:
            self._last.clear()
        if line.text.strip():
            self._last[line.caller] = line

    # --- one report -----------------------------------------------------------------------------

    def _begin(self, line: Line, interrupted: Report | None) -> None:
        report = self._new(line)
        if report is None:
            return
        if interrupted is not None:
            if interrupted.must_go_on or report.kind in kinds.ONLY_SHAPES:
                report.outer = interrupted
            else:
                self._end_all(line.caller)
        if self._depth(report) > _MAX_NESTED or (line.caller not in self._open and len(self._open) >= _MAX_CALLERS):
            self._end_all(next(iter(self._open)) if interrupted is None else line.caller)
            report.outer = None
        self._open[line.caller] = report
        self._close_if_done(line.caller, report)

    def _new(self, line: Line) -> Report | None:
        """The report that begins with ``line``."""
        cut = kinds.CUT_HERE.match(line.text) is not None
        kind = "warn" if cut else kinds.kind_of(line.text)
        if not kind and kinds.BEFORE_CUT.match(line.text):
            kind = "list-corruption"
        if not kind:
            return self._complaint(line) if kinds.PRINTED_BY.match(line.text) else None
        report = Report(kind, line.number, self._marks.during, line.caller, cut_here=cut)
        report.add(line)
        return report

    def _complaint(self, line: Line) -> Report | None:
        """Somebody dumps the stack without the words of any known report: what was said last is the reason."""
        said = self._last.get(line.caller)
        if said is None or kinds.ASKED_FOR.match(said.text):
            return None
        report = Report("trace", said.number, self._marks.during, line.caller)
        report.add(said)
        report.add(line)
        return report

    def _depth(self, report: Report) -> int:
        return 1 + (self._depth(report.outer) if report.outer is not None else 0)

    def _add(self, line: Line, report: Report) -> None:
        report.add(line)
        self._close_if_done(line.caller, report)

    def _add_to_outer(self, line: Line, report: Report) -> None:
        """Without callers two CPUs are told apart by what a line looks like: this one is no title."""
        outer = report.outer
        assert outer is not None
        outer.add(line)
        if outer.done:
            self._found.append(outer.finish())
            report.outer = outer.outer

    def _close_if_done(self, caller: str, report: Report) -> None:
        if report.done:
            self._end(caller)

    def _end(self, caller: str) -> None:
        """End the innermost report of ``caller``; the one that it interrupted goes on."""
        report = self._open.pop(caller)
        if report.is_one:
            self._found.append(report.finish())
        if report.outer is not None:
            self._open[caller] = report.outer
        for other in [key for key, value in self._open.items() if value is report]:
            del self._open[other]

    def _end_all(self, caller: str) -> None:
        while caller in self._open:
            self._end(caller)


def find_splats(text: str) -> tuple[Splat, ...]:
    """All reports in a console log or ``dmesg`` output, in order, each with its fingerprint.

    ``during`` is taken from the lines ``dmabuf-harness: start WHAT`` and ``end WHAT``: "suite: test", "boot" before
    the first of them, "after WHAT" between two. The kernel's own selftests say themselves what they begin.
    What was printed several times during one is told once, with a count.
    """
    found = with_causes(folded(_Finder().read(kernel_lines(numbered(text)))))
    return tuple(sorted((*found, *unexplained(found)), key=lambda splat: splat.line))
