# SPDX-License-Identifier: GPL-2.0-only
"""The only place that starts programs.

Every program runs as an argument list, in a process group of its own, under a small guard: a shell that kills
the whole group when the harness itself dies (``PR_SET_PDEATHSIG`` reaches only the direct child, and make's
children outlive make). So nothing runs on after Ctrl-C, ``kill`` or ``kill -9``.
"""

from harness.process.background import Background
from harness.process.environment import GIT_IDENTITY, clean_environment, which
from harness.process.guard import Stopping, allow_again, kill_group, stop_all, stopped_by_signals, stopping
from harness.process.running import Completed, LineHandler, Usage, check, metered, run
from harness.process.sandbox import (
    Sandbox,
    SandboxMode,
    guest_view,
    is_sandboxed,
    sandbox_asked,
    sandbox_in_words,
    use_sandbox,
    why_no_sandbox,
)

__all__ = [
    "GIT_IDENTITY",
    "Background",
    "Completed",
    "LineHandler",
    "Sandbox",
    "SandboxMode",
    "Stopping",
    "Usage",
    "allow_again",
    "check",
    "clean_environment",
    "guest_view",
    "is_sandboxed",
    "kill_group",
    "metered",
    "run",
    "sandbox_asked",
    "sandbox_in_words",
    "stop_all",
    "stopped_by_signals",
    "stopping",
    "use_sandbox",
    "which",
    "why_no_sandbox",
]
