# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness mcp`` whose jobs are played: they do what a real one leaves behind, in no time and without a kernel.

As a program: ``python -m tests.support.fake_agent DIRECTORY`` serves; with ``job`` and a command line it is such a job.
``DIRECTORY/gate``: a pipe; a job named in the environment variable ``FAKE_GATED`` ends when that is written to.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

from harness.agent import AgentJobs
from harness.agent.agent_server import agent_server
from harness.report import save
from tests.support.sample_reports import bad_report, run_report


def _serve(directory: Path) -> None:
    jobs = AgentJobs(directory / "jobs", (sys.executable, "-m", "tests.support.fake_agent", "job"))
    try:
        agent_server(jobs).run("stdio")
    finally:
        jobs.close()


def _job(command: str, *words: str) -> int:
    sys.stdout.write(f"would do: {command} {' '.join(words)}\n\x1b[2J\n")
    sys.stdout.flush()
    gate = os.environ.get("FAKE_GATED", "")
    if gate and command == "run":
        sys.stdout.write("1 of 2 tests\n")
        sys.stdout.flush()
        try:
            Path(gate).read_bytes()
        except KeyboardInterrupt:
            return 130
    out = next((Path(word.removeprefix("--out=")) for word in words if word.startswith("--out=")), None)
    if out is not None:
        out.mkdir()
        (out / "patches").mkdir()
        save(out, bad_report() if "--quick" not in words else run_report())
        shutil.copy(out / "results.json", out / "patches" / "0001.patch")
    return 1 if command == "run" and "--quick" not in words else 0


if __name__ == "__main__":
    if sys.argv[1] == "job":
        signal.signal(signal.SIGINT, signal.default_int_handler)  # tests that run in the background ignore Ctrl-C
        sys.exit(_job(*sys.argv[2:]))
    _serve(Path(sys.argv[1]))
