# SPDX-License-Identifier: GPL-2.0-only
"""The main job: stages, put together. The only place that knows them all."""

from harness.pipeline.request import DEFAULT_REPEAT, RunJob, RunRequest, SourceRequest, SuiteRequest, check
from harness.pipeline.run import Outcome, execute

__all__ = ["DEFAULT_REPEAT", "Outcome", "RunJob", "RunRequest", "SourceRequest", "SuiteRequest", "check", "execute"]
