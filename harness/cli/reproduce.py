# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness reproduce``: a failure of a stored run once more."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import machine_check
from harness.cli.run import positive
from harness.cli.sandbox_option import take_sandbox_of_run
from harness.cli.shell import add_guest_options, add_kernel_options, tell, told_events
from harness.errors import UserError
from harness.executor import JobSource
from harness.executor.local_executor import LocalExecutor
from harness.interfaces import Suite
from harness.local_terminal import LocalTerminal
from harness.paths import unused
from harness.report.text import visible
from harness.reproduce import KernelAgainMaker, Reproducer, ShellStop, SoughtFailure, TraceStop, seek
from harness.reproduce.gdb_stop import PATIENCE, GdbStop
from harness.suites.stopover import Stopover, StopoverSuite

_TIMES = 3


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "reproduce",
        description="Boot the kernel of RUN in which TEST failed, and run it: alone, and if it passes so, after the "
        "tests that ran before it in its guest. Exits with 0 if it passed every time, with 1 if it did not.",
    )
    parser.set_defaults(handler=reproduce)
    parser.add_argument(
        "run", type=Path, nargs="?", default=Path("runs/latest"), metavar="RUN", help="default: %(default)s"
    )
    parser.add_argument("test", metavar="TEST", help="a test, the fingerprint of a splat, or boot")
    parser.add_argument(
        "--times", type=positive, metavar="N", help=f"how many guests (default: {_TIMES}; with a stop 1)"
    )
    parser.add_argument(
        "--shell", action="store_true", help="stop in the guest before it runs, and after it if it fails"
    )
    parser.add_argument(
        "--trace",
        nargs="*",
        type=_function,
        metavar="FUNCTION",
        help="record what these functions call, or without any the tracepoints of fences; in a kernel of its own",
    )
    parser.add_argument("--gdb", action="store_true", help="wait for gdb, and stop in it where the test starts")
    add_kernel_options(parser)
    add_guest_options(parser)


def _function(text: str) -> str:
    """An empty line in ``set_graph_function`` stands for all functions, and a space ends a name."""
    if not text.strip() or len(text.split()) > 1:
        raise argparse.ArgumentTypeError("a function, or a pattern such as 'dma_buf_*'")
    return text


def reproduce(arguments: argparse.Namespace) -> int:
    sought = _sought(arguments)
    take_sandbox_of_run(arguments, sought.stored.sandbox)
    machine_check.require(machine_check.check_all(None))
    events = told_events()
    times = arguments.times or (1 if _stops(arguments) else _TIMES)
    directory = unused(sought.stored.directory / "again" / "reproduce")
    maker = KernelAgainMaker(events, directory, arguments.source)
    found = maker.get(sought.stored) if arguments.trace is None else maker.traced(sought.stored)
    if found.note:
        tell(found.note)
    tell(f"looking for {sought.name} ({sought.stored.name}): {sought.failure.summary}")
    executor = LocalExecutor(
        events, arguments.accel, around=lambda suite, _job: _around(suite, sought, arguments, found.source)
    )
    seen = Reproducer(executor, found.kernel, found.source, directory, tell).reproduce(sought, times)
    lines = [*seen.summary(), f"  logs:       {directory}"]
    sys.stdout.write("".join(f"{visible(line)}\n" for line in lines))
    return seen.exit_code


def _around(suite: Suite, sought: SoughtFailure, arguments: argparse.Namespace, source: JobSource) -> Suite:
    """``suite`` with a stop at the tests that are sought, if any is asked for."""
    stops: list[Stopover] = []
    if arguments.shell:
        stops.append(ShellStop(LocalTerminal(), sought.tests, sought.stored.limits, tell))
    if arguments.trace is not None:  # of the test alone, and not of what is typed before
        stops.append(TraceStop(arguments.trace, tell))
    if arguments.gdb:
        stops.append(GdbStop(source.path if source.repository else None, source.tree_id, tell))
    return StopoverSuite(suite, sought.tests, stops) if stops else suite


def _stops(arguments: argparse.Namespace) -> bool:
    return arguments.shell or arguments.gdb or arguments.trace is not None


def _sought(arguments: argparse.Namespace) -> SoughtFailure:
    sought = seek(arguments.run, arguments.test, arguments.variant, base=arguments.base)
    if _stops(arguments) and not sought.tests:
        raise UserError("no test runs there, so that nobody can stop at it", where=sought.name, hint="read its log")
    limits = replace(sought.stored.limits, memory=arguments.memory or sought.stored.limits.memory)
    limits = replace(limits, time_factor=PATIENCE) if arguments.gdb else limits
    return replace(sought, stored=replace(sought.stored, limits=limits))
