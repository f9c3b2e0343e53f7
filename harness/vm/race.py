# SPDX-License-Identifier: GPL-2.0-only
"""KVM against TCG: both boot the same kernel, and the one that is at the login in less time is the faster here.

Time is counted from the start of each QEMU. KVM has a head start: where it works, no second guest is needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from harness.vm.attempts import TICK, BootAttempt

HEAD_START = 4.0
"""Seconds in which a guest has not been seen to come up under TCG (docs/design.md, "Guest"): a KVM that needs no longer
is not compared with it."""


@dataclass(frozen=True)
class RaceResult:
    """``tcg`` None: KVM needed no comparison."""

    kvm: BootAttempt
    tcg: BootAttempt | None = None

    @property
    def winner(self) -> BootAttempt | None:
        """None: the kernel comes up under neither."""
        up = [attempt for attempt in (self.kvm, self.tcg) if attempt is not None and attempt.is_up]
        return min(up, key=lambda attempt: attempt.seconds, default=None)

    @property
    def is_decided(self) -> bool:
        """Nothing that can still come changes the winner."""
        kvm, tcg = self.kvm, self.tcg
        if tcg is None:
            return kvm.is_up
        if kvm.is_up:
            return not tcg.is_running or tcg.seconds >= kvm.seconds
        return tcg.is_up or not (kvm.is_running or tcg.is_running)

    def summary(self) -> str:
        """Why the winner is taken, in one line."""
        kvm, tcg = self.kvm, self.tcg
        if tcg is None or not tcg.is_up:
            return f"a guest came up in {kvm.seconds:.1f} s"
        under_tcg = f"under TCG the same kernel came up in {tcg.seconds:.1f} s"
        if kvm.is_up:
            word = "slower" if self.winner is tcg else "faster"
            return f"KVM is {word} than TCG here: a guest came up in {kvm.seconds:.1f} s; {under_tcg}"
        return f"KVM {'fails' if kvm.has_failed else 'crawls'} here: {kvm.failure()}; {under_tcg}"


def race(start: Callable[[str], BootAttempt], head_start: float = HEAD_START) -> RaceResult:
    """Boot with ``start("kvm")``; if that fails or needs over ``head_start`` seconds, with ``start("tcg")`` beside it.

    The loser may still run; whoever started it ends it.
    """
    found = RaceResult(start("kvm"))
    while not found.is_decided:
        time.sleep(TICK)
        for attempt in filter(None, (found.kvm, found.tcg)):
            attempt.step()
        late = found.kvm.seconds > head_start or not found.kvm.is_running
        if found.tcg is None and late and not found.kvm.is_up:
            found = RaceResult(found.kvm, start("tcg"))
    return found
