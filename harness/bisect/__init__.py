# SPDX-License-Identifier: GPL-2.0-only
"""From "this test fails" to the commit, patch or option that broke it: git bisect, driven by the main job's stages."""

from harness.bisect.commit_tests import Built, PipelineTester, Untestable
from harness.bisect.git_bisect import pinned, resolve_commit
from harness.bisect.observation import FAILS, Observation, ObservationKind, observe
from harness.bisect.render import summary
from harness.bisect.reporting import write_reports
from harness.bisect.state import (
    STATE,
    BisectRequest,
    CommitFixup,
    CommitVerdict,
    End,
    State,
    Symptom,
    SymptomKind,
    Trail,
    load,
    save,
)
from harness.bisect.symptom import Failure, beside, from_run, named
from harness.bisect.targets import Target, target
from harness.bisect.walk import Walk, begin, status

__all__ = [
    "FAILS",
    "STATE",
    "BisectRequest",
    "Built",
    "CommitFixup",
    "CommitVerdict",
    "End",
    "Failure",
    "Observation",
    "ObservationKind",
    "PipelineTester",
    "State",
    "Symptom",
    "SymptomKind",
    "Target",
    "Trail",
    "Untestable",
    "Walk",
    "begin",
    "beside",
    "from_run",
    "load",
    "named",
    "observe",
    "pinned",
    "resolve_commit",
    "save",
    "status",
    "summary",
    "target",
    "write_reports",
]
