# SPDX-License-Identifier: GPL-2.0-only
"""The main job: stages, put together. The only place that knows them all."""

from harness.pipeline.request import Job, RunRequest, check
from harness.pipeline.run import Outcome, execute

__all__ = ["Job", "Outcome", "RunRequest", "check", "execute"]
