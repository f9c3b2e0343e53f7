# SPDX-License-Identifier: GPL-2.0-only
"""Reading test output: KTAP version 1, TAP 13 and 14 as kselftest and KUnit print them, alone or inside a kernel log.

Sources: Documentation/dev-tools/ktap.rst; tools/testing/selftests/kselftest.h and kselftest/runner.sh (5.6 to 7.3);
lib/kunit/test.c. Pure: text in, values out. Any text is accepted; what is wrong with it is said in ``problems``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from harness.kernel_stamp import stamped
from harness.model import Status

MAX_MISSING = 1000  # missing results that get an entry of their own; a garbled plan may promise billions
MAX_DEPTH = 32  # what is nested deeper counts as the innermost level

_VERSION = re.compile(r"K?TAP version \d+\s*$")
_PLAN = re.compile(r"1\.\.(\d{1,18})\s*(?:#\s*(.*))?$")
_RESULT = re.compile(r"(ok|not ok)(?:\s+(\d{1,18}))?(?=\s|$)(.*)$")
_DIRECTIVE = re.compile(r"(?<!\\)#\s?(SKIP|TODO|XFAIL|XPASS|TIMEOUT|ERROR|exit=\d+)\b[:\s]*", re.IGNORECASE)
_SUBTEST = re.compile(r"# Subtest:\s*(.*)$")
_BAIL_OUT = re.compile(r"Bail out!\s*(.*)$")
_RUNNER = re.compile(r"# selftests: ")  # kselftest/runner.sh: what follows is a program's output behind "# "
_STRUCTURAL = re.compile(r"K?TAP version \d|1\.\.\d|ok\b|not ok\b|Bail out!|# Subtest:")
# What a program shows of another one that it runs is behind "# # ". A comment of its own may begin with "ok".
_DEEPER = re.compile(r"K?TAP version \d|1\.\.\d|(?:not )?ok \d|Bail out!|# Subtest:")

_EMPTY = "it announced subtests, and not one has a result"


@dataclass(frozen=True)
class KtapTest:
    """One result.

    ``number``: as printed, None if there was none. ``parents``: names of the subtests it is inside of, outermost
    first. ``directive``: "SKIP", "XFAIL", ... or empty; ``reason`` is its text. ``diagnostics``: the lines before it.
    ``status``: ``MISSING`` for a result that was promised and never came.
    """

    name: str
    status: Status
    number: int | None = None
    directive: str = ""
    reason: str = ""
    diagnostics: tuple[str, ...] = ()
    children: tuple[KtapTest, ...] = ()
    parents: tuple[str, ...] = ()

    @property
    def repeats_its_children(self) -> bool:
        """True if its subtests say all that it says. One that fails although none of them does says more: its own
        set-up or clean-up failed."""
        return bool(self.children) and (self.status is not Status.FAIL or any(map(_fails, self.children)))


def _fails(test: KtapTest) -> bool:
    return test.status is Status.FAIL or any(map(_fails, test.children))


@dataclass(frozen=True)
class KtapReport:
    """A whole output.

    ``plan``: promised number of results at the top, None if none was printed. ``skipped``: reason if the plan itself
    says so (``1..0 # SKIP why``). ``bail_out``: reason, None if it did not bail out. ``diagnostics``: lines after the
    last result. ``problems``: one line for each way in which the output contradicts itself.
    """

    tests: tuple[KtapTest, ...]
    plan: int | None = None
    skipped: str | None = None
    bail_out: str | None = None
    diagnostics: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def is_ktap(self) -> bool:
        """True if there was any plan or result: else the text is something else."""
        return self.plan is not None or bool(self.tests) or self.bail_out is not None

    def leaves(self) -> Iterator[KtapTest]:
        """The results without subtests, in order; one that fails by itself follows its subtests."""
        stack = list(reversed(self.tests))
        while stack:
            test = stack.pop()
            if test.children and not test.repeats_its_children:
                stack.append(replace(test, children=()))
            if test.children:
                stack.extend(reversed(test.children))
            else:
                yield test


@dataclass
class _Level:
    """One nesting level while it is being read."""

    indent: int
    name: str = ""
    plan: int | None = None
    skipped: str | None = None
    tests: list[KtapTest] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)
    diagnostics: list[str] = field(default_factory=list)
    children: list[KtapTest] = field(default_factory=list)  # of the result that comes next
    child_name: str = ""
    child_skipped: str | None = None
    skips: bool = False  # its plan says that it does
    announced: bool = False  # by a line of its own: then it has results
    child_announced: bool = False

    def take_diagnostics(self) -> tuple[str, ...]:
        taken = tuple(self.diagnostics)
        self.diagnostics.clear()
        return taken


class KtapParser:
    """Reads line by line. ``feed`` returns what ended with that line, at any depth; ``close`` gives the whole."""

    def __init__(self) -> None:
        self._levels = [_Level(0)]
        self._problems: list[str] = []
        self._bail_out: str | None = None
        self._in_runner = False

    # --- lines --------------------------------------------------------------------------------

    def feed(self, line: str) -> tuple[KtapTest, ...]:
        """Take the next line (with or without its newline)."""
        indent, text = self._unwrap(line)
        if found := _SUBTEST.match(text):
            level = self._level_at(indent, fresh=True)
            level.name, level.announced = found.group(1).strip(), True
        elif _VERSION.match(text):
            self._level_at(indent, fresh=True).announced = True
        elif found := _PLAN.match(text):
            self._take_plan(indent, int(found.group(1)), found.group(2))
        elif found := _RESULT.match(text):
            return (self._take_result(indent, *found.groups()),)
        elif found := _BAIL_OUT.match(text):
            self._bail_out = self._bail_out or found.group(1).strip()
        elif text:
            self._take_diagnostic(indent, text)
        return ()

    def _unwrap(self, line: str) -> tuple[int, str]:
        """(indentation, text) without time stamp, line end, and the runner's ``# `` before a program's results."""
        line = line.rstrip("\r\n")
        if found := stamped(line):
            line = found.text
        text = line.lstrip(" \t")  # KUnit indented by a tab until 5.7
        indent = len(line[: len(line) - len(text)].expandtabs(8))
        self._in_runner = self._in_runner or bool(_RUNNER.match(text))
        if self._in_runner and (inner := _wrapped(text)):
            return indent + len(text) - len(inner), inner.rstrip()
        return indent, text.rstrip()

    def _take_diagnostic(self, indent: int, text: str) -> None:
        """Comments belong to a level by their indentation; anything else (kernel messages) to what runs now."""
        level = self._levels[-1]
        if text.startswith("#"):
            level = next((one for one in reversed(self._levels) if one.indent <= indent), level)
            text = text[1:].strip()
        level.diagnostics.append(text)

    # --- structure ----------------------------------------------------------------------------

    def _level_at(self, indent: int, fresh: bool = False) -> _Level:
        """The level of a line with this indentation. ``fresh``: the line starts one, rather than continuing it."""
        while len(self._levels) > 1 and indent < self._levels[-1].indent:
            self._end_level()
        if indent > self._levels[-1].indent and len(self._levels) < MAX_DEPTH:
            self._levels.append(_Level(indent))
        elif fresh and len(self._levels) > 1 and self._levels[-1].tests:
            self._end_level()  # its own result never came
            self._level_at(indent, fresh=True)
        return self._levels[-1]

    def _end_level(self) -> None:
        """What the innermost level holds becomes the children of its parent's next result."""
        self._check_plan(self._levels[-1])
        level = self._levels.pop()
        parent = self._levels[-1]
        self._orphan(parent)
        parent.children, parent.child_name = level.tests, level.name
        parent.child_announced, parent.child_skipped = level.announced, level.skipped if level.skips else None
        parent.diagnostics += level.diagnostics

    def _orphan(self, level: _Level) -> None:
        """Subtests whose own result never came are kept, under a result that is missing."""
        if not level.children and not level.child_announced:
            return
        children, name = tuple(level.children), level.child_name or "(no name)"
        self._forget_child(level)
        self._problems.append(f"subtest {name}: its own result is missing")
        level.tests.append(KtapTest(name, Status.MISSING, children=children, parents=self._parents()))

    def _forget_child(self, level: _Level) -> None:
        level.children, level.child_name, level.child_announced, level.child_skipped = [], "", False, None

    def _parents(self) -> tuple[str, ...]:
        return tuple(level.name for level in self._levels[1:] if level.name)

    def _take_plan(self, indent: int, count: int, comment: str | None) -> None:
        level = self._level_at(indent)
        if level.plan is not None:
            self._problems.append(f"{self._where(level)}a second plan, 1..{count} after 1..{level.plan}")
            return
        level.plan = count
        if count == 0:
            level.skipped = re.sub(r"(?i)^skip\b[:\s]*", "", comment or "").strip()
            level.skips = bool(comment)

    def _take_result(self, indent: int, verdict: str, number_text: str | None, rest: str) -> KtapTest:
        level = self._level_at(indent)
        number = int(number_text) if number_text else None
        name, directive, reason = _split(rest)
        test = KtapTest(
            name=name or level.child_name,
            status=_status(verdict == "ok", directive),
            number=number,
            directive=directive,
            reason=reason,
            diagnostics=level.take_diagnostics(),
            children=tuple(level.children),
            parents=self._parents(),
        )
        test = self._unless_empty(level, test)
        children = test.children
        self._forget_child(level)
        self._check_number(level, test)
        if test.status is Status.PASS and any(child.status.is_bad for child in children):
            self._problems.append(f"{self._where(level)}{test.name} is ok although a subtest of it is not")
        level.tests.append(test)
        return test

    def _unless_empty(self, level: _Level, test: KtapTest) -> KtapTest:
        """``test``, which has not passed if it announced subtests and none of them has a result, as kunit.py has it."""
        if test.status is not Status.PASS or test.children or not level.child_announced:
            return test
        if level.child_skipped is not None:
            return replace(test, status=Status.SKIP, directive="SKIP", reason=level.child_skipped)
        self._problems.append(f"{self._where(level)}{test.name or '(no name)'} is ok, but {_EMPTY}")
        return replace(test, status=Status.FAIL, reason=_EMPTY)

    # --- what is wrong ------------------------------------------------------------------------

    def _where(self, level: _Level) -> str:
        return f"{level.name}: " if level.name else ""

    def _check_number(self, level: _Level, test: KtapTest) -> None:
        expected = len(level.numbers) + 1
        number = test.number if test.number is not None else expected
        if number in level.numbers:
            self._problems.append(f"{self._where(level)}result number {number} comes twice")
        elif number != expected and expected not in level.numbers:
            self._problems.append(f"{self._where(level)}result number {number} where {expected} was due")
        level.numbers.add(number)

    def _check_plan(self, level: _Level) -> None:
        self._orphan(level)
        if level.plan is None:
            if level.tests:
                self._problems.append(f"{self._where(level)}no plan, so lost results cannot be noticed")
            return
        if len(level.tests) > level.plan:
            self._problems.append(f"{self._where(level)}{len(level.tests)} results, planned were {level.plan}")
        elif len(level.tests) < level.plan:
            self._add_missing(level, level.plan)

    def _add_missing(self, level: _Level, plan: int) -> None:
        count = plan - len(level.tests)
        self._problems.append(f"{self._where(level)}{count} of {plan} planned results are missing")
        absent = (number for number in range(1, plan + 1) if number not in level.numbers)
        for number, _ in zip(absent, range(min(count, MAX_MISSING)), strict=False):
            level.tests.append(KtapTest(f"result {number}", Status.MISSING, number, parents=self._parents()))

    def close(self) -> KtapReport:
        """The end of the text: what is missing is missing for good. Call it once."""
        while len(self._levels) > 1:
            self._end_level()
        top = self._levels[0]
        if not top.tests and top.plan is None and top.children:
            top.tests, top.children = top.children, []  # the whole text was indented
        else:
            self._check_plan(top)
        return KtapReport(
            tests=tuple(top.tests),
            plan=top.plan,
            skipped=top.skipped,
            bail_out=self._bail_out,
            diagnostics=tuple(top.diagnostics),
            problems=tuple(self._problems),
        )


def _wrapped(text: str) -> str:
    """What a program printed, of a line in which the runner has put "# " before it; empty if that is a comment."""
    structure = _STRUCTURAL
    while text.startswith("# "):
        text = text[2:].lstrip(" ")
        if structure.match(text):
            return text
        structure = _DEEPER
    return ""


def _split(rest: str) -> tuple[str, str, str]:
    """(name, directive, reason) from what follows the number."""
    found = _DIRECTIVE.search(rest)
    name = rest[: found.start()] if found else rest
    name = name.strip().removeprefix("- ").replace("\\#", "#").strip()
    if found is None:
        return name, "", ""
    directive = found.group(1)
    directive = directive if directive.startswith("exit=") else directive.upper()
    return name, directive, rest[found.end() :].strip()


def _status(ok: bool, directive: str) -> Status:
    """What a result line means.

    5.x runners print ``not ok ... # SKIP``. XFAIL and TODO are no passes (the thing does not work) and no failures
    (nobody expects it to). kselftest counts XPASS as a failure (``ksft_finished``), so do we.
    """
    if directive == "SKIP" or (directive in ("XFAIL", "TODO") and not (ok and directive == "TODO")):
        return Status.SKIP
    return Status.PASS if ok and directive not in ("XPASS", "ERROR", "TIMEOUT") else Status.FAIL


def parse(lines: str | Iterable[str]) -> KtapReport:
    """Read a whole output, as text or as lines."""
    parser = KtapParser()
    for line in lines.splitlines() if isinstance(lines, str) else lines:
        parser.feed(line)
    return parser.close()
