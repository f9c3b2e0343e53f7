# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness mcp`` as a coding agent sees it: the library's own client, over standard input and output."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from harness.agent import AgentRequest
from harness.errors import UserError
from harness.paths import PROJECT_ROOT

pytest.importorskip("mcp", reason="the optional package mcp is not installed")

from mcp import Client
from mcp.client.stdio import StdioServerParameters

TOOLS = {"show", "quick", "run", "reproduce", "coverage", "job", "jobs", "cancel", "report"}
Steps = Callable[["Agent"], Awaitable[None]]


class Agent:
    """A client of a server. ``progress``: what it was told while it waited."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.progress: list[str] = []

    async def ask(self, tool: str, **arguments: object) -> str:
        result = await self.client.call_tool(tool, arguments, progress_callback=self._progress)
        text = "".join(part.text for part in result.content if hasattr(part, "text"))
        return f"error: {text}" if result.is_error else text

    async def started(self, tool: str, **arguments: object) -> str:
        """The name of the job."""
        return (await self.ask(tool, **arguments)).splitlines()[0].removeprefix("started: ")

    async def _progress(self, progress: float, total: float | None, message: str | None) -> None:
        self.progress.append(message or "")


def served(place: Path, steps: Steps, *, gated: bool = False, real: bool = False) -> None:
    gate = place / "gate"
    os.mkfifo(gate)
    words = ["-m", "harness", "mcp", f"--out={place}"] if real else ["-m", "tests.support.fake_agent", str(place)]
    env = {"PYTHONPATH": str(PROJECT_ROOT), "FAKE_GATED": str(gate) if gated else "", "HOME": os.environ["HOME"]}
    (cwd := place / "tree").mkdir()
    server = StdioServerParameters(command=sys.executable, args=words, env=env, cwd=cwd)

    async def session() -> None:
        async with Client(server) as client:
            await steps(Agent(client))

    asyncio.run(asyncio.wait_for(session(), 600))
    assert list(cwd.iterdir()) == []  # the user's tree


def test_each_tool_says_what_it_does(tmp_path: Path) -> None:
    async def steps(agent: Agent) -> None:
        tools = (await agent.client.list_tools()).tools
        assert {tool.name for tool in tools} == TOOLS
        assert all(len(tool.description or "") > 20 for tool in tools)

    served(tmp_path, steps)


def test_a_run_is_a_job_and_its_results_are_read(tmp_path: Path) -> None:
    async def steps(agent: Agent) -> None:
        name = await agent.started("run", diff="a diff", base="debian:6.12", only=["--evil", "b"])
        ended = await agent.ask("job", name=name, wait_seconds=300)
        assert "ended with exit code 1: FAIL: move-notify-on" in ended
        assert "--base=debian:6.12 --only=--evil --only=b --no-project --out=" in ended and "\\x1b[2J" in ended
        assert "\x1b" not in ended
        assert (tmp_path / "jobs" / name / "asked.patch").read_text() == "a diff"
        assert "sync_refuses_unknown_flags" in await agent.ask("report", run=name)
        assert "<testsuites" in await agent.ask("report", run=name, format="junit")
        assert name in await agent.ask("jobs")

    served(tmp_path, steps)


def test_progress_is_told_and_a_job_can_be_ended(tmp_path: Path) -> None:
    async def steps(agent: Agent) -> None:
        name = await agent.started("run", patches=["a.patch"])
        while "1 of 2 tests" not in agent.progress:
            assert "running" in await agent.ask("job", name=name, wait_seconds=1)
        assert "exit code 130" in await agent.ask("cancel", name=name)

    served(tmp_path, steps, gated=True)


def test_jobs_end_with_the_server(tmp_path: Path) -> None:
    """Nobody opens the gate: a job that was left would keep the test waiting for the end of its output."""
    names: list[str] = []

    async def steps(agent: Agent) -> None:
        names.append(await agent.started("run", worktree=True))
        await agent.ask("job", name=names[0], wait_seconds=1)

    served(tmp_path, steps, gated=True)
    with pytest.raises(OSError, match="No such device or address"):  # no reader is left
        os.open(tmp_path / "gate", os.O_WRONLY | os.O_NONBLOCK)


def test_a_failure_is_reproduced_from_a_copy(tmp_path: Path) -> None:
    async def steps(agent: Agent) -> None:
        name = await agent.started("run")
        await agent.ask("job", name=name, wait_seconds=300)
        again = await agent.started("reproduce", run=name, test="dmabuf.sync_refuses_unknown_flags", times=1)
        assert f"reproduce {tmp_path}/jobs/{again}/run" in await agent.ask("job", name=again, wait_seconds=300)
        assert (tmp_path / "jobs" / again / "run" / "patches" / "0001.patch").is_file()

    served(tmp_path, steps)


def test_what_cannot_be_is_an_error_in_one_line(tmp_path: Path) -> None:
    async def steps(agent: Agent) -> None:
        for tool, arguments, said in (
            ("run", {"diff": "x", "worktree": True}, "exclude each other"),
            ("run", {"patches": ["-"]}, "no standard input"),
            ("job", {"name": "../x"}, "no job '../x'"),
            ("report", {"run": str(tmp_path)}, "results.json"),
            ("reproduce", {"run": str(tmp_path), "test": "x"}, "results.json"),
        ):
            answer = await agent.ask(tool, **arguments)
            assert answer.startswith("error: ") and said in answer, (tool, answer)

    served(tmp_path, steps)


def test_the_command_serves_and_shows_a_patch(tmp_path: Path) -> None:
    """With the real command; only ``show``, which builds nothing."""
    patch = PROJECT_ROOT / "patches" / "faults" / "sync-flags-unchecked.patch"

    async def steps(agent: Agent) -> None:
        shown = await agent.ask("show", diff=patch.read_text(), base="debian:6.12")
        assert "accept unknown flags in DMA_BUF_IOCTL_SYNC" in shown and "exit code 0" in shown

    served(tmp_path, steps, real=True)


def test_values_are_never_options(tmp_path: Path) -> None:
    words = AgentRequest(patches=("--out=/x",), base="--each", only=("-x",)).words(tmp_path)
    assert words == ["--patch=--out=/x", "--base=--each", "--only=-x", "--no-project"]
    with pytest.raises(UserError, match="exclude each other"):
        AgentRequest(patches=("a",), diff="b").words(tmp_path)


INITIALIZE = (
    '{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-03-26", '
    '"capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}}\n'
)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_it_ends_when_it_is_told_to_though_somebody_may_still_ask(tmp_path: Path, number: int, code: int) -> None:
    """Nobody closes its standard input."""
    command = ["env", "--default-signal=INT", sys.executable, "-m", "harness", "mcp", f"--out={tmp_path}"]
    pipe, env = subprocess.PIPE, {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=tmp_path, env=env) as server:
        assert server.stdin is not None and server.stdout is not None
        server.stdin.write(INITIALIZE)
        server.stdin.flush()
        assert '"serverInfo"' in server.stdout.readline()
        server.send_signal(number)
        assert server.wait(120) == code


def test_a_place_where_nothing_can_be_written_is_told_before_anybody_asks(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "harness", "mcp", f"--out={tmp_path}/file/jobs"]
    env = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=env)
    assert done.returncode == 3 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and "Not a directory" in done.stderr
