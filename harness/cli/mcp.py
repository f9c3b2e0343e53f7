# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness mcp``: the harness as tools for a coding agent, over standard input and output."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

from harness.agent import AgentJobs
from harness.cli.sandbox_option import add_sandbox
from harness.errors import ExitCode, UserError

_INSTALL = "pip install 'mcp>=2.3,<3', or in a clone of the harness pip install '.[mcp]'"


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "mcp",
        description="Serve show, run, quick, reproduce, coverage and reports as tools of the Model Context Protocol, "
        "over standard input and output, for the kernel tree that it is started in. Runs are jobs; what they write is "
        f"outside of that tree. Needs the Python package mcp: {_INSTALL}.",
    )
    parser.set_defaults(handler=mcp)
    add_sandbox(parser, "of all jobs, as for run")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="directory of the jobs (default: $XDG_STATE_HOME/dmabuf-harness/jobs)",
    )


def mcp(arguments: argparse.Namespace) -> int:
    try:
        from harness.agent.agent_server import agent_server  # noqa: PLC0415 - an optional package
    except ImportError as error:
        raise UserError("the Python package mcp is missing, or not version 2", where="mcp", hint=_INSTALL) from error
    place = (arguments.out or state_home() / "dmabuf-harness" / "jobs").absolute()
    jobs = AgentJobs(place, options=(f"--sandbox={arguments.sandbox}",))
    jobs.place.mkdir(parents=True, exist_ok=True)  # now, where the user sees what is wrong with it
    signal.signal(signal.SIGINT, _interrupted)
    try:
        agent_server(jobs).run("stdio")
    except SystemExit as ended:
        _end_at_once(jobs, ExitCode(int(ended.code or 0)))
    finally:
        jobs.close()
    return ExitCode.OK


def _interrupted(_signum: int, _frame: object) -> None:
    """asyncio would ask the server to end, which waits for its standard input."""
    raise SystemExit(ExitCode.INTERRUPTED)


def _end_at_once(jobs: AgentJobs, code: ExitCode) -> NoReturn:
    """The library's thread that reads standard input would be waited for, until somebody closes that."""
    jobs.close()
    sys.stdout.flush()
    os._exit(code)


def state_home() -> Path:
    """``$XDG_STATE_HOME``; a relative one is ignored, as the XDG base directory specification asks."""
    configured = Path(os.environ.get("XDG_STATE_HOME", ""))
    return configured if configured.is_absolute() else Path.home() / ".local" / "state"
