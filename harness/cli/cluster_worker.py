# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness worker``: a machine that does cells of matrices for a dask scheduler."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from harness import machine_check
from harness.errors import ExitCode, UserError
from harness.report.text import one_line, plural

INSTALL = "pip install 'distributed>=2026.8,<2027', or in a clone of the harness pip install '.[cluster]'"


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "worker",
        description="Join a dask scheduler, say what this machine has (KVM, cores, memory, warm bases), and do the "
        "cells of matrices (dmabuf-harness matrix --cluster) until the scheduler ends, or Ctrl-C. Whoever can speak "
        f"to the scheduler can run programs here: docs/many-machines.md. Needs the package distributed: {INSTALL}.",
    )
    parser.set_defaults(handler=worker)
    parser.add_argument("address", metavar="ADDRESS", help="of the scheduler: tcp://HOST:PORT or tls://HOST:PORT")
    parser.add_argument("--name", default="", metavar="NAME", help="of this machine (default: its host name)")
    parser.add_argument(
        "-x",
        "--at-once",
        type=_positive,
        metavar="N",
        help="cells at a time, at most (default: one for each two cores and 3 GB of memory)",
    )
    parser.add_argument(
        "-j", "--jobs", type=_positive, metavar="N", help="make jobs of each cell (default: its share of the cores)"
    )


def worker(arguments: argparse.Namespace) -> int:
    try:
        from harness.matrix.dask_worker import serve_cells  # noqa: PLC0415 - an optional package
    except ImportError as error:
        raise UserError("the Python package distributed is missing", where="worker", hint=INSTALL) from error
    from harness.matrix.cell_desk import CellDesk  # noqa: PLC0415 - only who works pays for it
    from harness.matrix.worker_facts import facts_here  # noqa: PLC0415

    machine_check.require(machine_check.check_all(None))
    facts = facts_here(arguments.name, arguments.at_once)
    kvm = "KVM" if facts.kvm else "no KVM"
    warm = f", warm: {', '.join(facts.warm)}" if facts.warm else ""
    room = f"{plural(facts.room, 'cell')} at a time"
    said = f"{facts.machine}: {facts.cores} cores, {facts.memory} MiB, {kvm}, {room}{warm}"
    sys.stdout.write(f"{one_line(said)}\n")
    sys.stdout.flush()
    serve_cells(arguments.address, CellDesk(facts, jobs=arguments.jobs))
    return ExitCode.OK


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number
