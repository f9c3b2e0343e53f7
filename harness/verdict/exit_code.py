# SPDX-License-Identifier: GPL-2.0-only
"""The exit code that a run deserves."""

from __future__ import annotations

from harness.errors import ExitCode
from harness.model import RunReport


def exit_code(report: RunReport) -> ExitCode:
    """``OK`` only if nothing in ``report`` is bad, else ``FAILED``.

    A kernel that does not build or boot, or takes its guest down, is a failure like any other. Whoever cut a run
    off (a signal, trouble with the machine) knows the better code for it.
    """
    return ExitCode.FAILED if report.is_bad else ExitCode.OK
