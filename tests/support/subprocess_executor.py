# SPDX-License-Identifier: GPL-2.0-only
"""An executor in one module: each job in a process of its own, which gets the job, the cache, and nothing else."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from harness import process
from harness.errors import InfrastructureError
from harness.events import Event, EventStream, TestEnded
from harness.executor import Findings, KernelJob, Machine
from harness.executor.kernel_job import drop
from harness.executor.wire import Trouble, job_text, read_answer
from harness.paths import PROJECT_ROOT, cache_root
from harness.vm.accel import qemu_version
from harness.vm.host import guest_identity

WORKER = ("-m", "harness.executor", "--accel", "tcg")


class SubprocessExecutor:
    """Implements ``harness.executor.Executor``. ``worker``: arguments of Python; the directory follows."""

    def __init__(self, events: EventStream, worker: Sequence[str] = WORKER) -> None:
        self._events = events
        self._worker = worker

    def machine(self) -> Machine:
        return Machine("tcg", "asked for", qemu_version(), guest_identity())

    def distrusts(self, _job: KernelJob, _findings: Findings) -> bool:
        return False  # TCG is all that it uses

    def run(self, job: KernelJob, directory: Path, keep: Callable[[Findings], None] = drop) -> Findings:
        heard = _Heard(self._events, Findings(job.planned))
        done = process.run(
            [sys.executable, *self._worker, directory],
            env={
                "XDG_CACHE_HOME": str(cache_root().parent),
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(PROJECT_ROOT),
            },
            stdin=job_text(job).encode(),
            on_line=heard,
        )
        keep(heard.findings)
        if heard.trouble is not None:
            raise heard.trouble.error
        if process.stopping():
            raise process.Stopping
        if not done.ok:
            words = (done.stderr.strip() or "no word").splitlines()[-1]
            raise InfrastructureError(f"the worker ended with status {done.returncode}: {words}", where=job.kernel)
        return heard.findings


class _Heard:
    """The answers up to now. Of a worker that was killed, the results that it had told stay."""

    def __init__(self, events: EventStream, findings: Findings) -> None:
        self._events = events
        self.findings = findings
        self.trouble: Trouble | None = None

    def __call__(self, line: str) -> None:
        match read_answer(line):
            case Findings() as found:
                self.findings = found
            case Trouble() as trouble:
                self.trouble = trouble
            case Event() as event:
                self._events.publish(event)
                if isinstance(event, TestEnded):
                    self.findings = replace(self.findings, results=(*self.findings.results, event.result))
