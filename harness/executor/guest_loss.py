# SPDX-License-Identifier: GPL-2.0-only
"""A guest that was lost: what its test's result says about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from harness.causes import Cause
from harness.interfaces import GuestLost
from harness.model import BootReport, Splat, Status, TestResult
from harness.paths import unused
from harness.splat import is_oom_of_user_page_fault
from harness.vm.autopsy import STATE

_SHOWN = 2  # reports in the output of the test that lost the guest: the last are the deadly ones


@dataclass(frozen=True)
class Loss:
    """``place``: where the guest hangs, if that is known; ``hangs_in``: the function there.

    ``named``: the suite could tell which test ran. ``progress``: other tests had ended in this guest before.
    """

    lost: GuestLost
    place: str
    named: bool
    progress: bool
    hangs_in: str = ""

    @property
    def cause(self) -> Cause:
        """With what is known by now."""
        return Cause.HANG if self.place else self.lost.cause

    @property
    def in_vain(self) -> bool:
        """Nothing was learned: the next guest may well die of the same."""
        return not (self.named or self.progress or self.lost.machine)


def explained(error: TestResult, loss: Loss, splats: Sequence[Splat], console: str) -> TestResult:
    """``error`` with why the guest was lost: what the kernel reported in that test, or where it hangs.

    ``splats``: all of that guest. ``console``: its log, relative to the run directory.
    """
    mine = [splat for splat in splats if _is_of(splat, error)]
    telling = next((splat.title for splat in reversed(mine) if splat.kind != "panic"), "")
    words = [error.message or f"guest lost: {loss.lost.reason}", *filter(None, [loss.place, telling])]
    if loss.place:
        words.append(f"see {PurePosixPath(console).with_name(STATE)}")
    texts = [error.output, *(splat.text for splat in mine[-_SHOWN:])]
    output = "\n".join(filter(None, texts))
    return replace(error, message="; ".join(words), output=output, cause=loss.cause, hangs_in=loss.hangs_in)


def no_result(error: TestResult) -> TestResult:
    """``error``, of a test that a fault of ours ended twice: nothing is known about the kernel, and that is said."""
    return replace(error, status=Status.MISSING, message=f"no result, by a fault of the check: {error.message}")


def is_of_injection(splat: Splat, errors: Sequence[TestResult]) -> bool:
    """True if ``splat`` tells how a failure that we injected killed the process of one of ``errors``."""
    return is_oom_of_user_page_fault(splat) and any(_is_of(splat, error) for error in errors)


def _is_of(splat: Splat, error: TestResult) -> bool:
    """True if ``splat`` was printed while ``error``'s test ran; where only the suite is known, that must do."""
    moment = splat.moment
    return moment.suite == error.suite and moment.test in ("", error.name)


def put_aside(run_dir: Path, boots: Sequence[BootReport]) -> None:
    """Give the directories of ``boots``, which say nothing any more, other names: "move-notify-on-1-under-kvm"."""
    for boot in boots:
        place = run_dir / PurePosixPath(boot.console).parent
        if place.is_dir():
            place.rename(unused(place.with_name(f"{place.name}-under-{boot.accel}")))
