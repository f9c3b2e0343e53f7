# SPDX-License-Identifier: GPL-2.0-only
"""A worker of a dask cluster that does cells: it says what its machine has, and does what it is sent.

Here and in ``dask_crew`` is all that knows dask. From distributed 2026.8 (``worker.py``): ``metrics`` are functions
whose values go to the scheduler with each heartbeat; ``resources`` are what it counts for tasks that ask for some.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Sequence
from typing import Any

from distributed import Worker
from distributed.worker import DEFAULT_METRICS

from harness.errors import InfrastructureError
from harness.matrix.cell_desk import CellDesk
from harness.matrix.cell_order import CellEnd, CellWork
from harness.scratch import scratch

FACTS = "dmabuf-harness"
"""The metric that holds ``WorkerFacts``."""

ROOM = "CELL"
"""The resource of which each cell takes one."""

_JOINING = 60  # seconds, in which the scheduler must be found

_desk: CellDesk | None = None


def do_cell(work: CellWork) -> CellEnd:
    """What a task is. It runs in the worker's process."""
    assert _desk is not None, "a worker that dmabuf-harness worker did not start"
    return _desk.do(work)


def stop_cells(names: Sequence[str]) -> None:
    """End those that are done here: in the worker's process, too."""
    if _desk is not None:
        _desk.stop(names)


def serve_cells(address: str, desk: CellDesk) -> None:
    """Work for the scheduler at ``address`` until it goes, or a signal (SIGINT, SIGTERM) ends it.

    Raises ``InfrastructureError`` if there is no scheduler, or it is lost.
    """
    global _desk  # noqa: PLW0603 - tasks find it by this: they are functions of a module
    _desk = desk
    quiet_dask()
    try:
        lost = asyncio.run(_serve(address, desk))
    except (TimeoutError, OSError, ValueError) as error:
        hint = "start one: dask scheduler, see docs/many-machines.md"
        raise InfrastructureError(f"no scheduler there: {first_line(error)}", where=address, hint=hint) from error
    finally:
        desk.close()
    if lost:
        raise InfrastructureError("the scheduler is gone", where=address, hint="start it and this worker again")


def quiet_dask() -> None:
    """What is to be said, we say. Its loggers have levels of their own (distributed 2026.8, ``config.py``)."""
    for name in ("distributed", *logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def first_line(error: BaseException) -> str:
    """What it says, or what it is."""
    return (str(error) or type(error).__name__).splitlines()[0]


async def _serve(address: str, desk: CellDesk) -> bool:
    """True if the scheduler is gone."""
    with scratch("worker") as place:
        async with Worker(address, **_settings(desk, str(place))) as worker:
            wanted = asyncio.ensure_future(_signalled())
            ended = asyncio.ensure_future(worker.finished())
            await asyncio.wait([wanted, ended], return_when=asyncio.FIRST_COMPLETED)
            desk.close()
            if not ended.done():
                await worker.close(reason="asked to end", executor_wait=False)
            return not wanted.done()


def _settings(desk: CellDesk, place: str) -> dict[str, Any]:
    """``memory_limit``: what counts is the memory of guests and compilers, which dask does not see."""
    facts = desk.facts
    return {
        "name": f"{facts.machine}-{os.getpid()}",
        "nthreads": facts.room,
        "resources": {ROOM: facts.room, "KVM": int(facts.kvm), "MEMORY": facts.memory, "CORES": facts.cores},
        "metrics": {**DEFAULT_METRICS, FACTS: lambda _worker: desk.facts.plain()},
        "memory_limit": 0,
        "local_directory": place,
        "death_timeout": _JOINING,
        "dashboard": False,
        "dashboard_address": "127.0.0.1:0",  # where its web server is, which nobody asks for anything
    }


async def _signalled() -> None:
    """Until a signal asks for the end."""
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    await asked.wait()
