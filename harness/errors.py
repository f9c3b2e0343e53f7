# SPDX-License-Identifier: GPL-2.0-only
"""What can go wrong that is not a test result, and the exit code each kind has.

A kernel that does not build, boot or pass is *data* (see ``model``), never an exception.
Only two things are exceptions: what the user has to put right, and what the machine did to us.
"""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """Exit codes of ``dmabuf-harness`` (docs/reference.md, "Options of run")."""

    OK = 0
    FAILED = 1
    USER = 2
    INFRASTRUCTURE = 3
    INTERRUPTED = 130
    TERMINATED = 143


class HarnessError(Exception):
    """Root of what the harness raises itself; printed as one line, without a traceback.

    ``what`` names the trouble, ``where`` the file, option or URL it is about, ``hint`` what to do.
    """

    exit_code: ExitCode = ExitCode.INFRASTRUCTURE

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        self.what, self.where, self.hint = what, where, hint
        super().__init__(str(self))

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}; {self.hint}" if self.hint else text


class UserError(HarnessError):
    """The user's input cannot be used: a missing file, a patch that does not apply, an unknown name."""

    exit_code = ExitCode.USER


class InfrastructureError(HarnessError):
    """The machine failed, not the patch: no network, full disk, QEMU missing, a guest lost without a reason."""

    exit_code = ExitCode.INFRASTRUCTURE
