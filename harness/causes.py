# SPDX-License-Identifier: GPL-2.0-only
"""What became of a test, and why it is bad: values from where that arises to ``results.json``, reports and bisect.

No verdict is read off a message. ``_CONSEQUENCES`` is the one table of what each cause amounts to: for the comparison
with the base, for a bisect, and for a planted fault.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class Status(enum.Enum):
    """What became of a planned test. Every planned test has exactly one; nothing disappears."""

    PASS = "pass"
    FAIL = "fail"
    SKIP = "skip"
    ERROR = "error"  # the harness or the guest died while the test ran
    MISSING = "missing"  # the test never ran

    @property
    def is_bad(self) -> bool:
        """True if a run that holds this status is not green."""
        return self in (Status.FAIL, Status.ERROR, Status.MISSING)


class Blame(enum.Enum):
    """Whose doing it is that a guest was lost. Only the kernel's is a result."""

    KERNEL = "kernel"  # as far as is known
    MACHINE = "machine"  # QEMU was killed from outside, the files that the guest runs from were replaced
    INJECTION = "injection"  # a failure that we injected missed the call under test and hit our own process
    ACCELERATOR = "accelerator"  # KVM failed, or QEMU by itself under it, or the processors stand still


class Severity(enum.Enum):
    """How grave a failure is: what it says of the kernel.

    ``SILENT``: a time limit, or a guest that was lost without a word of its kernel: perhaps a busy host, and no
    evidence of any failure that would have come.
    """

    SAID = "says that it failed"
    SILENT = "ran out of time, or its guest was lost without a word"
    KILLED = "was killed by a signal"
    DIED = "took its guest down"


class Close(enum.Enum):
    """How the process of a bad test came to its end."""

    BY_ITSELF = "by itself"
    NEVER = "never"  # it was given up
    DEATH = "death"  # its process, what runs it, or its guest was gone


class Cause(enum.Enum):
    """Why a test is bad, or why a guest ended. What stands in a file is the value: it is never changed."""

    ASSERTION = "assertion"  # the test itself says so
    REPORT = "kernel report"  # the kernel reported something while it ran, and the test found nothing else wrong
    TIME_LIMIT = "time limit"  # it was stopped; of a program also signal 9, by which timeout(1) ends what ignores 15
    SIGNAL = "signal"  # of its program
    PROCESS = "process death"  # of what runs the tests; also of an error that nobody explains
    NOT_BUILT = "not built"
    SKIPPED = "skipped with the patch"  # it passes on the base; the comparison says so
    GONE = "gone with the patch"  # the base has it; the comparison says so

    # A guest was lost:
    PANIC = "panic"
    HANG = "hang"  # and it is known where
    SILENCE = "no answer"  # it hangs, or so it seems: nobody knows where
    EXIT = "guest ended by itself"  # power-off, reset, triple fault
    FLOOD = "console flood"
    CONNECTION = "connection lost"  # of ssh, or its sshd is gone, while the kernel lives
    UNUSABLE = "guest unusable"  # it answers, and cannot do what it is asked for
    MACHINE = "machine"
    ACCELERATOR = "accelerator"
    INJECTION = "injection"

    @property
    def severity(self) -> Severity:
        return _CONSEQUENCES[self].severity

    @property
    def close(self) -> Close:
        return _CONSEQUENCES[self].close

    @property
    def blame(self) -> Blame:
        return _CONSEQUENCES[self].blame

    @property
    def is_loss(self) -> bool:
        """True if a guest was lost."""
        return _CONSEQUENCES[self].loss


def is_kernels(cause: Cause | None) -> bool:
    """True unless it was somebody else's doing: then nothing is known about the kernel."""
    return cause is None or cause.blame is Blame.KERNEL


@dataclass(frozen=True)
class _Consequence:
    severity: Severity
    close: Close
    loss: bool = False
    blame: Blame = Blame.KERNEL


_CONSEQUENCES: Mapping[Cause, _Consequence] = {
    Cause.ASSERTION: _Consequence(Severity.SAID, Close.BY_ITSELF),
    Cause.REPORT: _Consequence(Severity.SAID, Close.BY_ITSELF),
    Cause.TIME_LIMIT: _Consequence(Severity.SILENT, Close.NEVER),
    Cause.SIGNAL: _Consequence(Severity.KILLED, Close.DEATH),
    Cause.PROCESS: _Consequence(Severity.DIED, Close.DEATH),
    Cause.NOT_BUILT: _Consequence(Severity.DIED, Close.BY_ITSELF),
    Cause.SKIPPED: _Consequence(Severity.SAID, Close.BY_ITSELF),
    Cause.GONE: _Consequence(Severity.SAID, Close.BY_ITSELF),
    Cause.PANIC: _Consequence(Severity.DIED, Close.DEATH, loss=True),
    Cause.HANG: _Consequence(Severity.DIED, Close.NEVER, loss=True),
    Cause.SILENCE: _Consequence(Severity.SILENT, Close.NEVER, loss=True),
    Cause.EXIT: _Consequence(Severity.DIED, Close.DEATH, loss=True),
    Cause.FLOOD: _Consequence(Severity.DIED, Close.DEATH, loss=True),
    Cause.CONNECTION: _Consequence(Severity.SILENT, Close.DEATH, loss=True),
    Cause.UNUSABLE: _Consequence(Severity.SILENT, Close.DEATH, loss=True),
    Cause.MACHINE: _Consequence(Severity.SILENT, Close.DEATH, loss=True, blame=Blame.MACHINE),
    Cause.ACCELERATOR: _Consequence(Severity.SILENT, Close.DEATH, loss=True, blame=Blame.ACCELERATOR),
    Cause.INJECTION: _Consequence(Severity.SILENT, Close.DEATH, loss=True, blame=Blame.INJECTION),
}

_UNEXPLAINED = {Status.FAIL: Cause.ASSERTION, Status.ERROR: Cause.PROCESS}


@dataclass(frozen=True)
class Observed:
    """What was seen of a test on one side. ``cause``: None if it is not bad. ``message``: one line, for people."""

    status: Status
    cause: Cause | None = None
    message: str = ""

    @property
    def severity(self) -> Severity | None:
        """None for what passed, was skipped, or never ran. An error that nobody explains is the gravest."""
        unexplained = _UNEXPLAINED.get(self.status)
        return (self.cause or unexplained).severity if unexplained is not None else None

    def __str__(self) -> str:
        """ "fail: odd bytes", "pass", "never ran"."""
        if self.status is Status.MISSING:
            return "never ran"
        told = self.message if self.status is not Status.PASS else ""
        return f"{self.status.value}: {told}" if told else self.status.value
