# SPDX-License-Identifier: GPL-2.0-only
"""Takes a walk, compares each step with the model, and finds the shortest walk that still differs."""

from __future__ import annotations

from harness.guest.walks.steps import Mismatch, Seen, Step
from harness.guest.walks.walk_model import Features, Model

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol, Self

    class World(Protocol):
        """The objects of one walk, on a kernel or on a stand-in for one."""

        def __enter__(self) -> Self: ...

        def __exit__(self, *_error: object) -> None: ...

        def take(self, step: Step) -> Seen:
            """Do it, and tell what came of it."""

    Worlds = Callable[[], World]
    Differs = Callable[[list[Step]], "Walked | None"]

LEFT_BEHIND = "left behind"
"""Aspect of a difference that is not one of an answer: objects that stay, or a report of the kernel."""

DEVICE_LIMIT = 9_000_000_000
"""ns after which vgem's fences may have signalled by themselves (VGEM_FENCE_TIMEOUT is 10 s): a walk that took so long
says nothing."""


class Walked:
    """A walk as it was taken: ``steps`` up to the one that differs, or all. ``errors``: errno of each, 0 for none.

    ``was_late``: it differs, and took so long that this says nothing.
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.errors: list[int] = []
        self.difference: Mismatch | None = None
        self.was_late = False

    def kind(self) -> tuple[str, str] | None:
        """What differs: two walks of one kind are taken for the same finding."""
        if self.difference is None:
            return None
        # What is left behind is found at the end of a walk, whatever step came last.
        at = "" if self.difference.aspect == LEFT_BEHIND else self.steps[-1].call
        return at, self.difference.aspect


def take(steps: list[Step], worlds: Worlds, features: Features) -> Walked:
    """Take ``steps`` up to the first that differs; those whose objects are not there are left out."""
    model, walked, started = Model(features), Walked(), 0
    with worlds() as world:
        for step in steps:
            if not model.is_possible(step):
                continue
            seen = world.take(step)
            started = started or seen.before
            walked.steps.append(step)
            walked.errors.append(seen.error)
            difference = model.judge(step, seen)
            if difference is not None:
                walked.was_late = is_too_late(walked.steps, seen.after - started)
                walked.difference = None if walked.was_late else difference
                break
    return walked


def is_too_late(steps: list[Step], nanoseconds: int) -> bool:
    """True if the walk took so long that a fence of vgem in it may have signalled by itself."""
    return nanoseconds > DEVICE_LIMIT and any(step.call == "attach-fence" for step in steps)


def shortest(walked: Walked, differs: Differs) -> Walked:
    """The shortest walk that ``differs`` as ``walked`` does, as far as leaving out steps, one or many, goes.

    ``differs``: takes steps, and gives what was walked if it differs in the same way. Delta debugging (Zeller and
    Hildebrandt, 2002), with halves that become smaller.
    """
    size = len(walked.steps) // 2
    while size:
        shorter = _without_some(walked, size, differs)
        if shorter is None:
            size //= 2
        else:
            walked = shorter
            size = min(size, len(walked.steps) // 2)
    return walked


def _without_some(walked: Walked, size: int, differs: Differs) -> Walked | None:
    """``walked`` without the last ``size`` steps in a row that it can do without; it ends with the one that differs."""
    needed = 0 if walked.difference is not None and walked.difference.aspect == LEFT_BEHIND else 1
    for end in range(len(walked.steps) - needed, 0, -1):
        begin = max(0, end - size)
        shorter = differs(walked.steps[:begin] + walked.steps[end:])
        if shorter is not None and len(shorter.steps) < len(walked.steps):
            return shorter
    return None
