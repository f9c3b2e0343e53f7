# SPDX-License-Identifier: GPL-2.0-only
"""What handing out cells costs: ``python -m tests.measure_cluster [JOBS]`` (``ci/figures-cluster``).

Cells are scripts that sleep for half a second and leave the results of a run. The scheduler and two workers are
processes of their own. Then the memory of who has 100,000 cells to hand out: of the matrix, whose ledger has them, and
of a dask scheduler that has as many tasks which no worker can do.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from distributed import Client

from harness.matrix.cell_ledger import CellLedger
from harness.matrix.cell_order import CellOrder, OrderBook
from harness.matrix.dask_crew import DaskCrew
from harness.matrix.matrix_campaign import MatrixCampaign
from harness.matrix.matrix_file import CellNeeds, CellPlace
from harness.report import write_reports
from harness.report.matrix_report import CellFate, MatrixReport
from tests.support.cell_clusters import scheduler_process
from tests.support.sample_reports import run_report, variant_report

SECONDS = 0.5
WORKERS = 2
QUEUED = 100_000
_JOB = """\
for word; do out=${word#--out=}; [ "$word" = "$out" ] || break; done
sleep 0.5
cp -r "$0" "$out"
"""
_WORKER = """\
import sys
from harness.matrix import cell_run
cell_run.PROGRAM = tuple(sys.argv[1].split("\\n"))
from harness.cli.main import main
sys.exit(main(["worker", *sys.argv[2:]]))
"""


def main(words: list[str]) -> int:
    jobs = int(words[0]) if words else 1000
    say(f"load {os.getloadavg()[0]:.1f} at the begin")
    with tempfile.TemporaryDirectory(prefix="measure-cluster-") as name:
        place = Path(name)
        with scheduler_process(place) as (address, scheduler):
            before = cpu(scheduler.pid)
            jobs_of_half_a_second(jobs, address, place)
            say(f"CPU time of the scheduler: {(cpu(scheduler.pid) - before) / jobs * 1000:.0f} ms a job")
            say(f"the scheduler after them: {rss(scheduler.pid)} MB")
        say(f"a matrix with {QUEUED} cells to hand out: {ledger_memory()} MB of memory for them")
        with scheduler_process(place) as (address, scheduler):
            before = rss(scheduler.pid)
            say(f"a dask scheduler: {before} MB; with {QUEUED} queued tasks: {queued(address, scheduler.pid)} MB")
    say(f"load {os.getloadavg()[0]:.1f} at the end")
    return 0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def cpu(pid: int) -> float:
    """Seconds of CPU time of a process and of its children that ended (proc(5), /proc/PID/stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def rss(pid: int) -> int:
    """Megabytes (VmRSS, proc(5))."""
    match = re.search(r"(?m)^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert match is not None
    return int(match[1]) // 1000


# --- jobs of half a second ------------------------------------------------------------------------


def jobs_of_half_a_second(count: int, address: str, place: Path) -> None:
    results, directory = place / "results", place / "matrix"
    results.mkdir()
    write_reports(run_report(variant_report()), results)
    directory.mkdir()
    with contextlib.ExitStack() as stack:
        pids = [os.getpid()]
        pids += [stack.enter_context(worker(address, results, f"machine-{number}")) for number in range(WORKERS)]
        before = [cpu(pid) for pid in pids]
        report = done(count, address, directory)
        took = [cpu(pid) - old for pid, old in zip(pids, before, strict=True)]
    least = count * SECONDS / WORKERS
    assert len(report.of(CellFate.PASS)) == count
    over = (report.seconds - least) * WORKERS / count * 1000
    say(f"{count} jobs of {SECONDS} s by {WORKERS} workers: {report.seconds:.0f} s")
    say(f"efficiency {least / report.seconds:.2f}")
    say(f"CPU time of the matrix: {took[0] / count * 1000:.0f} ms a job")
    say(f"CPU time of the workers, scripts included: {sum(took[1:]) / count * 1000:.0f} ms a job")
    say(f"of each job {over:.0f} ms are not its own")


@contextlib.contextmanager
def worker(address: str, results: Path, machine: str) -> Iterator[int]:
    """Its process id."""
    job = "\n".join(["/bin/sh", "-c", _JOB.replace("\n", "; ").replace("do;", "do").strip("; "), str(results)])
    command = [sys.executable, "-c", _WORKER, job, address, "--name", machine, "--at-once", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith(machine)
            yield process.pid
        finally:
            process.terminate()


def done(count: int, address: str, directory: Path) -> MatrixReport:
    book = OrderBook((), "", orders(count))
    ledger = CellLedger(book.orders, book.needs)
    with DaskCrew(address) as crew:
        while len(crew.workers()) < WORKERS:
            crew.wait(0.5)
        return MatrixCampaign(directory, book, ledger, lambda text: None).run(crew)


def orders(count: int) -> tuple[CellOrder, ...]:
    """Of ten bases."""
    return tuple(CellOrder(CellPlace(f"cell-{at}", "series", f"base-{at % 10}"), ()) for at in range(count))


# --- memory ---------------------------------------------------------------------------------------


def ledger_memory() -> int:
    before = rss(os.getpid())
    found = CellLedger(orders(QUEUED), CellNeeds())
    assert not found.is_done
    return rss(os.getpid()) - before


def queued(address: str, pid: int) -> int:
    """Megabytes of a scheduler that has them all."""
    with Client(address, set_as_default=False) as client:
        futures = client.map(str, range(QUEUED), key=[f"cell-{at}" for at in range(QUEUED)], resources={"CELL": 1})
        while client.run_on_scheduler(_tasks) < QUEUED:
            time.sleep(0.5)
        found = rss(pid)
        del futures
        return found


def _tasks(dask_scheduler: object) -> int:
    return len(dask_scheduler.tasks)  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
