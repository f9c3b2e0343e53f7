# SPDX-License-Identifier: GPL-2.0-only
"""What stands below the lines to stay while a run goes: its variants beside each other, and the phases that run."""

from __future__ import annotations

import textwrap

from rich.text import Text

from harness.phases import time_left
from harness.report.rich_console import cut, table_lines
from harness.report.run_state import RunningPhase, RunState, SuiteTally
from harness.report.text import duration, one_line

CLOCK = 11
"""Columns for a time, in which it stands to the right."""


def frame(state: RunState, elapsed: float, width: int, height: int) -> list[Text]:
    """Lines of at most ``width`` columns, less than ``height`` of them. ``elapsed``: seconds of the run."""
    running = state.phases.items()
    phases = [line for key, phase in running for line in _phase(state, key, phase, elapsed, width)]
    below = [*phases, _total(state, elapsed, width)]
    for above in (_table(state, width), [_variant(state, name, width) for name in state.planned]):
        if above and len(above) + len(below) < height:
            return [*above, *below]
    return below[-max(1, height - 1) :]


def _table(state: RunState, width: int) -> list[Text]:
    """A column for each variant; empty if they have no room."""
    columns = {name: {suite: _cell(one) for suite, one in state.suites_of(name).items()} for name in state.planned}
    return table_lines(columns, width)


def _cell(tally: SuiteTally) -> Text:
    if tally.started is None and not tally.ended:
        return Text(_figures(tally), "dim")
    runs = tally.seconds is None and tally.done < len(tally.planned)
    return Text(_figures(tally), "red" if tally.bad else "cyan" if runs else "green")


def _figures(*tallies: SuiteTally) -> str:
    """ "212/288", "212/288, 1 failed"."""
    bad = sum(tally.bad for tally in tallies)
    done, planned = sum(tally.done for tally in tallies), sum(len(tally.planned) for tally in tallies)
    return f"{done}/{planned}{f', {bad} failed' if bad else ''}"


def _variant(state: RunState, name: str, width: int) -> Text:
    return cut([(name, "bold"), (_figures(*state.suites_of(name).values()), "")], width)


def _phase(state: RunState, key: tuple[str, str], phase: RunningPhase, elapsed: float, width: int) -> list[Text]:
    """Two lines if need be: the end of what it says is the time left."""
    tally = state.suite_of(*key)
    told = phase.text or (_left(tally, elapsed) if tally is not None else "")
    what = one_line(" ".join(filter(None, key)) + (f": {told}" if told else ""))
    clock = duration(elapsed - phase.started)
    lines = textwrap.wrap(what, width - CLOCK - 1, max_lines=2, placeholder=" ...", break_on_hyphens=False)
    return [cut([(time, "cyan"), (line, "cyan")], width, CLOCK) for time, line in zip((clock, ""), lines, strict=False)]


def _left(tally: SuiteTally, elapsed: float) -> str:
    """ "212 of 288 tests, about 2 min left"."""
    seconds = tally.left(elapsed)
    left = "" if seconds is None else f", {time_left(seconds)}"
    return f"{tally.done} of {len(tally.planned)} tests{left}" if tally.planned else ""


def _total(state: RunState, elapsed: float, width: int) -> Text:
    """The clock of the run, so that nobody thinks that it stands still."""
    tallies = [tally for name in state.planned for tally in state.suites_of(name).values()]
    told = f"{_figures(*tallies)} of all tests" if tallies else ""
    return cut([(duration(elapsed), "bold"), (told, "bold")], width, CLOCK)
