# SPDX-License-Identifier: GPL-2.0-only
"""An executor without guests: for what is made of findings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.executor import Findings, KernelJob, Machine
from harness.executor.kernel_job import drop

MACHINE = Machine("tcg", "asked for", "7.2", "root")


@dataclass
class ScriptedExecutor:
    """Finds ``outcomes``, one job after the other. ``jobs``: what it was asked, and where the logs were to go."""

    outcomes: list[Findings] = field(default_factory=list)
    jobs: list[tuple[KernelJob, Path]] = field(default_factory=list)

    def machine(self) -> Machine:
        return MACHINE

    def distrusts(self, _job: KernelJob, _findings: Findings) -> bool:
        return False

    def run(self, job: KernelJob, directory: Path, keep: Callable[[Findings], None] = drop) -> Findings:
        found = replace(self.outcomes[len(self.jobs)], planned=job.planned)
        self.jobs.append((job, directory))
        for boot in found.boots:
            console = directory / boot.console
            console.parent.mkdir(parents=True, exist_ok=True)
            console.write_text(f"try {len(self.jobs)}")
        keep(found)
        return found
