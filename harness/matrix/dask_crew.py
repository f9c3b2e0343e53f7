# SPDX-License-Identifier: GPL-2.0-only
"""The workers of a dask cluster as a crew. Here and in ``dask_worker`` is all that knows dask.

Which worker does a cell is decided by ``cell_ledger``, so each task names its worker, and no other one takes it: the
scheduler's own retries (distributed 2026.8, ``scheduler.py``, ``allowed_failures``) would repeat a deadly cell on all
of them, and do not know machines. What dies is told by the event "remove-worker" of the scheduler's topic "all"
(``Scheduler.remove_worker``), and by a look at who is there.
"""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask
from distributed import Client, Future, LocalCluster
from distributed.security import Security

from harness.errors import InfrastructureError
from harness.matrix.cell_crew import CellEnded, CellLost
from harness.matrix.cell_ledger import WorkerSeen
from harness.matrix.cell_order import CellEnd, CellWork
from harness.matrix.cell_run import PROGRAM
from harness.matrix.dask_worker import FACTS, ROOM, do_cell, first_line, quiet_dask, stop_cells
from harness.matrix.worker_facts import WorkerFacts, facts_here, room_for_cells
from harness.process import Background
from harness.scratch import scratch

WORKER_PROGRAM = PROGRAM
"""What stands before ``worker``."""

_LOOK = 2.0  # seconds, after which it is asked anew who is there
_FETCH = 5.0  # seconds, after which it is looked whether a worker that sends results is still there
_JOINING = 30  # seconds
_HERE = "127.0.0.1"
_DIED = "its worker died"


@dataclass(frozen=True)
class _Task:
    address: str
    future: Future[CellEnd]


class DaskCrew:
    """``address``: of the scheduler. ``security``: keys, None: as dask is configured.

    Raises ``InfrastructureError``.
    """

    is_apart = True

    def __init__(self, address: str, security: Security | None = None) -> None:
        quiet_dask()
        try:
            self._client = Client(address, security=security, timeout=_JOINING, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            hint = "start one: dask scheduler, see docs/many-machines.md"
            raise InfrastructureError(f"no scheduler there: {first_line(error)}", where=address, hint=hint) from error
        self._address = address
        self._events: queue.SimpleQueue[str] = queue.SimpleQueue()  # a cell that ended, or "" for: look who is there
        self._tasks: dict[str, _Task] = {}
        self._seen: dict[str, WorkerFacts] = {}
        self._looked = 0.0
        self._client.subscribe_topic("all", self._heard)

    # --- who is there -------------------------------------------------------------------------

    def _heard(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """In dask's thread."""
        if event[1].get("action") in ("add-worker", "remove-worker"):
            self._looked = 0.0
            self._events.put("")

    def workers(self) -> Sequence[WorkerSeen]:
        if time.monotonic() - self._looked > _LOOK:
            self._look()
        busy = [task.address for task in self._tasks.values()]
        return [WorkerSeen(at, facts, facts.room - busy.count(at)) for at, facts in self._seen.items()]

    def _look(self) -> None:
        now = time.monotonic()
        try:
            found = self._client.scheduler_info()["workers"]
        except (OSError, RuntimeError, TimeoutError, KeyError) as error:  # the last one: the client has given it up
            hint = "start it again, and go on with --continue"
            raise InfrastructureError("the scheduler is gone", where=self._address, hint=hint) from error
        self._seen = {at: facts for at, worker in found.items() if (facts := _facts(worker)) is not None}
        self._looked = now

    # --- work ---------------------------------------------------------------------------------

    def start(self, worker: WorkerSeen, work: CellWork) -> None:
        name = work.order.name
        future = self._client.submit(
            do_cell,
            work,
            key=f"cell-{name}-{secrets.token_hex(4)}",
            workers=[worker.address],
            allow_other_workers=False,
            resources={ROOM: 1},
            pure=False,
            retries=0,
        )
        self._tasks[name] = _Task(worker.address, future)
        future.add_done_callback(lambda _: self._events.put(name))

    def wait(self, seconds: float) -> Sequence[CellEnded | CellLost]:
        events: list[CellEnded | CellLost] = list(self._died())
        with contextlib.suppress(queue.Empty):
            name = self._events.get(timeout=0 if events else seconds)
            events += self._ended(name)
            while True:
                events += self._ended(self._events.get_nowait())
        return events

    def _died(self) -> Iterator[CellLost]:
        """Cells of workers that are gone: nobody else does what names a worker."""
        for name, task in list(self._tasks.items()):
            if task.address not in self._seen:
                yield self._lose(name, _DIED)

    def _ended(self, name: str) -> Iterator[CellEnded | CellLost]:
        task = self._tasks.get(name)
        if task is None or not task.future.done():
            return
        if task.future.status != "finished":
            failed = task.future.exception() if task.future.status == "error" else None
            yield self._lose(name, first_line(failed) if failed is not None else _DIED, by_machine=failed is not None)
            return
        end = self._fetched(task)
        if end is None:
            yield self._lose(name, _DIED)
            return
        del self._tasks[name]
        self._looked = 0.0 if self._looked + _LOOK / 2 < time.monotonic() else self._looked
        yield CellEnded(name, end)

    def _fetched(self, task: _Task) -> CellEnd | None:
        """What the task gave back; None if its worker dies meanwhile: dask would wait for another one."""
        while True:
            try:
                end: CellEnd = task.future.result(timeout=_FETCH)
                return end
            except TimeoutError:
                self._look()
                if task.address not in self._seen:
                    return None
            except Exception:  # noqa: BLE001 - whatever a worker's end makes of it: there is no result
                return None

    def _lose(self, name: str, why: str, *, by_machine: bool = False) -> CellLost:
        self._tasks.pop(name).future.cancel()
        return CellLost(name, why, by_machine)

    # --- end ----------------------------------------------------------------------------------

    def __enter__(self) -> DaskCrew:
        return self

    def __exit__(self, *exc: object) -> None:
        """Workers end what they do for us: they serve others, too."""
        if self._client.status == "running":  # else nobody is there to be told
            self._end_runs()
        self._client.close(timeout=_FETCH)

    def _end_runs(self) -> None:
        places = {task.address for task in self._tasks.values()} & self._seen.keys()
        with contextlib.suppress(OSError, RuntimeError, TimeoutError, AttributeError):  # of a client that is cut off
            if places:
                self._client.run(stop_cells, list(self._tasks), workers=sorted(places), on_error="ignore")
            for task in self._tasks.values():
                task.future.cancel()
            self._client.unsubscribe_topic("all")


def _facts(worker: Mapping[str, Any]) -> WorkerFacts | None:
    """Of a worker as the scheduler describes it; None for one that does no cells, or has not said so yet."""
    try:
        return WorkerFacts.of(worker["metrics"][FACTS])
    except (KeyError, TypeError):
        return None


# --- this machine as a cluster --------------------------------------------------------------------


@contextlib.contextmanager
def local_cluster(at_once: int) -> Iterator[DaskCrew]:
    """A scheduler in this process, and ``at_once`` workers as processes of their own, which end with it.

    Whoever can speak to a scheduler can run what he likes with its rights: so on this machine, too, all of it goes
    through keys that are made for the moment.
    """
    security = Security.temporary()
    quiet_dask()
    jobs = max(1, facts_here().cores // at_once)
    with scratch("cluster") as place, contextlib.ExitStack() as ended:
        ended.enter_context(dask.config.set({"distributed.scheduler.http.routes": []}))
        cluster = LocalCluster(
            n_workers=0,
            host=_HERE,
            protocol="tls://",
            security=security,
            dashboard_address=f"{_HERE}:0",
            silence_logs=False,
        )
        ended.callback(cluster.close)
        environment = {**os.environ, **_keys(security, place)}
        for number in range(1, at_once + 1):
            words = [*WORKER_PROGRAM, "worker", cluster.scheduler_address, "--at-once=1", f"--jobs={jobs}"]
            output = place / f"worker-{number}"
            ended.enter_context(Background(words, output=output, env=environment))
        yield ended.enter_context(DaskCrew(cluster.scheduler_address, security))


def _keys(security: Security, place: Path) -> dict[str, str]:
    """Put what a worker needs to join into files for this user alone; the environment that names them to dask."""
    found = {}
    for key, name in (("tls_ca_file", "ca-file"), ("tls_worker_cert", "worker-cert"), ("tls_worker_key", "worker-key")):
        path = place / name
        path.touch(mode=0o600)
        path.write_text(str(getattr(security, key)))
        found[key] = str(path)
    top = "DASK_DISTRIBUTED__COMM__TLS__"
    return {
        f"{top}CA_FILE": found["tls_ca_file"],
        f"{top}WORKER__CERT": found["tls_worker_cert"],
        f"{top}WORKER__KEY": found["tls_worker_key"],
    }


def room_here(wanted: int | None) -> int:
    """How many cells this machine does at a time: ``wanted``, as far as there is room."""
    facts = facts_here()
    room = room_for_cells(facts.cores, facts.memory)
    return min(wanted or room, room)
