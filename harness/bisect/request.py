# SPDX-License-Identifier: GPL-2.0-only
"""What a walk asks the main job for: one variant of one tree, held against nothing."""

from __future__ import annotations

from pathlib import Path

from harness.bisect.state import Question
from harness.pipeline import RunRequest


def request(question: Question, directory: Path, base: str, patches: tuple[Path, ...] = ()) -> RunRequest:
    return RunRequest(
        directory=directory,
        command=question.command,
        base=base,
        patches=patches,
        no_patch=not patches,
        variant=question.variant,
        suites=question.suites,
        pytest=question.pytest,
        accel=question.accel,
        jobs=question.jobs,
        thorough=question.thorough,
        seed=question.seed,
        no_base=True,
        repeat=0,
    )
