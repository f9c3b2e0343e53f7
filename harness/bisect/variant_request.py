# SPDX-License-Identifier: GPL-2.0-only
"""What a walk asks the main job for: one variant of one tree, held against nothing."""

from __future__ import annotations

from pathlib import Path

from harness.bisect.state import BisectRequest
from harness.interfaces import JobLimits
from harness.pipeline import RunRequest, SourceRequest, SuiteRequest


def request(question: BisectRequest, base: str, patches: tuple[Path, ...] = ()) -> RunRequest:
    return RunRequest(
        command=question.command,
        source=SourceRequest(base, patches, no_patch=not patches),
        tests=SuiteRequest(question.variant, suites=question.suites, pytest=question.pytest),
        limits=JobLimits(thorough=question.thorough, seed=question.seed, walks=question.walks),
        accel=question.accel,
        jobs=question.jobs,
        no_base=True,
        repeat=0,
    )
