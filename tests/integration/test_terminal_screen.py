# SPDX-License-Identifier: GPL-2.0-only
"""The screen of a terminal in front of ``dmabuf-harness run``, as a terminal emulator reads it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.events import Event, Note, PhaseEnded, PhaseProgress, PhaseStarted, Planned
from harness.events import TestEnded as Ended
from harness.model import PlannedTest, RunReport, Status, TestResult, Variant
from harness.report import ReportFile, Written, headline, load, render_table
from harness.report.style import Style
from tests.support.replayed_run import Replayed, replayed
from tests.support.sample_reports import OFF, ON, compared_report, run_report, variant_report

FAIL = TestResult(
    "checks", "heap.size", Status.FAIL, message="expected EINVAL, but the call succeeded " + 9 * "and so on "
)
TESTS = tuple(PlannedTest(*one) for one in (("checks", "a"), ("checks", "b"), ("checks", "heap.size"), ("sync", "s")))
SUITES = ("static", "checks", "contract", "walks", "in-kernel", "dma-buf", "dmabuf-heaps", "sync")
FRAME = b"3/8, 1 fa"  # in each drawing that a resize meets, and also where it is cut
SGR = re.compile(rb"\x1b\[[0-9;]*m")


def passed(variant: str, name: str) -> Ended:
    return Ended(variant, TestResult("checks", name, Status.PASS))


STORY: tuple[Event, ...] = (
    Note("", "guests run under TCG (asked for)"),
    PhaseStarted(ON.name, "build"),
    PhaseEnded(ON.name, "build", 203.1, "1179 objects"),
    Planned(ON.name, TESTS),
    PhaseStarted(OFF.name, "build"),
    PhaseProgress(OFF.name, "build", "612 of 1590 objects (38 %), about 4 min left"),
    PhaseStarted(ON.name, "suite:checks"),
    passed(ON.name, "a"),
    Ended(ON.name, FAIL),
    PhaseEnded(ON.name, "suite:checks", 9.0),
    PhaseEnded(OFF.name, "build", 9.0, "12 objects"),
    Planned(OFF.name, TESTS),
    PhaseStarted(OFF.name, "suite:checks"),
    passed(OFF.name, "a"),
    passed(OFF.name, "b"),
)


def run(
    place: Path, story: Sequence[Event] = STORY, report: RunReport | None = None, *arguments: str, **terminal: Any
) -> Replayed:
    return replayed(place, story, report or run_report(variant_report(), variant_report(OFF)), *arguments, **terminal)


def has(*words: str) -> Any:
    """For ``Terminal.wait_for``: one line has all ``words``."""
    return lambda shown: any(all(word in line for word in words) for line in shown)


def the_line(lines: Sequence[str], *words: str) -> str:
    (found,) = [line for line in lines if all(word in line for word in words)]
    return found


# --- while it runs ----------------------------------------------------------------------------


def test_what_a_phase_is_about_and_the_time_left_stand_at_the_bottom(tmp_path: Path) -> None:
    with run(tmp_path) as going:
        going.let_happen(6)
        shown = going.terminal.wait_for(has("about 4 min left"))
    assert re.fullmatch(
        r" *\d+\.\d s move-notify-off build: 612 of 1590 objects \(38 %\), about 4 min left", the_line(shown, "612")
    )
    assert "move-notify-on build: done in 3 min 23 s (1179 objects)" in the_line(shown, "1179")


def test_variants_stand_beside_each_other_and_failures_come_as_they_are_found(tmp_path: Path) -> None:
    with run(tmp_path) as going:
        going.let_happen(len(STORY))
        shown = going.terminal.wait_for(has("4/8, 1 failed of all tests"))  # the last line of a drawing
    assert the_line(shown, "sync", "0/1  ")
    assert the_line(shown, "move-notify-on", "move-notify-off").split() == ["move-notify-on", "move-notify-off"]
    assert the_line(shown, "checks ", "/").split() == ["checks", "2/3,", "1", "failed", "2/3"]
    assert re.fullmatch(
        r" +\d\.\d s move-notify-on checks: fail heap.size: expected EINVAL, but .*\.\.\.", the_line(shown, "EINVAL")
    )


def test_only_what_is_for_good_is_left_in_the_end(tmp_path: Path) -> None:
    with run(tmp_path) as going:
        going.let_all_happen()
        assert going.terminal.finish() == 0
        lines = going.terminal.lines
    assert not [line for line in lines if "about 4 min left" in line or "of all tests" in line or "2/3" in line]
    assert [line[12:39] for line in lines[:3]] == [
        "guests run under TCG (asked",
        "move-notify-on build: done ",
        "move-notify-on checks: fail",
    ]


@pytest.mark.parametrize("columns", [40, 20])
def test_nothing_wraps_where_it_is_narrow(tmp_path: Path, columns: int) -> None:
    with run(tmp_path, columns=columns) as going:
        going.let_happen(len(STORY))
        shown = going.terminal.wait_for(has("4/8"))
        assert len([line for line in shown if "suite:" in line or "/8" in line]) <= 2
        assert not [line for line in shown if "about 4 min" in line]
        assert max(map(len, shown)) < columns
        going.let_all_happen()
        assert going.terminal.finish() == 0
        assert not [line for line in going.terminal.lines if "/8" in line]


def wait_for_two_drawings(going: Replayed) -> None:
    """The first may have been begun before."""
    drawn = going.terminal.said.count(FRAME)
    going.terminal.wait_for(lambda _: going.terminal.said.count(FRAME) >= drawn + 2)


@pytest.mark.parametrize("sizes", [((40, 24), (120, 24)), ((80, 8),), ((30, 6), (80, 24))])
def test_a_resize_leaves_nothing_behind(tmp_path: Path, sizes: tuple[tuple[int, int], ...]) -> None:
    with run(tmp_path) as going:
        going.let_happen(len(STORY) - 1)
        going.terminal.wait_for(has("3/8"))
        for columns, rows in sizes:
            going.terminal.resize(columns, rows)
            wait_for_two_drawings(going)
        going.let_happen(1)
        shown = going.terminal.wait_for(lambda lines: has("4/8")(lines) and not has("3/8")(lines))
        assert len([line for line in shown if "/8" in line]) == 1
        assert len([line for line in shown if line.split() == [ON.name, OFF.name]]) <= 1
        assert len([line for line in shown if "EINVAL" in line or "fail heap" in line]) <= 1
        going.let_all_happen()
        assert going.terminal.finish() == 0
        assert not [line for line in going.terminal.shown if "/8" in line]


# --- the last screen --------------------------------------------------------------------------


def test_the_end_of_a_green_run_fits_the_screen(tmp_path: Path) -> None:
    results = tuple(TestResult(suite, f"t{n}", Status.PASS) for suite in SUITES[1:] for n in range(30))
    patch = Variant("patch", "the patch itself", {})
    static = variant_report(patch, (TestResult("static", "x", Status.PASS),), of_patch=True)
    report = run_report(variant_report(ON, results), variant_report(OFF, results), static=static)
    story = [Note("", f"note {number}") for number in range(40)]
    with run(tmp_path, story, report) as going:
        going.let_all_happen()
        assert going.terminal.finish() == 0
        shown = going.terminal.shown
    assert has("PASS: move-notify-on and move-notify-off: 210 tests passed; patch: 1 test")(shown)
    assert has("patch static: 1 passed")(shown)
    assert [line.split()[0] for line in shown if "30 passed" in line] == list(SUITES[1:])
    assert has("report ", "run/report.html")(shown)
    assert shown[-2:] == ["again    dmabuf-harness run", ""]


def test_the_end_of_a_red_run_says_what_failed_and_how_to_do_it_again(tmp_path: Path) -> None:
    with run(tmp_path, STORY, compared_report(), columns=130) as going:
        going.let_all_happen()
        assert going.terminal.finish() == 1
        shown = going.terminal.shown
    assert has("FAIL: move-notify-on: 1 test failed")(shown)
    assert has("move-notify-on: checks was.good: fail, new failure")(shown)
    assert has("expected EINVAL, got success")(shown)
    assert has("again: dmabuf-harness reproduce ")(shown)
    assert has("checks was.there")(shown)
    assert has("whole ", "dmabuf-harness report ")(shown)


# --- how loudly -------------------------------------------------------------------------------


def piped(place: Path, *arguments: str, env: dict[str, str] | None = None) -> str:
    """What the same command says where there is no terminal."""
    with run(place) as going:  # for its files
        argv = list(going.terminal.argv)
        reading, writing = os.pipe()
        os.close(writing)
        argv[argv.index("run") - 1] = str(reading)
        argv[argv.index("--out") + 1] = str(place / "piped")
        done = subprocess.run(
            [*argv, *arguments],
            pass_fds=(reading,),
            capture_output=True,
            check=False,
            env={**os.environ, **(env or {})},
        )
        os.close(reading)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def test_where_there_is_no_terminal_all_is_plain_lines(tmp_path: Path) -> None:
    said = piped(tmp_path, env={"TERM": "xterm", "FORCE_COLOR": "1", "TTY_COMPATIBLE": "1", "COLUMNS": "100"})
    directory = tmp_path / "piped"
    assert "\x1b" not in said
    lines = [re.sub(r"^\[ *\d+\.\ds\]", "[s]", line) for line in said.splitlines()]
    assert lines[: len(STORY) - 7] == [
        "[s] guests run under TCG (asked for)",
        "[s] move-notify-on build: started",
        "[s] move-notify-on build: done in 3 min 23 s (1179 objects)",
        "[s] move-notify-off build: started",
        "[s] move-notify-on suite:checks: started",
        f"[s] move-notify-on checks: fail heap.size: {FAIL.message.strip()}",
        "[s] move-notify-on suite:checks: done in 9.0 s (1 passed, 1 failed)",
        "[s] move-notify-off build: done in 9.0 s (12 objects)",
    ]
    files = tuple(
        ReportFile(kind, directory / name) for kind, name in (("junit", "junit.xml"), ("html", "report.html"))
    )
    written = Written(directory, directory / "results.json", files)
    assert said.endswith("\n" + render_table(load(directory), written, Style(100)))


def test_quiet_is_the_verdict_alone(tmp_path: Path) -> None:
    verdict = headline(run_report(variant_report(), variant_report(OFF)))
    with run(tmp_path, STORY, None, "--quiet", columns=200) as going:
        going.let_all_happen()
        assert going.terminal.finish() == 0
        assert going.terminal.lines == [verdict]


def test_quiet_is_the_verdict_alone_in_a_pipe(tmp_path: Path) -> None:
    assert piped(tmp_path, "--quiet") == f"{headline(run_report(variant_report(), variant_report(OFF)))}\n"


def test_verbose_tells_of_each_test_and_all_of_the_end(tmp_path: Path) -> None:
    with run(tmp_path, STORY, None, "--verbose") as going:
        going.let_all_happen()
        assert going.terminal.finish() == 0
        lines = going.terminal.lines
    assert [line[12:] for line in lines if "checks: pass" in line] == [
        "move-notify-on checks: pass a",
        "move-notify-off checks: pass a",
        "move-notify-off checks: pass b",
    ]
    assert has("suite:checks: done in 9.0 s (1 passed, 1 failed)")(lines)
    assert has("passed", "skipped", "missing", "time")(lines)


def test_verbose_tells_of_each_test_in_a_pipe(tmp_path: Path) -> None:
    assert "move-notify-off checks: pass b\n" in piped(tmp_path, "--verbose")


def test_no_color_means_none(tmp_path: Path) -> None:
    with run(tmp_path, env={"NO_COLOR": "1"}) as going:
        going.let_all_happen()
        assert going.terminal.finish() == 0
        assert b"\x1b[" in going.terminal.said and not SGR.search(going.terminal.said)


def test_there_is_color_where_it_is_welcome(tmp_path: Path) -> None:
    with run(tmp_path) as going:
        going.let_all_happen()
        assert going.terminal.finish() == 0
        assert SGR.search(going.terminal.said)


def test_a_dumb_terminal_gets_plain_lines(tmp_path: Path) -> None:
    with run(tmp_path, env={"TERM": "dumb"}) as going:
        going.let_all_happen()
        assert going.terminal.finish() == 0
        assert b"\x1b" not in going.terminal.said and b"] move-notify-on build: started" in going.terminal.said


# --- what must not happen to a terminal -------------------------------------------------------


def is_sane(going: Replayed) -> bool:
    """The cursor can be seen, what is typed too, and nothing is coloured that is written next."""
    screen = going.terminal.screen
    plain = screen.cursor.attrs == screen.default_char
    return plain and not screen.cursor.hidden and going.terminal.modes == going.terminal.modes_now


@pytest.mark.parametrize(
    ("end", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_whatever_ends_the_run_leaves_the_terminal_as_it_was(tmp_path: Path, end: signal.Signals, code: int) -> None:
    with run(tmp_path) as going:
        going.let_happen(len(STORY) - 1)
        going.terminal.wait_for(has("3/8"))
        if end is signal.SIGINT:
            going.terminal.press_ctrl_c()
        else:
            going.terminal.process.send_signal(end)
        assert going.terminal.finish() == code
        assert is_sane(going)
        assert end is signal.SIGKILL or not has("/8")(going.terminal.lines)


def test_a_terminal_that_goes_away_is_no_verdict(tmp_path: Path) -> None:
    with run(tmp_path) as going:
        going.let_happen(len(STORY) - 1)
        going.terminal.wait_for(has("3/8"))
        going.terminal.hang_up()
        assert going.terminal.process.wait(60) == 143


EVIL = (
    "\x1b[2J\x1b[H",
    "\x1b]0;owned\x07",
    "[bold red]name[/bold red]",
    "[/nothing]",
    ":boom:",
    "\u202egnorw",
    "a\rb\nc\x9b31m",
)


@pytest.mark.parametrize("arguments", [(), ("--verbose",)])
def test_what_others_wrote_is_shown_and_not_obeyed(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    bad = tuple(TestResult("checks", f"t{evil}", Status.FAIL, message=f"m{evil}") for evil in EVIL)
    tests = tuple(PlannedTest(one.suite, one.name) for one in bad)
    story: list[Event] = [Planned(ON.name, tests), *(Ended(ON.name, one) for one in bad)]
    for evil in EVIL:
        story += [Note("", f"n{evil}"), PhaseProgress(f"v{evil}", "build", f"p{evil}")]
    report = replace(run_report(variant_report(ON, bad)), patches=(f"s{EVIL[0]}",))
    with run(tmp_path, story, report, *arguments, columns=150, rows=60) as going:
        going.let_happen(len(story))
        shown = going.terminal.wait_for(has(f"v{as_text(EVIL[-1])} build:"))
        going.let_all_happen()
        assert going.terminal.finish() == 1
        screen, said, lines = going.terminal.screen, going.terminal.said.decode(), going.terminal.lines
    assert screen.title == "" and not set("\x07\x9b\u202e") & set(said) and "\x1b[2J" not in said
    for text in map(as_text, EVIL):
        assert has(f"fail t{text}: m{text}")(shown) and has(f"n{text}")(shown), text
        assert has(f"v{text} build: p{text}")(shown), text
        assert has(f"t{text}")(lines[-60:]), text


def as_text(evil: str) -> str:
    return evil.translate({0x1B: "\\x1b", 7: "\\x07", 13: "\\x0d", 10: " ", 0x9B: "\\x9b", 0x202E: "\\u202e"})
