# SPDX-License-Identifier: GPL-2.0-only
"""Random walks against a stand-in for the kernel: a right one agrees with the model, each planted bug is found."""

from __future__ import annotations

from errno import EBUSY

import pytest

from harness.guest.walks import walking
from harness.guest.walks.choice import SEED, WALKS
from harness.guest.walks.drawing import OVERTURES, TERRAINS, Draw, terrain_of
from harness.guest.walks.steps import MAKERS, Step
from harness.guest.walks.walk_model import Features, Model
from harness.guest.walks.walking import Walked
from tests.support.fence_kernel import BUGS, FenceKernel

_SEEDS = range(SEED, SEED + 6)


def features() -> Features:
    found = Features()
    found.kinds = ("udmabuf", "heap", "vgem", "probe")
    return found


def found(bug: str, seed: int) -> Walked | None:
    """The first of the usual number of walks that a kernel with ``bug`` differs in."""
    able = features()
    for number in range(WALKS):
        walked = walking.take(Draw(seed, number, able).walk(), lambda: FenceKernel(bug), able)
        if walked.difference is not None:
            return walked
    return None


@pytest.mark.parametrize("seed", [SEED, 77])
def test_a_right_kernel_agrees(seed: int) -> None:
    able = features()
    for number in range(WALKS):
        walked = walking.take(Draw(seed, number, able).walk(), FenceKernel, able)
        assert walked.difference is None, f"walk {number}: {'; '.join(map(str, walked.steps))}: {walked.difference}"


class OldKernel(FenceKernel):
    """As 5.10: a dma-buf with attachments takes no name, and whoever imports one attaches to it.

    One that is polled while a fence is pending must not be closed before that signals.
    """

    def __init__(self) -> None:
        super().__init__()
        self._own: set[int] = set()  # vgem's, which it takes back without an attachment

    def _buffer(self, kind: str, makes: str) -> None:
        super()._buffer(kind, makes)
        self._own |= {id(self.objects[makes])} if kind == "vgem" else set()

    def _rename(self, name: str, text: str) -> None:
        buffer = self._buffer_of(name)
        imported = buffer.handle and id(buffer) not in self._own
        if imported or any(made[0] == "a" and one is buffer for made, one in self.objects.items()):
            raise OSError(EBUSY, "it has attachments")
        super()._rename(name, text)

    def _poll_buffer(self, name: str, events: int) -> int:
        ready = super()._poll_buffer(name, events)
        assert ready == events, "whoever closes it before the fence signals dies: BUG_ON() in dma_buf_release()"
        return ready


def test_a_kernel_before_imports_is_a_right_one() -> None:
    able = features()
    able.imports = able.deadlines = able.polls = False
    for number in range(WALKS):
        walked = walking.take(Draw(SEED, number, able).walk(), OldKernel, able)
        assert walked.difference is None, f"walk {number}: {'; '.join(map(str, walked.steps))}: {walked.difference}"


@pytest.mark.parametrize("bug", BUGS)
def test_each_bug_is_found_and_made_short(bug: str) -> None:
    able = features()
    walked = next((one for seed in _SEEDS if (one := found(bug, seed)) is not None), None)
    assert walked is not None

    def differs(steps: list[Step]) -> Walked | None:
        again = walking.take(steps, lambda: FenceKernel(bug), able)
        return again if again.kind() == walked.kind() else None

    short = walking.shortest(walked, differs)
    assert short.kind() == walked.kind()
    assert len(short.steps) <= 14
    assert walking.take(short.steps, FenceKernel, able).difference is None
    for left_out in range(len(short.steps)):
        assert differs(short.steps[:left_out] + short.steps[left_out + 1 :]) is None, "a step that it can do without"


def test_the_same_seed_draws_the_same_walks_and_another_one_others() -> None:
    able = features()
    walks = [[str(step) for step in Draw(seed, 5, able).walk()] for seed in (3, 3, 4)]
    assert walks[0] == walks[1] != walks[2]


def test_what_a_kernel_cannot_do_is_not_drawn() -> None:
    able = Features()
    able.imports = able.deadlines = able.handles = able.attaches = False
    calls = {step.call for number in range(60) for step in Draw(1, number, able).walk()}
    assert not calls & {"import", "export", "set-deadline", "get-deadline", "open-handle", "attach-fence", "attach"}
    assert {"merge", "poll", "close-timeline", "poll-buffer"} <= calls


def test_all_steps_are_drawn_in_each_terrain_that_has_them() -> None:
    drawn: dict[str, set[str]] = {terrain: set() for terrain in TERRAINS}
    for number in range(WALKS):
        drawn[terrain_of(number)].update(step.call for step in Draw(SEED, number, features()).walk())
    for terrain, weights in TERRAINS.items():
        assert drawn[terrain] >= set(weights)


def test_steps_whose_objects_are_missing_are_left_out() -> None:
    steps = [Step("timeline", makes="t1"), Step("status", "s1"), Step("advance", "t1", 1)]
    assert walking.take(steps, FenceKernel, features()).steps == [steps[0], steps[2]]


def test_a_walk_that_took_too_long_for_fences_of_vgem_says_nothing() -> None:
    with_one, without = [Step("attach-fence", "h1", 1, makes="v1")], [Step("buffer", "udmabuf", makes="b1")]
    assert walking.is_too_late(with_one, walking.DEVICE_LIMIT + 1)
    assert not walking.is_too_late(with_one, walking.DEVICE_LIMIT)
    assert not walking.is_too_late(without, walking.DEVICE_LIMIT + 1)


def test_every_step_has_a_judge_a_drawer_and_a_doer() -> None:
    calls = {call for weights in TERRAINS.values() for call in weights}
    assert set(MAKERS) <= calls
    assert {call for calls in OVERTURES.values() for call in calls} <= calls
    for call in calls:
        member = "_" + call.replace("-", "_")
        assert all(hasattr(kind, member) for kind in (Model, Draw, FenceKernel)), call
