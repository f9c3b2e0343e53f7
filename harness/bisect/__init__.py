# SPDX-License-Identifier: GPL-2.0-only
"""From "this test fails" to the commit, patch or option that broke it: git bisect, driven by the main job's stages."""

from harness.bisect.asking import Failure, beside, from_run, named
from harness.bisect.driving import pinned, resolve_commit
from harness.bisect.judging import FAILS, Seen, Sight, judge
from harness.bisect.reporting import write_reports
from harness.bisect.state import (
    STATE,
    End,
    Fixup,
    Kind,
    Question,
    State,
    Symptom,
    Trail,
    Verdict,
    load,
    save,
)
from harness.bisect.telling import summary
from harness.bisect.trails import Course, course
from harness.bisect.trying import Built, PipelineBench, Untestable
from harness.bisect.walk import Walk, begin, status

__all__ = [
    "FAILS",
    "STATE",
    "Built",
    "Course",
    "End",
    "Failure",
    "Fixup",
    "Kind",
    "PipelineBench",
    "Question",
    "Seen",
    "Sight",
    "State",
    "Symptom",
    "Trail",
    "Untestable",
    "Verdict",
    "Walk",
    "begin",
    "beside",
    "course",
    "from_run",
    "judge",
    "load",
    "named",
    "pinned",
    "resolve_commit",
    "save",
    "status",
    "summary",
    "write_reports",
]
