# SPDX-License-Identifier: GPL-2.0-only
"""What a run shows while it goes, on a terminal and elsewhere."""

from __future__ import annotations

import io
import re
import threading

import pytest

from harness.events import Event, EventStream, Note, PhaseEnded, PhaseProgress, PhaseStarted
from harness.events import TestEnded as Ended
from harness.model import Status, TestResult
from harness.report import Progress
from harness.report.progress import QUIET
from harness.report.style import Style, is_live, style_of

ON, OFF = "move-notify-on", "move-notify-off"
PASS = TestResult("checks", "a", Status.PASS)
FAIL = TestResult("checks", "b", Status.FAIL, message="expected EINVAL, got success")
SKIP = TestResult("checks", "c", Status.SKIP, message="no vgem")
LESS = TestResult("checks", "d", Status.PASS, lost_coverage=("no memfd",))


class Screen(io.StringIO):
    """A terminal that understands what Progress sends: cursor up, carriage return, clear to the end."""

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        shown: list[str] = [""]
        row = 0
        for part in re.findall(r"\x1b\[\d*[A-Z]|\n|\r|[^\x1b\n\r]+", self.getvalue()):
            if part.endswith("A") and part.startswith("\x1b"):
                row -= int(part[2:-1])
                assert row >= 0, "moved above the top"
            elif part == "\x1b[J":
                shown[row:] = [""]
            elif part == "\n":
                row += 1
                if row == len(shown):
                    shown.append("")
            elif part != "\r":
                shown[row] = part
        return [line for line in shown if line]


def plain(*events: tuple[float, Event]) -> list[str]:
    stream = io.StringIO()
    with Progress(stream) as progress:
        for elapsed, event in events:
            progress(elapsed, event)
    assert "\x1b" not in stream.getvalue()
    return stream.getvalue().splitlines()


def live(*events: tuple[float, Event], width: int = 80) -> list[str]:
    """What is on the screen after ``events``, while the run goes on."""
    screen = Screen()
    progress = Progress(screen, live=True, style=Style(width))
    try:
        for elapsed, event in events:
            progress(elapsed, event)
        return screen.lines()
    finally:
        progress.close()


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
    assert live(
        (0.0, PhaseStarted(ON, "boot")),
        (5.0, PhaseStarted(OFF, "build")),
        (8.5, PhaseProgress(OFF, "build", "12 objects")),
        (9.0, PhaseProgress(OFF, "build", "14 objects")),
    ) == ["         9.0 s  move-notify-on boot", "         4.0 s  move-notify-off build: 14 objects"]


def test_what_ended_stays_above_what_runs() -> None:
    assert live(
        (0.0, PhaseStarted(ON, "boot")),
        (0.0, PhaseStarted(OFF, "build")),
        (9.0, PhaseEnded(ON, "boot", 9.0, "tcg")),
        (9.0, PhaseStarted(ON, "suite:checks")),
        (9.5, Ended(ON, PASS)),
        (10.0, Ended(ON, FAIL)),
    ) == [
        "[   9.0s] move-notify-on boot: done in 9.0 s (tcg)",
        "[  10.0s] move-notify-on checks: fail b: expected EINVAL, got success",
        "        10.0 s  move-notify-off build",
        "         1.0 s  move-notify-on suite:checks: 1 passed, 1 failed",
    ]


def test_closing_leaves_only_what_is_for_good() -> None:
    screen = Screen()
    with Progress(screen, live=True, style=Style(80)) as progress:
        progress(0.0, PhaseStarted(ON, "build"))
        progress(1.0, Note("", "stay"))
    assert screen.lines() == ["[   1.0s] stay"]
    progress.close()


@pytest.mark.parametrize("text", ["x" * 200, "語" * 100])
def test_a_status_line_never_wraps(text: str) -> None:
    (line,) = live((0.0, PhaseStarted(ON, "build")), (1.0, PhaseProgress(ON, "build", text)), width=40)
    assert line.endswith("...")
    assert len(line) + line.count("語") < 40


def test_the_clock_goes_on_without_events() -> None:
    """The ticker draws by itself: waited for by what it writes, not by time."""
    drawn = threading.Event()

    class Watched(Screen):
        def write(self, text: str, /) -> int:
            if "\x1b[1A" in text:  # a second drawing, over the first
                drawn.set()
            return super().write(text)

    with Progress(Watched(), live=True, style=Style(80)) as progress:
        progress(0.0, PhaseStarted(ON, "build"))
        assert drawn.wait(30)
    assert not any(thread.name == "progress" for thread in threading.enumerate())


def test_events_from_many_threads_do_not_mix() -> None:
    screen = Screen()
    stream = EventStream()
    with Progress(screen, live=True, style=Style(80)) as progress:
        stream.subscribe(progress)
        workers = [threading.Thread(target=_say_often, args=(stream, name)) for name in (ON, OFF)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert len(screen.lines()) == 100
    assert all(re.fullmatch(r"\[ *\d+\.\ds\] move-notify-(on|off) said", line) for line in screen.lines())


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
