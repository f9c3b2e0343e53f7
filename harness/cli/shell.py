# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness shell``: into a guest of a stored run."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import machine_check
from harness.build import find_kernel
from harness.cli.run import LEAST_MEMORY, MOST_MEMORY
from harness.cli.sandbox_option import add_sandbox_of_run, take_sandbox_of_run
from harness.cli.sparse import Sparse
from harness.events import EventStream
from harness.local_terminal import LocalTerminal
from harness.paths import unused
from harness.report.text import one_line
from harness.reproduce import GuestVisit, KernelAgainMaker, VisitRequest, pick_kernel
from harness.vm.launch import Launcher

NAME = "shell"


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        NAME,
        usage="dmabuf-harness shell [RUN] [OPTION ...] [-- COMMAND ...]",
        description="Boot a kernel of RUN as the run did, with a shell in front of this terminal; or run COMMAND in "
        "it, and exit as that does. One word is a line for the shell, several are a program and its arguments.",
    )
    parser.set_defaults(handler=shell)
    parser.add_argument(
        "run", type=Path, nargs="?", default=Path("runs/latest"), metavar="RUN", help="default: %(default)s"
    )
    add_kernel_options(parser)
    parser.add_argument("--kernel-log", action="store_true", help="show what the kernel prints meanwhile")
    add_guest_options(parser)


def add_kernel_options(parser: argparse.ArgumentParser) -> None:
    """Which kernel of the run."""
    parser.add_argument(
        "--variant", metavar="NAME", help="on, off or a name (default: the first in which something is bad)"
    )
    side = parser.add_mutually_exclusive_group()
    side.add_argument("--base", action="store_true", help="the kernel without the patch")
    side.add_argument("--patched", action="store_false", dest="base", help="the kernel with the patch: the default")


def add_guest_options(parser: argparse.ArgumentParser) -> None:
    """What its guest gets."""
    parser.add_argument(
        "--accel", choices=("auto", "kvm", "tcg"), default="auto", help="auto proves KVM by booting, else takes TCG"
    )
    parser.add_argument(
        "--source",
        default="",
        metavar="BASE",
        help="where the base is if its kernel has to be made again here (default: the one that the run names)",
    )
    parser.add_argument("--memory", type=_memory, metavar="MIB", help="of the guest, in MiB (default: as in the run)")
    add_sandbox_of_run(parser)


def _memory(text: str) -> int:
    number = int(text)
    if not LEAST_MEMORY <= number <= MOST_MEMORY:
        raise argparse.ArgumentTypeError(f"from {LEAST_MEMORY} to {MOST_MEMORY} MiB")
    return number


def shell(arguments: argparse.Namespace) -> int:
    stored = pick_kernel(arguments.run, arguments.variant, base=arguments.base)
    take_sandbox_of_run(arguments, stored.sandbox)
    machine_check.require(machine_check.check_all(None))
    directory = unused(stored.directory / "again" / NAME)
    found = KernelAgainMaker(told_events(), directory, arguments.source).get(stored)
    if found.note:
        tell(found.note)
    limits = replace(stored.limits, memory=arguments.memory or stored.limits.memory)
    words = tuple(arguments.words)
    visit = GuestVisit(Launcher(arguments.accel, tell, find_kernel), LocalTerminal(), tell)
    request = VisitRequest(stored.name, words, kernel_log=arguments.kernel_log)
    return visit.go(found.kernel, directory, limits, request)


def told_events() -> EventStream:
    """What happens, with signs of life, on standard error."""
    events = EventStream()
    events.subscribe(Sparse(sys.stderr))
    return events


def tell(text: str) -> None:
    """A line that is about the guest: standard output is the guest's."""
    sys.stderr.write(f"dmabuf-harness: {one_line(text)}\n")
    sys.stderr.flush()
