# SPDX-License-Identifier: GPL-2.0-only
"""Which kernel of a stored run is meant, and what its guests got."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.errors import UserError
from harness.interfaces import JobLimits
from harness.model import RunReport, VariantReport
from harness.process import SandboxMode
from harness.report import SchemaError, decode, load
from harness.report.store import PLAN, document

_BEYOND = 1 << 31  # boots, MiB, walks: what no run has


@dataclass(frozen=True)
class StoredKernel:
    """A variant of a run, with the patch or (``of_base``) without it. ``directory``: of the run.

    ``limits``: what its guests got. ``own_fixups``: the base was mended with the fixups of ours that it needs.
    ``sandbox``: what was asked for.
    """

    report: RunReport
    directory: Path
    variant: VariantReport
    of_base: bool = False
    limits: JobLimits = field(default_factory=JobLimits)
    own_fixups: bool = True
    sandbox: SandboxMode = SandboxMode.OFF

    @property
    def name(self) -> str:
        """For messages: "move-notify-on", "base move-notify-on"."""
        return f"{'base ' if self.of_base else ''}{self.variant.variant.name}"

    @property
    def key(self) -> str:
        """Of its kernel; empty if it never built one."""
        return self.variant.kernel.key if self.variant.kernel is not None else ""


def pick_kernel(run: Path, variant: str | None = None, *, base: bool = False) -> StoredKernel:
    """The kernel of ``run`` (a directory, or its results.json) in ``variant``: a name, or its last word.

    Without one it is the first variant in which something is bad, or the first of all. Raises ``UserError``.
    """
    report = load(run)
    directory = run.resolve() if run.is_dir() else run.resolve().parent
    side = report.base_variants if base else report.variants
    if not side:
        hint = "the run has no base without the patch" if base else "it looked at the patch alone"
        raise UserError("no kernel was tested there", where=str(run), hint=hint)
    return _planned(StoredKernel(report, directory, _chosen(side, variant), base))


def _chosen(side: Sequence[VariantReport], name: str | None) -> VariantReport:
    if name is None:
        found = next((one for one in side if one.is_bad and one.kernel is not None), side[0])
    else:
        fitting = [one for one in side if name == one.variant.name or one.variant.name.endswith(f"-{name}")]
        if not fitting:
            known = ", ".join(one.variant.name for one in side)
            raise UserError("the run has no such variant", where=f"--variant {name}", hint=f"it has {known}")
        found = fitting[0]
    if not found.same_as:
        return found
    twin = next((one for one in side if one.variant.name == found.same_as), None)
    if twin is None:
        raise UserError("the run has no such variant", where=f"{found.variant.name} is said to be {found.same_as}")
    return twin


def _planned(stored: StoredKernel) -> StoredKernel:
    """``stored`` with what ``plan.json`` says; in runs of old it has the usual limits."""
    path = stored.directory / PLAN
    if not path.is_file():
        return stored
    plan = document(path)
    try:
        limits = decode(JobLimits, plan.get("limits", {}))
        sandbox = SandboxMode(plan.get("sandbox", SandboxMode.OFF.value))
    except (SchemaError, ValueError) as error:
        raise UserError(f"not the plan of a run: {error}", where=str(path)) from error
    if not _possible(limits):
        raise UserError("not the plan of a run: no guest has such limits", where=str(path))
    return replace(stored, limits=limits, own_fixups=plan.get("own fixups") is not False, sandbox=sandbox)


def _possible(limits: JobLimits) -> bool:
    numbers = (limits.boots, limits.time_factor, *(one for one in (limits.memory, limits.walks) if one is not None))
    return all(0 < number < _BEYOND for number in numbers)
