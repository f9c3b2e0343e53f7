# SPDX-License-Identifier: GPL-2.0-only
"""The main job: stages, put together. The only place that knows them all."""

from harness.pipeline.coverage_files import write_coverage
from harness.pipeline.reach_measuring import MeasuredReach, local_measure
from harness.pipeline.request import DEFAULT_REPEAT, RunJob, RunRequest, SourceRequest, SuiteRequest, check
from harness.pipeline.run_execution import RunOutcome, execute

__all__ = [
    "DEFAULT_REPEAT",
    "MeasuredReach",
    "RunJob",
    "RunOutcome",
    "RunRequest",
    "SourceRequest",
    "SuiteRequest",
    "check",
    "execute",
    "local_measure",
    "write_coverage",
]
