# SPDX-License-Identifier: GPL-2.0-only
"""A run as KernelCI's common database takes it: JSON of KCIDB's submission schema, version 5.3.

The schema is kcidb_io/schema/v05_03.py of https://github.com/kernelci/kcidb-io; the tests validate with that package.
One checkout (the base and the patches on it), a build for each variant, and the tests of each build. A status is what
the test did: what was bad without the patch, too, is FAIL there, and ``misc`` says that it does not count. What the
base showed without the patch is no test of this checkout: it is left out. Nothing is submitted.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from harness.changes import KERNEL
from harness.errors import UserError
from harness.model import BuildFailure, Kernel, RunReport, Status, TestResult, VariantReport
from harness.report.cases import build_trouble, cases, kernel_cases, resolved
from harness.report.headline import headline
from harness.report.series_report import SeriesStep
from harness.report.store import verdict_word
from harness.report.text import cut_middle, one_line, relative, visible

ORIGIN_SETTING = "DMABUF_HARNESS_KCIDB_ORIGIN"
LOGS_SETTING = "DMABUF_HARNESS_KCIDB_LOGS"
VERSION = {"major": 5, "minor": 3}

MAX_EXCERPT = 16_384
"""Characters that the schema allows in the excerpt of a log."""

_ORIGIN = "dmabuf_harness"
_ORIGIN_PATTERN = re.compile(r"[a-z0-9_]+")
_COMMIT_PATTERN = re.compile(r"[0-9a-f]{40}")
_ARCHITECTURE_PATTERN = re.compile(r"[a-z0-9_]+")
_STATUS = {
    Status.PASS: "PASS",
    Status.FAIL: "FAIL",
    Status.SKIP: "SKIP",
    Status.ERROR: "ERROR",  # what the test would have said is unknown; what killed the guest is a case of its own
    Status.MISSING: "MISS",
}


@dataclass(frozen=True)
class Settings:
    """``origin``: the name under which KernelCI knows the submitter. ``logs``: URL at which the directory of the run is
    published, empty if it is not."""

    origin: str
    logs: str = ""

    def below(self, directory: str) -> Settings:
        """The same for a run in ``directory`` inside that one."""
        return Settings(self.origin, f"{self.logs}/{quote(directory)}" if self.logs else "")


def settings() -> Settings:
    """What the environment says. Raises ``UserError`` for what the schema does not allow."""
    origin = os.environ.get(ORIGIN_SETTING, "") or _ORIGIN
    if not _ORIGIN_PATTERN.fullmatch(origin):
        what = f"{origin!r} is no name of a submitter"
        raise UserError(what, where=ORIGIN_SETTING, hint="use a-z, 0-9 and _ only, as agreed with KernelCI")
    logs = os.environ.get(LOGS_SETTING, "").rstrip("/")
    if logs and not re.fullmatch(r"https?://[\w.:/%~@+-]+", logs, re.ASCII):
        raise UserError(f"{logs!r} is no URL", where=LOGS_SETTING, hint="say where the run's directory is published")
    return Settings(origin, logs)


def render_kcidb(report: RunReport, run_dir: Path, _stored: Path) -> str:
    """The submission of one run."""
    return _document([_Submission(report, run_dir, settings())])


def render_series_kcidb(steps: Sequence[SeriesStep]) -> str:
    """The submission of a series: a checkout for each patch that was tested."""
    own = settings()
    tested = [(step.report, step.directory) for step in steps if step.report is not None]
    return _document([_Submission(report, place, own.below(place.name)) for report, place in tested])


def _document(runs: Sequence[_Submission]) -> str:
    submission = {
        "version": VERSION,
        "checkouts": [run.checkout() for run in runs],
        "builds": [build for run in runs for build in run.builds()],
        "tests": [test for run in runs for test in run.tests()],
    }
    return json.dumps(_shown(submission), indent=1) + "\n"


def _shown(value: Any) -> Any:
    """``value`` without what is None (the schema has no null), every text visible: databases refuse stray bytes."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {visible(key): _shown(item) for key, item in value.items() if item is not None}
    return [_shown(item) for item in value] if isinstance(value, list | tuple) else value


@dataclass(frozen=True)
class _Submission:
    """``logs`` in the report are relative to ``run_dir``."""

    report: RunReport
    run_dir: Path
    settings: Settings

    # --- checkout -----------------------------------------------------------------------------

    @property
    def _checkout_id(self) -> str:
        """The same each time this run is told of, and of no other run: a run's own id may be any directory's name."""
        report = self.report
        told = json.dumps([report.run_id, report.started, report.seconds, report.command, report.tree_id])
        return f"{self.settings.origin}:{hashlib.sha256(told.encode()).hexdigest()[:32]}"

    def checkout(self) -> dict[str, object]:
        report = self.report
        return {
            "id": self._checkout_id,
            "origin": self.settings.origin,
            "git_commit_hash": self._commit,
            "git_commit_name": self._release,
            "patchset_hash": _patchset_hash(report),
            "comment": one_line("; ".join(report.patches) or f"{report.base} without a patch"),
            "start_time": self._time(0.0),
            "valid": True if report.tree_id else None,
            "misc": self._about(),
        }

    @property
    def _commit(self) -> str | None:
        """A base that was mended is no commit that anybody else has."""
        usable = _COMMIT_PATTERN.fullmatch(self.report.base_commit) and not self.report.fixups
        return self.report.base_commit if usable else None

    @property
    def _release(self) -> str | None:
        kind, _, version = self.report.base.partition(":")
        return f"v{version}" if kind == "kernel.org" and not self.report.fixups else None

    def _about(self) -> dict[str, object]:
        report = self.report
        return {
            "base": report.base,
            "base_version": report.base_version,
            "tree_id": report.tree_id or None,
            "patches": report.patches,
            "fixups": report.fixups,
            "already_in_base": report.already_in_base,
            "verdict": verdict_word(report),
            "headline": headline(report),
            "whole": not report.not_chosen,
            "interrupted": report.interrupted or None,
            "notes": report.notes,
            "command": report.command,
        }

    def _time(self, seconds: float | None) -> str | None:
        """The time ``seconds`` after the start of the run."""
        try:
            start = datetime.fromisoformat(self.report.started)
            return None if seconds is None or start.tzinfo is None else (start + timedelta(seconds=seconds)).isoformat()
        except (ValueError, OverflowError):
            return None

    # --- builds -------------------------------------------------------------------------------

    def _build_id(self, variant: VariantReport) -> str:
        return f"{self._checkout_id}:{variant.variant.name}"

    def builds(self) -> Iterator[dict[str, object]]:
        for own in self.report.parts:
            variant = resolved(self.report, own)
            made = variant.kernel or variant.build_failure
            kernel = variant.kernel
            yield {
                "checkout_id": self._checkout_id,
                "id": self._build_id(own),
                "origin": self.settings.origin,
                "comment": one_line(own.variant.title),
                "start_time": self._time(variant.started.get("build")),
                "duration": variant.times.get("build"),
                "architecture": self._architecture,
                "compiler": one_line(kernel.compiler) if kernel is not None else None,
                "config_name": one_line(own.variant.name),
                "config_url": self._url(kernel.config) if kernel is not None else None,
                "log_url": self._url(made.log) if made is not None else None,
                "log_excerpt": _build_output(variant),
                "status": _build_status(variant),
                "misc": self._about_build(own, made),
            }

    @property
    def _architecture(self) -> str | None:
        name = self.report.architecture
        return name if _ARCHITECTURE_PATTERN.fullmatch(name) else None

    def _about_build(self, own: VariantReport, made: Kernel | BuildFailure | None) -> dict[str, object]:
        kernel = made if isinstance(made, Kernel) else None
        return {
            "options": {f"CONFIG_{symbol}": value for symbol, value in own.variant.options.items()},
            "kernel_release": kernel.release if kernel is not None else None,
            "kernel_key": kernel.key if kernel is not None else None,
            "reused": kernel.reused if kernel is not None else None,
            "config": relative(kernel.config, self.run_dir) if kernel is not None else None,
            "log": relative(made.log, self.run_dir) if made is not None else None,
            "same_as": own.same_as or None,
            "of_patch": own.of_patch or None,
            "notes": [*(kernel.notes if kernel is not None else ()), *own.notes],
        }

    def _url(self, path: str | Path) -> str | None:
        """Where a file of the run is published."""
        inside = Path(relative(path, self.run_dir))
        if not self.settings.logs or not inside.name or inside.is_absolute() or ".." in inside.parts:
            return None
        return f"{self.settings.logs}/{quote(str(inside), errors='surrogateescape')}"

    # --- tests --------------------------------------------------------------------------------

    def tests(self) -> Iterator[dict[str, object]]:
        """A kernel that two variants have was tested once."""
        for variant in self.report.parts:
            if not variant.same_as:
                taken: set[str] = set()
                yield from (self._test(variant, case, taken) for case in cases(variant) if not _is_build(case))

    def _test(self, variant: VariantReport, case: TestResult, taken: set[str]) -> dict[str, object]:
        path, build = kcidb_path(case), self._build_id(variant)
        numbered = itertools.chain([path], (f"{path}:{number}" for number in itertools.count(2)))
        identity = next(name for name in numbered if name not in taken)
        taken.add(identity)
        return {
            "build_id": build,
            "id": f"{build}:{identity}",
            "origin": self.settings.origin,
            "environment": self._environment(variant),
            "path": path,
            "comment": one_line(case.message) or None,
            "log_url": self._url(case.log) if case.log else None,
            "log_excerpt": _excerpt(case.output),
            "status": _STATUS[case.status],
            "start_time": self._time(case.started),
            "duration": case.seconds or None,
            "misc": _about_test(variant, case),
        }

    def _environment(self, variant: VariantReport) -> dict[str, object] | None:
        if not variant.boots:
            return None
        last = variant.boots[-1]
        return {"comment": one_line(f"QEMU {last.qemu}, {last.accel}"), "misc": dict(self.report.machine)}


def _patchset_hash(report: RunReport) -> str | None:
    """As the schema has it: the sha256 of the lines that are the sha256 of each patch; empty without a patch.

    What the base has already was not applied. None if a digest is not known, as of results of an older harness.
    """
    applied = [patch for patch in report.series.patches if patch.subject not in report.already_in_base]
    if len(report.series.patches) != len(report.patches) or not all(patch.digest for patch in applied):
        return None
    lines = "".join(f"{patch.digest}\n" for patch in applied)
    return hashlib.sha256(lines.encode()).hexdigest() if lines else ""


def _is_build(case: TestResult) -> bool:
    return case.suite == KERNEL and case.name == "build"


def _build_status(variant: VariantReport) -> str:
    if variant.of_patch:
        return "DONE"  # the patch's files were compiled: what came of it is in the tests
    if variant.build_failure is not None:
        return "FAIL"
    return "PASS" if variant.kernel is not None else "MISS"


def _build_output(variant: VariantReport) -> str | None:
    """What a kernel that does not build is blamed for."""
    if variant.build_failure is None:
        return None
    output = next(case.output for case in kernel_cases(variant) if _is_build(case))
    return _excerpt(output or build_trouble(variant))


def _excerpt(output: str) -> str | None:
    text = visible(output)
    return cut_middle(text, MAX_EXCERPT - 100, "")[:MAX_EXCERPT] or None


def kcidb_path(case: TestResult) -> str:
    """The place of a test in KernelCI's tree: "dmabuf.checks.udmabuf.size-must-be-page-aligned"; a boot is "boot".

    A report of the kernel is one node, whatever its text; everywhere else "/", ":" and "." separate nodes.
    """
    if case.suite == KERNEL:
        return "boot" if case.name == "boot" else f"dmabuf.{KERNEL}.{_node(case.name)}"
    names = [_node(name) for name in re.split(r"[/:.]", case.name) if name.strip()]
    suite = _node(case.suite)
    return ".".join(["dmabuf", suite, *(names[1:] if names[:1] == [suite] else names)])


def _node(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_-]+", "_", one_line(name)).strip("_") or "_"


def _about_test(variant: VariantReport, case: TestResult) -> dict[str, object]:
    """``counts``: it makes the run red. ``class``: what the comparison with the base says."""
    told = variant.difference(case)
    return {
        "suite": case.suite,
        "name": case.name,
        "variant": variant.variant.name,
        "counts": case.is_bad,
        "class": told.change.value if told is not None else None,
        "compared": told.beside if told is not None else None,
        "excuse": case.excuse or None,
        "lost_coverage": case.lost_coverage or None,
        "measurements": case.measurements or None,
        "fingerprint": case.fingerprint or None,
        "log": case.log or None,
    }
