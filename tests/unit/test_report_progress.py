# SPDX-License-Identifier: GPL-2.0-only
"""What a run shows while it goes, on a terminal and elsewhere."""

from __future__ import annotations

import io
import re
import threading

import pyte
import pytest

from harness.events import Event, EventStream, Note, PhaseEnded, PhaseProgress, PhaseStarted, Planned
from harness.events import TestEnded as Ended
from harness.model import PlannedTest, Status, TestResult
from harness.report import show_progress
from harness.report.live_frame import frame
from harness.report.live_screen import LiveScreen
from harness.report.progress_lines import QUIET
from harness.report.run_state import RunState
from harness.report.style import is_live, style_of
from harness.report.text import columns

ON, OFF = "move-notify-on", "move-notify-off"
PASS = TestResult("checks", "a", Status.PASS)
FAIL = TestResult("checks", "b", Status.FAIL, message="expected EINVAL, got success")
SKIP = TestResult("checks", "c", Status.SKIP, message="no vgem")
LESS = TestResult("checks", "d", Status.PASS, lost_coverage=("no memfd",))


class Screen(io.StringIO):
    """A terminal, as a stream."""

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        screen = pyte.Screen(80, 200)
        pyte.Stream(screen).feed(self.getvalue().replace("\n", "\r\n"))
        return [line.rstrip() for line in screen.display if line.strip()]


def plain(*events: tuple[float, Event]) -> list[str]:
    stream = io.StringIO()
    with show_progress(stream) as progress:
        for elapsed, event in events:
            progress(elapsed, event)
    assert "\x1b" not in stream.getvalue()
    return stream.getvalue().splitlines()


def below(elapsed: float, *events: tuple[float, Event], width: int = 80, height: int = 24) -> list[str]:
    """What stands below the lines to stay, ``elapsed`` seconds after the begin of the run."""
    state = RunState()
    for seconds, event in events:
        state.take(seconds, event)
    return [line.plain.rstrip() for line in frame(state, elapsed, width, height)]


def _say_often(stream: EventStream, variant: str) -> None:
    for _ in range(50):
        stream.publish(Note(variant, "said"))


# --- plain lines ------------------------------------------------------------------------------


def test_a_phase_is_a_line_when_it_starts_and_one_when_it_ends() -> None:
    assert plain(
        (9.0, PhaseStarted(ON, "build")),
        (212.1, PhaseEnded(ON, "build", 203.1, "1179 objects")),
        (213.0, PhaseEnded("", "source", 1.25)),
    ) == [
        "[   9.0s] move-notify-on build: started",
        "[ 212.1s] move-notify-on build: done in 3 min 23 s (1179 objects)",
        "[ 213.0s] source: done in 1.2 s",
    ]


def test_of_what_never_ran_one_is_enough() -> None:
    never = [TestResult("contract", f"c{n}", Status.MISSING, message="never ran: no module") for n in range(70)]
    events = [(1.0, Ended(ON, result)) for result in never]
    assert plain(*events, (2.0, PhaseEnded(ON, "suite:contract", 1.5))) == [
        "[   1.0s] move-notify-on contract: missing c0: never ran: no module",
        "[   2.0s] move-notify-on suite:contract: done in 1.5 s (70 never ran)",
    ]


def test_passes_are_counted_and_all_else_is_a_line() -> None:
    events = [(1.0, Ended(ON, result)) for result in (PASS, FAIL, PASS, SKIP, LESS)]
    assert plain(*events, (2.0, PhaseEnded(ON, "suite:checks", 1.5))) == [
        "[   1.0s] move-notify-on checks: fail b: expected EINVAL, got success",
        "[   1.0s] move-notify-on checks: skip c: no vgem",
        "[   1.0s] move-notify-on checks: less tested d: no memfd",
        "[   2.0s] move-notify-on suite:checks: done in 1.5 s (3 passed, 1 failed, 1 skipped)",
    ]


def test_a_long_phase_gives_a_sign_of_life_now_and_then() -> None:
    signs = [
        (second, PhaseProgress(ON, "build", f"{second} objects")) for second in (10.0, QUIET, QUIET + 1, 2 * QUIET)
    ]
    lines = plain((0.0, PhaseStarted(ON, "build")), *signs)
    assert [line.partition("build: ")[2] for line in lines] == ["started", f"{QUIET} objects", f"{2 * QUIET} objects"]


def test_a_warning_says_that_it_is_one() -> None:
    assert plain((0.0, Note("", "KVM does not boot", "warning")), (0.1, Note(ON, "reused"))) == [
        "[   0.0s] warning: KVM does not boot",
        "[   0.1s] move-notify-on reused",
    ]


def test_an_escape_sequence_is_shown_not_obeyed() -> None:
    evil = TestResult("checks", "\x1b[2J", Status.FAIL, message="a\nb\r\x07")
    (line,) = plain((0.0, Ended(ON, evil)))
    assert line == r"[   0.0s] move-notify-on checks: fail \x1b[2J: a b\x0d\x07"


# --- a terminal -------------------------------------------------------------------------------


def test_each_running_phase_has_one_line_with_its_time() -> None:
    assert below(
        9.0,
        (0.0, PhaseStarted(ON, "boot")),
        (5.0, PhaseStarted(OFF, "build")),
        (8.5, PhaseProgress(OFF, "build", "12 objects")),
        (9.0, PhaseProgress(OFF, "build", "14 objects")),
    ) == ["      9.0 s move-notify-on boot", "      4.0 s move-notify-off build: 14 objects", "      9.0 s"]


def planned(variant: str, suite: str, count: int) -> Planned:
    return Planned(variant, tuple(PlannedTest(suite, f"t{number}") for number in range(count)))


def done(variant: str, suite: str, *numbers: int, status: Status = Status.PASS) -> list[tuple[float, Event]]:
    return [(2.0, Ended(variant, TestResult(suite, f"t{number}", status))) for number in numbers]


def test_variants_stand_beside_each_other() -> None:
    runs = (2.0, PhaseStarted(ON, "suite:checks"))
    events = [(0.0, planned(ON, "checks", 20)), (1.0, planned(OFF, "checks", 20)), runs, *done(ON, "checks", *range(9))]
    bad = done(ON, "checks", 9, status=Status.FAIL)
    assert below(62.0, *events, *bad) == [
        "       move-notify-on  move-notify-off",
        "checks 10/20, 1 failed 0/20",
        "     60.0 s move-notify-on suite:checks: 10 of 20 tests, about 1 min left",
        "     62.0 s 10/40, 1 failed of all tests",
    ]


def test_a_test_that_is_tried_again_counts_once() -> None:
    events = [(0.0, planned(ON, "checks", 2)), *done(ON, "checks", 0, status=Status.ERROR), *done(ON, "checks", 0)]
    assert below(1.0, *events)[-1] == "      1.0 s 1/2 of all tests"


def test_parts_of_a_test_are_none_of_those_that_were_planned() -> None:
    part = TestResult("sync", "t0 part 1", Status.FAIL)
    assert below(1.0, (0.0, planned(ON, "sync", 2)), (1.0, Ended(ON, part)))[-1].endswith("0/2, 1 failed of all tests")


@pytest.mark.parametrize("known", [0, 9])
def test_too_few_tests_say_nothing_of_the_time_that_is_left(known: int) -> None:
    events = [
        (0.0, planned(ON, "checks", 20)),
        (0.0, PhaseStarted(ON, "suite:checks")),
        *done(ON, "checks", *range(known)),
    ]
    assert below(60.0, *events)[-2].endswith(f"suite:checks: {known} of 20 tests")


def test_what_shares_no_suite_with_the_others_is_no_column() -> None:
    events = [(0.0, planned(name, suite, 2)) for name, suite in (("patch", "static"), (ON, "checks"), (OFF, "checks"))]
    assert below(1.0, *events)[:-1] == [
        "       move-notify-on move-notify-off",
        "checks 0/2            0/2",
        "patch static: 0/2",
    ]


def test_variants_that_have_no_room_beside_each_other_stand_below() -> None:
    events = [(0.0, planned(name, "checks", 20)) for name in (ON, OFF)]
    assert below(1.0, *events, width=30)[:-1] == ["move-notify-on 0/20", "move-notify-off 0/20"]


def test_what_runs_is_shown_if_nothing_else_has_room() -> None:
    events = [(0.0, planned(name, f"suite {number}", 20)) for name in (ON, OFF) for number in range(24)]
    assert len(below(1.0, *events)) == 3
    assert len(below(1.0, *events, height=3)) == 1


@pytest.mark.parametrize("text", ["x" * 200, "語" * 100, "many words " * 20], ids=["long", "wide", "words"])
def test_a_status_line_never_wraps(text: str) -> None:
    lines = below(1.0, (0.0, PhaseStarted(ON, "build")), (1.0, PhaseProgress(ON, "build", text)), width=40)
    assert any(line.endswith("...") for line in lines) and len(lines) <= 3
    assert max(map(columns, lines)) <= 40


def test_the_clock_goes_on_without_events() -> None:
    """The ticker draws by itself: waited for by what it writes, not by time."""
    drawn = threading.Event()

    class Watched(Screen):
        def write(self, text: str, /) -> int:
            if "\x1b[1A" in text:  # a second drawing, over the first
                drawn.set()
            return super().write(text)

    with LiveScreen(Watched()) as progress:
        progress(0.0, PhaseStarted(ON, "build"))
        assert drawn.wait(30)
    assert not any(thread.name == "progress" for thread in threading.enumerate())


def test_events_from_many_threads_do_not_mix() -> None:
    screen = Screen()
    stream = EventStream()
    with LiveScreen(screen) as progress:
        stream.subscribe(progress)
        workers = [threading.Thread(target=_say_often, args=(stream, name)) for name in (ON, OFF)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert len(screen.lines()) == 100
    assert all(re.fullmatch(r" +\d+\.\d s move-notify-(on|off) said", line) for line in screen.lines())


# --- what a terminal can do -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stream", "environment", "moves", "colors"),
    [
        (Screen(), {"TERM": "xterm"}, True, True),
        (Screen(), {"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        (Screen(), {"TERM": "xterm", "NO_COLOR": ""}, True, True),
        (Screen(), {"TERM": "dumb"}, False, False),
        (Screen(), {}, False, False),
        (io.StringIO(), {"TERM": "xterm"}, False, False),
    ],
)
def test_what_the_terminal_can_do_is_respected(
    stream: io.StringIO, environment: dict[str, str], moves: bool, colors: bool
) -> None:
    assert is_live(stream, environment) is moves
    assert style_of(stream, environment).color is colors
