# SPDX-License-Identifier: GPL-2.0-only
"""What is in a log is found, whatever stands around it, and the work grows with the log and no faster."""

from __future__ import annotations

import re
import re._constants as sre  # type: ignore[import-not-found]
import re._parser as sre_parse  # type: ignore[import-not-found]
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.splat import (
    addresses,
    find_splats,
    finder,
    fingerprint,
    fingerprint_rules,
    folding,
    kinds,
    lines,
    report_lines,
    stack,
    taint,
)

DATA = Path(__file__).parent.parent / "data"

# --- any text ---------------------------------------------------------------------------------

REAL = [
    line
    for name in ("console-6.12-planted-splats.log", "console-6.12-two-cpus-warn-at-once-with-callers.log")
    for line in (DATA / name).read_text().splitlines()
]


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    find_splats(text)


@settings(deadline=None)
@given(st.lists(st.sampled_from(REAL), max_size=60))
def test_shuffled_logs_are_taken_and_reports_stay_in_order(shuffled: list[str]) -> None:
    found = find_splats("\n".join(shuffled))
    assert [splat.line for splat in found] == sorted(splat.line for splat in found)
    assert all(splat.title and splat.fingerprint and splat.count > 0 for splat in found)


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_a_log_cut_anywhere_has_the_reports_that_had_begun(data: st.DataObject) -> None:
    """A report whose text begins before the cut is found; those that ended before it are found whole."""
    cut = data.draw(st.integers(0, len(REAL)))
    whole = [splat for splat in find_splats("\n".join(REAL)) if splat.kind != "taint"]
    found = find_splats("\n".join(REAL[:cut]))
    ended = [splat for splat in whole if splat.line + len(splat.text.splitlines()) <= cut]
    assert {(splat.line, splat.title) for splat in ended} <= {(splat.line, splat.title) for splat in found}
    assert not [splat for splat in found if splat.line > cut]


# --- planted reports --------------------------------------------------------------------------

WORDS = st.text(alphabet="abcdefgh xyz0123456789:[]()<>-=.,/%", max_size=60).map(str.strip)
NAMES = st.from_regex(r"[a-z_]{3,12}", fullmatch=True)
WHOLE = {
    "warn": "------------[ cut here ]------------\nplanted in {0}\nWARNING: CPU: 0 PID: 1 at a.c:1 {0}+0x1/0x2\n"
    "RIP: 0010:{0}+0x1/0x2\nCall Trace:\n <TASK>\n {1}+0x1/0x2\n </TASK>\n---[ end trace 0000000000000000 ]---",
    "oops": "BUG: kernel NULL pointer dereference, address: 0000000000000008\nOops: Oops: 0002 [#1] PREEMPT SMP\n"
    "RIP: 0010:{0}+0x1/0x2\nCall Trace:\n {1}+0x1/0x2\n---[ end trace 0000000000000000 ]---",
    "kasan": "BUG: KASAN: slab-use-after-free in {0}+0x1/0x2\nCall Trace:\n {1}+0x1/0x2\n\nFreed by task 3:\n"
    " kfree+0x1/0x2\n==================================================================",
    "lockdep": "WARNING: possible recursive locking detected\nsh/1 is trying to acquire lock:\nstack backtrace:\n"
    "CPU: 0 PID: 1 Comm: sh Not tainted 6.12.117 #1\nCall Trace:\n <TASK>\n {0}+0x1/0x2\n {1}+0x1/0x2\n </TASK>",
    "atomic": "BUG: sleeping function called from invalid context at a.c:1\nCPU: 0 PID: 1 Comm: sh Not tainted 6.1 #1\n"
    "Call Trace:\n <TASK>\n {0}+0x1/0x2\n {1}+0x1/0x2\n </TASK>",
}


def _innocent(line: str) -> bool:
    """Not by chance a line that begins or continues a report."""
    return not (kinds.kind_of(line, True) or kinds.SHAPE.match(line) or kinds.CUT_HERE.match(line) or "Tainted" in line)


@st.composite
def noise(draw: st.DrawFn) -> list[str]:
    """Lines of programs, and of a kernel that is content."""
    kernel = st.builds("[   11.000000] net: {}".format, WORDS)
    program = WORDS.filter(lambda line: "[" not in line)
    return draw(st.lists(kernel | program, max_size=6))


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_planted_reports_between_noise_are_found_exactly(data: st.DataObject) -> None:
    planted = data.draw(st.lists(st.tuples(st.sampled_from(sorted(WHOLE)), NAMES, NAMES), max_size=5, unique=True))
    log, expected = data.draw(noise()), []
    for kind, first, second in planted:
        text = WHOLE[kind].format(first, second)
        log.append("[   12.000000] everything is well")
        expected.append((kind, text, len(log) + 1))
        log += [f"[   12.345678] {line}" for line in text.splitlines()]
        log += ["[   13.000000] everything is well", *data.draw(noise())]
    found = find_splats("\n".join(log))
    assert [(splat.kind, splat.text, splat.line) for splat in found] == expected


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_reports_of_several_callers_are_told_apart_in_any_interleaving(data: st.DataObject) -> None:
    planted = data.draw(st.lists(st.tuples(st.sampled_from(sorted(WHOLE)), NAMES, NAMES), max_size=4, unique=True))
    left = {f"T{number}": WHOLE[kind].format(a, b).splitlines() for number, (kind, a, b) in enumerate(planted)}
    log = []
    while left:
        caller = data.draw(st.sampled_from(sorted(left)))
        log.append(f"<4>[   12.345678][{caller:>6}] {left[caller].pop(0)}")
        left = {key: rest for key, rest in left.items() if rest}
    found = find_splats("\n".join(log))
    assert sorted((splat.kind, splat.text) for splat in found) == sorted(
        (kind, WHOLE[kind].format(a, b)) for kind, a, b in planted
    )


# --- the work ---------------------------------------------------------------------------------

MODULES = (lines, kinds, report_lines, finder, folding, stack, fingerprint, fingerprint_rules, taint, addresses)


def _patterns(module: ModuleType) -> Iterator[tuple[str, re.Pattern[str]]]:
    for name, value in vars(module).items():
        if isinstance(value, re.Pattern):
            yield f"{module.__name__}.{name}", value
        elif isinstance(value, dict):
            yield from ((f"{module.__name__}.{name}", item) for item in value.values() if isinstance(item, re.Pattern))


READ_LINES = dict(pair for module in MODULES for pair in _patterns(module))


def _unbounded(parsed: Any, at_end: bool = True) -> Iterator[object]:
    """Repeats without a bound that are not the last thing in the pattern."""
    items = list(parsed)
    for index, (code, argument) in enumerate(items):
        last = at_end and index == len(items) - 1
        if code in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            if argument[1] == sre.MAXREPEAT and not last:
                yield argument
            yield from _unbounded(argument[2], last and argument[1] == 1)
        elif code is sre.SUBPATTERN:
            yield from _unbounded(argument[3], last)
        elif code is sre.BRANCH:
            for branch in argument[1]:
                yield from _unbounded(branch, last)


@pytest.mark.parametrize("name", READ_LINES)
def test_no_pattern_looks_at_a_line_again_and_again(name: str) -> None:
    pattern = READ_LINES[name]
    assert not list(_unbounded(sre_parse.parse(pattern.pattern, pattern.flags))), pattern.pattern


def _steps(text: str) -> int:
    """Lines of Python that reading ``text`` runs."""
    steps = 0

    def count(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal steps
        steps += event == "line"
        return count

    previous = sys.gettrace()
    sys.settrace(count)
    try:
        find_splats(text)
    finally:
        sys.settrace(previous)
    return steps


FLOODS = {
    "program": "a program that talks\n",
    "kernel": "[   12.345678] net: link is up\n",
    "no newline": ".",
    "brackets": "[",
    "cuts": "[   12.345678] ------------[ cut here ]------------\n",
    "bugs": "[   12.345678] BUG: Bad page state\n",
    "warns": "".join(f"[   12.345678] {line}\n" for line in WHOLE["warn"].format("f", "g").splitlines()),
    "callers": "".join(f"[   12.345678][{f'T{n}':>6}] BUG: Bad page state {n}\n" for n in range(100)),
    "frames": "[   12.345678] Call Trace:\n" + "[   12.345678]  f+0x1/0x2\n" * 5,
    "dumps": "[   12.345678] CPU: 0 PID: 1 Comm: sh Not tainted\n[   12.345678] Call Trace:\n",
    "marks": "[   12.345678] dmabuf-harness: start a\n",
    "stalls": "[   12.345678] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\n",
}


@pytest.mark.parametrize("flood", FLOODS)
def test_four_times_the_log_is_four_times_the_work(flood: str) -> None:
    unit = FLOODS[flood]
    small = unit * max(1, 6_000 // len(unit))
    assert _steps(small * 4) <= 4.4 * _steps(small) + 500


def test_a_flood_of_reports_is_counted_not_kept() -> None:
    log = "".join(f"[   12.345678] BUG: Bad page {chr(97 + n % 26) * (n // 26 + 1)}\n" for n in range(1500))
    found = find_splats(log)
    assert len(found) <= folding.MAX_DIFFERENT + 1
    assert sum(splat.count for splat in found) == 1500
    assert found[-1].kind == "more"
