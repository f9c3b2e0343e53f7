# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness`` whose ``run`` does what a stored one did, in place of kernels: for what a terminal shows.

As a program: ``python -m tests.support.replayed_run EVENTS RESULTS STEPS ARGUMENT...``. ``STEPS``: a pipe with a byte
for each event that may happen, and one for the end; once it is closed, all others do.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

from harness import events as event_types
from harness import machine_check
from harness.cli import run as run_command
from harness.cli.main import main
from harness.events import Event, EventStream
from harness.model import RunReport
from harness.paths import PROJECT_ROOT
from harness.pipeline import RunOutcome
from harness.report import EventLog, decode, load, save
from harness.verdict import exit_code
from tests.support.terminal import Terminal


def read_events(path: Path) -> Iterator[Event]:
    """What ``EventLog`` wrote."""
    for line in path.read_text().splitlines():
        fields = json.loads(line)
        del fields["at"]
        yield decode(getattr(event_types, fields.pop("event")), fields)


@dataclass
class Replayed:
    """``terminal``: has the command before it."""

    terminal: Terminal
    pipe: int

    def let_happen(self, count: int) -> None:
        os.write(self.pipe, b"." * count)

    def let_all_happen(self) -> None:
        os.close(self.pipe)
        self.pipe = -1

    def __enter__(self) -> Replayed:
        return self

    def __exit__(self, *exc: object) -> None:
        self.terminal.__exit__()
        if self.pipe >= 0:
            self.let_all_happen()


def replayed(place: Path, happened: Sequence[Event], report: RunReport, *arguments: str, **terminal: Any) -> Replayed:
    """``dmabuf-harness run ARGUMENTS`` in ``place``, before a terminal made with ``terminal``.

    It does what ``happened``, as it is let, and finds what ``report`` says.
    """
    with EventLog(place / "happened.jsonl") as log:
        for event in happened:
            log(0.0, event)
    save(place, report)
    reading, writing = os.pipe()
    own: list[str | Path] = [place / "happened.jsonl", place / "results.json", str(reading)]
    argv = [sys.executable, "-m", "tests.support.replayed_run", *own, "run", "--out", place / "run", *arguments]
    env = {"PYTHONPATH": str(PROJECT_ROOT), **terminal.pop("env", {})}
    started = Terminal(argv, pass_fds=(reading,), cwd=place, env=env, **terminal)
    os.close(reading)
    return Replayed(started, writing)


@dataclass
class _Job:
    directory: Path
    patches: tuple[()] = ()
    prerequisites: tuple[()] = ()

    def plan(self) -> dict[str, object]:
        return {}


def _replay(happened: Sequence[Event], report: RunReport, steps: int, events: EventStream) -> RunOutcome:
    for event in happened:
        os.read(steps, 1)
        events.publish(event)
    os.read(steps, 1)
    return RunOutcome(report, exit_code(report))


def _main(stored: str, results: str, steps: str, *arguments: str) -> int:
    happened, report = list(read_events(Path(stored))), load(Path(results))
    report = replace(report, command=("dmabuf-harness", *arguments))
    with (
        mock.patch.object(run_command, "check", lambda _request, directory: _Job(directory)),
        mock.patch.object(machine_check, "check_all", lambda _accelerator: []),
        mock.patch.object(run_command, "execute", lambda _job, events: _replay(happened, report, int(steps), events)),
    ):
        return main(arguments)


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
