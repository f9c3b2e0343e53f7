# SPDX-License-Identifier: GPL-2.0-only
"""Commands of the harness that an agent started: each in a process and a directory of its own, outside of its tree."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError, UserError
from harness.paths import new_run_id
from harness.process import Background
from harness.report import SchemaError, headline, load
from harness.report.store import PLAN

PROGRAM = (sys.executable, "-P", "-m", "harness")  # -P: a directory "harness" of the user's tree is none of ours
OUTPUT, RUN = "output.txt", "run"
_TIME_TO_END = 60.0  # seconds, in which an interrupted run writes what it has
_KEPT = ("results.json", PLAN, "patches")  # of a run, to reproduce what failed in it


@dataclass
class AgentJob:
    """``name``: what the agent calls it by. ``directory``: has its output, and the run in ``RUN``."""

    name: str
    kind: str
    directory: Path
    process: Background

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        return self.process.poll()

    @property
    def run(self) -> Path:
        return self.directory / RUN

    def output(self) -> str:
        """All that it printed so far."""
        return (self.directory / OUTPUT).read_text(errors="replace")

    def last_line(self) -> str:
        return next((line.strip() for line in reversed(self.output().splitlines()) if line.strip()), "")

    def verdict(self) -> str:
        """The headline of its run; empty if there is no such thing (yet)."""
        try:
            return headline(load(self.run)) if self.code is not None else ""
        except (OSError, HarnessError, SchemaError, ValueError):
            return ""


class AgentJobs:
    """``place``: directory for all that jobs write. They start in the current directory, and only read there.

    ``options``: what the user says of all jobs, which no agent can change.
    """

    def __init__(self, place: Path, program: Sequence[str] = PROGRAM, options: Sequence[str] = ()) -> None:
        self.place = place
        self._program, self._options = program, options
        self.jobs: dict[str, AgentJob] = {}

    def start(self, kind: str, words: Callable[[Path], Sequence[str]]) -> AgentJob:
        """``words``: the command line of the job that has this directory. Must not be called from a thread that ends:
        the job would end with it. Raises ``UserError``."""
        name = f"{kind}-{new_run_id()}"
        directory = self.place / name
        directory.mkdir(parents=True)
        try:
            argv = [*self._program, *words(directory), *self._options]
            process = Background(argv, output=directory / OUTPUT, env={**os.environ, "TERM": "dumb"})
        except BaseException:
            shutil.rmtree(directory)
            raise
        self.jobs[name] = AgentJob(name, kind, directory, process)
        return self.jobs[name]

    def get(self, name: str) -> AgentJob:
        """Raises ``UserError`` if there is none."""
        if name not in self.jobs:
            raise UserError(
                f"no job {name!r}", where="the request", hint=f"there are: {', '.join(self.jobs) or 'none'}"
            )
        return self.jobs[name]

    def run_directory(self, run: str) -> Path:
        """The directory of a run: of a job, or as a path."""
        return self.jobs[run].run if run in self.jobs else Path(run)

    def copied_run(self, run: str, directory: Path) -> Path:
        """What is needed to reproduce a failure of ``run``, in ``directory``: its own is not written to.

        Raises ``UserError`` if it is no run.
        """
        source = self.run_directory(run)
        load(source)
        source = source if source.is_dir() else source.parent
        (target := directory / RUN).mkdir()
        for name in _KEPT:
            if (source / name).is_dir():
                shutil.copytree(source / name, target / name, symlinks=True)
            elif (source / name).is_file():
                shutil.copy(source / name, target / name)
        return target

    def close(self) -> None:
        """End what still runs: first as Ctrl-C does, so that nothing is left behind."""
        running = [job.process for job in self.jobs.values() if job.code is None]
        for process in running:
            process.interrupt()
        for process in running:
            process.wait(_TIME_TO_END)
            process.kill()
