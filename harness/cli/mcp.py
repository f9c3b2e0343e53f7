# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness mcp``: the harness as tools for a coding agent, over standard input and output."""

from __future__ import annotations

import argparse
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness.agent import AgentJobs
from harness.errors import ExitCode, UserError


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "mcp",
        description="Serve show, run, quick, reproduce, coverage and reports as tools of the Model Context Protocol, "
        "over standard input and output, for the kernel tree that it is started in. Runs are jobs; what they write is "
        "outside of that tree. Needs the Python package mcp: pip install 'dmabuf-harness[mcp]'.",
    )
    parser.set_defaults(handler=mcp)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="directory of the jobs (default: $XDG_STATE_HOME/dmabuf-harness/jobs)",
    )


def mcp(arguments: argparse.Namespace) -> int:
    if find_spec("mcp") is None:
        raise UserError("the Python package mcp is missing", where="mcp", hint="pip install 'dmabuf-harness[mcp]'")
    from harness.agent.agent_server import agent_server  # noqa: PLC0415 - an optional package

    jobs = AgentJobs((arguments.out or state_home() / "dmabuf-harness" / "jobs").absolute())
    try:
        agent_server(jobs).run("stdio")
    finally:
        jobs.close()
    return ExitCode.OK


def state_home() -> Path:
    """``$XDG_STATE_HOME``; a relative one is ignored, as the XDG base directory specification asks."""
    configured = Path(os.environ.get("XDG_STATE_HOME", ""))
    return configured if configured.is_absolute() else Path.home() / ".local" / "state"
