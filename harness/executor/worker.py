# SPDX-License-Identifier: GPL-2.0-only
"""One job in a process of its own: ``python -m harness.executor``.

The job is read from standard input, what comes of it goes to standard output (``wire``). All else that it needs is in
the cache (``XDG_CACHE_HOME``): the kernel, and the source by which its stacks are explained.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from harness import process
from harness.errors import ExitCode, HarnessError, InfrastructureError, UserError
from harness.events import EventStream
from harness.executor.kernel_job import Executor
from harness.executor.local_executor import LocalExecutor
from harness.executor.wire import Answer, Trouble, answer_text, read_job
from harness.paths import require_data


def do_job(text: str, directory: Path, executor: Executor, answer: Callable[[Answer], None]) -> ExitCode:
    """Do the job in ``text`` and give ``answer`` what was found, and why it ended early, if it did."""
    try:
        require_data()
        directory.mkdir(parents=True, exist_ok=True)
        executor.run(read_job(text), directory, answer)
    except OSError as error:  # most of all a full disk
        where = str(error.filename or "the machine")
        return _told(InfrastructureError(error.strerror or str(error), where=where), answer)
    except HarnessError as error:
        return _told(error, answer)
    return ExitCode.OK


def _told(error: HarnessError, answer: Callable[[Answer], None]) -> ExitCode:
    kind = UserError if isinstance(error, UserError) else InfrastructureError  # of which there are kinds
    answer(Trouble(kind.__name__, error.what, error.where, error.hint))
    return error.exit_code


def write_line(answer: Answer) -> None:
    """Tell whoever gave the job."""
    sys.stdout.write(answer_text(answer) + "\n")
    sys.stdout.flush()


def main(argv: Sequence[str] | None = None) -> int:
    """Do the job that is on standard input; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m harness.executor", description=__doc__)
    parser.add_argument("directory", type=Path, nargs="?", default=Path(), help="for the logs; default: this one")
    parser.add_argument("--accel", choices=("auto", "kvm", "tcg"), default="auto", help="default: auto")
    arguments = parser.parse_args(argv)
    events = EventStream()
    events.subscribe(lambda _, event: write_line(event))
    try:
        with process.stopped_by_signals():
            executor = LocalExecutor(events, arguments.accel)
            return do_job(sys.stdin.read(), arguments.directory.resolve(), executor, write_line)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    finally:
        process.stop_all()
