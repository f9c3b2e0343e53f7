# SPDX-License-Identifier: GPL-2.0-only
"""What the machine brings about, and no source: a full disk, a compiler killed for lack of memory, lost guests."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from harness.causes import Cause, Status, is_kernels
from harness.changes import Change
from harness.errors import InfrastructureError
from harness.model import BootOutcome, RunReport, TestResult, VariantReport
from harness.process import Completed

_HINT = "free some (dmabuf-harness clean), or point XDG_CACHE_HOME at a larger disk"
_SAID = ("No space left on device", "Disk quota exceeded")  # strerror() of _FULL, as programs print it
_FULL = (errno.ENOSPC, errno.EDQUOT)
_KILLED = "Killed signal terminated program"  # gcc's driver, of the compiler


def disk_full(where: Path | str) -> InfrastructureError:
    """The error for a disk that is full where ``where`` is."""
    return InfrastructureError("no space left", where=str(where), hint=_HINT)


def is_disk_full(error: OSError) -> bool:
    """True if ``error`` is for want of room, or of what the user may have of it."""
    return error.errno in _FULL


def says_disk_full(output: str) -> bool:
    """True if a program that printed ``output`` ran out of room."""
    return any(words in output for words in _SAID)


def require_space(directory: Path, needed: int) -> None:
    """Raise ``InfrastructureError`` unless ``needed`` bytes are free where ``directory`` is."""
    free = shutil.disk_usage(directory).free
    if free < needed:
        text = f"{needed / 1e9:.1f} GB are needed on the disk, {free / 1e9:.1f} GB are free"
        raise InfrastructureError(text, where=str(directory), hint=_HINT)


@contextlib.contextmanager
def disk_trouble(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` about ``path`` into an ``InfrastructureError`` in plain words."""
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise disk_full(path) from error
        raise InfrastructureError(f"cannot be written: {error.strerror}", where=str(path)) from error


def failed(done: Completed, what: str, where: Path) -> InfrastructureError:
    """The error for a program that failed while it wrote to ``where``."""
    output = done.stderr.strip() or done.stdout.strip() or "no output"
    if says_disk_full(output):
        return disk_full(where)
    return InfrastructureError(f"{what} ended with {done.returncode}: {output.splitlines()[-1]}", where=str(where))


def refuse_machine_failure(output: str, objects: Path | str) -> None:
    """Raise ``InfrastructureError`` if a make that failed and printed ``output`` did so for no fault of the source."""
    if says_disk_full(output):
        raise disk_full(objects)
    if _KILLED in output:
        what = "the compiler was killed, probably for lack of memory"
        raise InfrastructureError(what, where=str(objects), hint="free some memory, or use fewer jobs (-j)")


def machine_trouble(report: RunReport) -> str:
    """Why ``report`` is no verdict: all that is bad in it is the machine's doing. Empty if it is one.

    It is not green either: a test that was lost twice, or never ran, may have found something.
    """
    bad = [part for part in report.parts if part.is_bad]
    reasons = [_only_reason(part) for part in bad]
    return reasons[0] if reasons and all(reasons) and not report.interrupted else ""


def _only_reason(part: VariantReport) -> str:
    """What the machine did to the tests of ``part``; empty if anything else is bad in it."""
    lost = [boot.ended for boot in part.boots if not is_kernels(boot.cause)]
    failed = any(boot.outcome is not BootOutcome.UP and is_kernels(boot.cause) for boot in part.boots[-1:])
    said = part.build_failure or any(splat.is_bad for splat in part.splats)
    unsettled = any(problem.fatal for problem in part.config_problems) or part.kernel is None
    spoiled = all(_is_spoiled(part, result) for result in part.results if result.is_bad)
    return lost[0] if lost and spoiled and not (failed or said or unsettled) else ""


def _is_spoiled(part: VariantReport, result: TestResult) -> bool:
    """Is nothing known of the bad ``result``, as the machine took its guest, or each guest in which it could run?"""
    one = part.difference(result)
    if one is not None and one.change is Change.NEW and one.repeats is not None and one.repeats.patched_bad:
        return False
    if result.status is not Status.MISSING:
        return not is_kernels(result.cause)
    alone = not any(boot.cause is not None and is_kernels(boot.cause) for boot in part.boots)
    return alone and result.cause is not Cause.GONE
