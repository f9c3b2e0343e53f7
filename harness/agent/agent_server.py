# SPDX-License-Identifier: GPL-2.0-only
"""The tools of ``dmabuf-harness mcp`` (modelcontextprotocol.io): the only place that knows the library ``mcp``.

All are coroutines: the library calls others in threads, and what a thread started ends with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from harness import __version__
from harness.agent.agent_jobs import RUN, AgentJob, AgentJobs
from harness.agent.agent_requests import AgentRequest, plain_word
from harness.errors import HarnessError
from harness.report import FORMATS, Written, load, render_table
from harness.report.text import cut_middle, visible

MAX_TEXT = 30_000
_MAX_TROUBLE = 2000
"""Characters of an answer."""

MAX_WAIT = 600.0
_LOOK = 0.5  # seconds between looks at a job
_SHORT = 300.0  # seconds for what is no long work

INSTRUCTIONS = """Tests a dma-buf patch on real kernels in QEMU. `show` tells at once what would be tested; `quick`,
`run`, `reproduce` and `coverage` start a job and return its name; `job` waits for it and tells how far it is; `report`
reads its results. A patch is given as `patches` (files, ranges A..B of the tree that the server was started in,
lore:MESSAGE-ID), as the text `diff`, or as `worktree`: its uncommitted changes. No tree of the user's is written to."""


class _AgentTools:
    def __init__(self, jobs: AgentJobs) -> None:
        self._jobs = jobs

    # --- at once ------------------------------------------------------------------------------

    async def show(
        self, patches: Sequence[str] = (), diff: str = "", worktree: bool = False, base: str = "", variant: str = ""
    ) -> str:
        """What a run would test: the patches, what they touch, base, variants, suites. Builds nothing."""
        request = AgentRequest(tuple(patches), diff, worktree, base, variant)
        job = self._start("show", lambda place: ["show", *request.words(place)])
        await _end_of(job, _SHORT)
        return _short(f"{job.output()}\nexit code {job.code}")

    async def report(self, run: str, format: str = "text") -> str:
        """Results of `run`: the name of a job, or the directory of a run. format: text, or one of junit, markdown,
        summary, annotations, codequality, kcidb."""
        with _told():
            place = self._jobs.run_directory(run)
            report = load(place)
        if format == "text":
            return _short(render_table(report, Written(place, place / "results.json")))
        if format not in FORMATS:
            raise ToolError(f"no such format; there are text, {', '.join(FORMATS)}")
        return _short(FORMATS[format].render(report, place, place))

    async def jobs(self) -> str:
        """All jobs, the newest last."""
        return "\n".join(map(_state, self._jobs.jobs.values())) or "no job was started"

    async def job(self, name: str, context: Context, wait_seconds: float = 0) -> str:
        """State, verdict and last output of a job; waits for its end for up to wait_seconds (at most 600)."""
        with _told():
            job = self._jobs.get(name)
        await _end_of(job, min(wait_seconds, MAX_WAIT), context)
        return _short(f"{_state(job)}\n\n{job.output()}")

    async def cancel(self, name: str) -> str:
        """End a job as Ctrl-C does: it keeps what it had."""
        with _told():
            job = self._jobs.get(name)
        job.process.interrupt()
        await _end_of(job, _SHORT)
        return _state(job)

    # --- jobs ---------------------------------------------------------------------------------

    async def run(
        self,
        patches: Sequence[str] = (),
        diff: str = "",
        worktree: bool = False,
        base: str = "",
        variant: str = "",
        suites: Sequence[str] = (),
        only: Sequence[str] = (),
        accel: str = "",
    ) -> str:
        """Start the whole verdict on a patch; minutes to an hour. `only`: tests by name or pattern."""
        request = AgentRequest(tuple(patches), diff, worktree, base, variant, tuple(suites), tuple(only), accel)
        return _started(self._start("run", lambda place: ["run", *request.words(place), f"--out={place / RUN}"]))

    async def quick(
        self,
        patches: Sequence[str] = (),
        diff: str = "",
        worktree: bool = False,
        base: str = "",
        variant: str = "",
        accel: str = "",
    ) -> str:
        """Start the first answer: only the tests that reach the change. It is not the whole verdict."""
        request = AgentRequest(tuple(patches), diff, worktree, base, variant, accel=accel)
        words = ["--quick"]
        return _started(self._start("quick", lambda at: ["run", *request.words(at), *words, f"--out={at / RUN}"]))

    async def reproduce(self, run: str, test: str, variant: str = "", times: int = 3, accel: str = "") -> str:
        """Start what failed in `run` once more, in fresh guests. `test`: its name, or the fingerprint of a splat."""

        def words(place: Path) -> list[str]:
            options = [f"--{name}={value}" for name, value in (("variant", variant), ("accel", accel)) if value]
            copy = self._jobs.copied_run(run, place)
            return ["reproduce", str(copy), plain_word(test, "test"), f"--times={times}", *options]

        return _started(self._start("reproduce", words))

    async def coverage(
        self,
        patches: Sequence[str] = (),
        diff: str = "",
        worktree: bool = False,
        base: str = "",
        variant: str = "",
        test: str = "",
        line: str = "",
        accel: str = "",
    ) -> str:
        """Start: which test reaches which line. `test`: lines of that test. `line`: FILE:LINE, tests that reach it."""
        request = AgentRequest(tuple(patches), diff, worktree, base, variant, accel=accel)
        asked = [f"--{name}={value}" for name, value in (("test", test), ("line", line)) if value]
        return _started(
            self._start("coverage", lambda at: ["coverage", *request.words(at), *asked, f"--out={at / RUN}"])
        )

    def _start(self, kind: str, words: object) -> AgentJob:
        with _told():
            return self._jobs.start(kind, words)  # type: ignore[arg-type]


class _told:  # lower case: reads as a statement
    """Context manager: what is wrong with the request is an answer of the tool, in one line."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, HarnessError | OSError | ValueError):  # also a NUL, a name too long, a full disk
            raise ToolError(visible(cut_middle(str(error), _MAX_TROUBLE, ""))) from error


async def _end_of(job: AgentJob, seconds: float, context: Context | None = None) -> None:
    """Wait for it; ``context`` is told what it says last, each time that this changes."""
    said = ""
    with anyio.move_on_after(seconds):
        for count in range(1, 1 << 30):
            if context is not None and (line := job.last_line()) != said:
                said = line
                await context.report_progress(count, message=visible(line))
            if job.code is not None:
                return
            await anyio.sleep(_LOOK)


def _state(job: AgentJob) -> str:
    """ "run-20261130-...: running: ..." or how it ended."""
    if job.code is None:
        return f"{job.name}: running: {visible(job.last_line())}"
    return f"{job.name}: ended with exit code {job.code}: {visible(job.verdict() or job.last_line())}"


def _started(job: AgentJob) -> str:
    return f"started: {job.name}\nrun directory: {job.run}\nask `job` for how far it is"


def _short(text: str) -> str:
    return cut_middle(visible(text), MAX_TEXT, "")


def agent_server(jobs: AgentJobs) -> MCPServer:
    """The server; ``run("stdio")`` serves until standard input ends."""
    server: MCPServer = MCPServer("dmabuf-harness", instructions=INSTRUCTIONS, version=__version__, log_level="WARNING")
    tools = _AgentTools(jobs)
    for tool in (
        tools.show,
        tools.quick,
        tools.run,
        tools.reproduce,
        tools.coverage,
        tools.job,
        tools.jobs,
        tools.cancel,
        tools.report,
    ):
        server.add_tool(tool, structured_output=False)
    return server
