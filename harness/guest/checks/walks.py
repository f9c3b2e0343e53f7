# SPDX-License-Identifier: GPL-2.0-only
"""Random walks: steps in orders that nobody thought of, each compared with a model (docs/walks.md).

HARNESS_SEED and HARNESS_WALKS in the environment say which walks, and how many (walks/choice.py).
"""

from __future__ import annotations

from harness.guest import marks, oracle
from harness.guest.registry import CheckFailed, Group, TimedOut, measurement, register_unlisted, skip
from harness.guest.walks import walking
from harness.guest.walks.choice import GROUP, seed, single_walk, walk_name, walks
from harness.guest.walks.drawing import TERRAINS, Draw, terrain_of
from harness.guest.walks.kernel_world import KernelWorld, features
from harness.guest.walks.steps import Mismatch, Step
from harness.guest.walks.walk_scripts import as_check
from harness.guest.walks.walking import Walked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from harness.guest.walks.walk_model import Features
    from harness.guest.walks.walking import Differs

_AT_ONCE = 20  # walks between two looks at what is left behind

check = Group(GROUP)


@check
def fences() -> None:
    """Timelines and sync_files: merges, errors, times, deadlines, poll."""
    _walk_all("fences")


@check
def buffers() -> None:
    """The same, with dma-bufs into which fences are imported and from which they are exported."""
    _walk_all("buffers")


@check
def devices() -> None:
    """The same, with vgem's fences and handles on the buffers of others, and the probe's attachments."""
    _walk_all("devices")


# What the walks do without, as this kernel lacks it: their own results do not tell when there is less than on the base.


@check
def import_and_export_are_walked() -> None:
    """DMA_BUF_IOCTL_IMPORT_SYNC_FILE and DMA_BUF_IOCTL_EXPORT_SYNC_FILE."""
    _walked(features().imports, "sync_files of dma-bufs")


@check
def deadlines_are_walked() -> None:
    """SYNC_IOC_SET_DEADLINE and SW_SYNC_GET_DEADLINE."""
    _walked(features().deadlines, "deadlines")


@check
def times_of_merges_are_walked() -> None:
    """A merge of what has signalled has the time of the last."""
    _walked(features().keeps_time, "times of merged fences")


@check
def devices_are_walked() -> None:
    """All exporters and importers."""
    able = features()
    for kind in ("udmabuf", "heap", "vgem", "probe"):
        _walked(kind in able.kinds, f"buffers of {kind}")
    _walked(able.handles, "fences and handles of vgem")
    _walked(able.attaches, "attachments")


def _walked(is_there: bool, what: str) -> None:
    if not is_there:
        skip(f"the walks do without {what}, which this kernel lacks")


def register_walk(name: str) -> None:
    """Make the single walk ``name`` a check."""
    found = single_walk(name)
    assert found is not None
    seed_, number = found

    def walk() -> None:
        _Walker(seed_).walk([number])

    register_unlisted(name, walk)


def _walk_all(terrain: str) -> None:
    assert terrain in TERRAINS
    numbers = [number for number in range(walks()) if terrain_of(number) == terrain]
    if not numbers:
        skip(f"none of {walks()} walks is of this kind")
    walker = _Walker(seed())
    walker.walk(numbers)
    late = f", {walker.late} walks took too long to say anything" if walker.late else ""
    measurement(f"seed {seed()}: {len(numbers)} of {walks()} walks through {terrain}, {walker.steps} steps{late}")


class _Walker:
    """Takes walks of one seed; the check fails with the first that differs, made as short as it can be."""

    def __init__(self, seed_: int) -> None:
        self._seed = seed_
        self._features: Features = features()
        self.steps = self.late = 0

    def walk(self, numbers: list[int]) -> None:
        for begin in range(0, len(numbers), _AT_ONCE):
            some = numbers[begin : begin + _AT_ONCE]
            with _Surroundings() as around:
                for number in some:
                    self._walk_one(number)
                left = around.trouble()
            if left:
                self._lay_at_a_door(some, left)

    def _walk_one(self, number: int) -> None:
        """Who kills the guest, or never ends, must be known: the kernel log tells the one, a measurement the other."""
        marks.mark(f"takes {walk_name(self._seed, number)}")
        steps = self._steps(number)
        self.steps += len(steps)
        try:
            walked = self._taken(steps)
        except Exception:
            measurement(f"in {walk_name(self._seed, number)}")
            raise
        self.late += walked.was_late
        self._refuse(number, walked)

    def _steps(self, number: int) -> list[Step]:
        return Draw(self._seed, number, self._features).walk()

    def _taken(self, steps: list[Step]) -> Walked:
        return walking.take(steps, KernelWorld, self._features)

    def _taken_alone(self, steps: list[Step]) -> Walked:
        """With a look at what it leaves behind, which is a difference, too."""
        with _Surroundings() as around:
            walked = self._taken(steps)
            left = around.trouble()
        if left and walked.difference is None:
            walked.difference = Mismatch(walking.LEFT_BEHIND, left, "nothing")
        return walked

    def _lay_at_a_door(self, numbers: list[int], left: str) -> None:
        """Find the walk that leaves it, alone; if none does, or there is no time, they do together."""
        try:
            for number in numbers:
                self._refuse(number, self._taken_alone(self._steps(number)))
        except TimedOut:
            pass
        raise CheckFailed(f"seed {self._seed}, walks {numbers[0]} to {numbers[-1]} together: {left}")

    def _refuse(self, number: int, walked: Walked) -> None:
        """Fail the check if it differs."""
        if walked.difference is None:
            return

        def differs(steps: list[Step]) -> Walked | None:
            again = self._taken_alone(steps) if left_behind else self._taken(steps)
            return again if again.kind() == walked.kind() else None

        left_behind = walked.difference.aspect == walking.LEFT_BEHIND
        found, how = _shortest(walked, differs)
        name = walk_name(self._seed, number)
        function = f"seed_{self._seed}_walk_{number}"
        at = "" if left_behind else f" differs at {found.steps[-1]}"
        raise CheckFailed(f"{name}{at}: {found.difference}{how}", as_check(found, function, name))


def _shortest(walked: Walked, differs: Differs) -> tuple[Walked, str]:
    """``walked`` again, as short as the time limit of the check allows, and a remark if that was not to the end."""
    found: list[Walked] = []

    def kept(steps: list[Step]) -> Walked | None:
        again = differs(steps)
        found.extend([again] if again is not None else [])
        return again

    try:
        again = kept(walked.steps)
        return (walked, " (it did not come again)") if again is None else (walking.shortest(again, kept), "")
    except TimedOut:
        shortest = min([walked, *found], key=lambda one: len(one.steps))
        return shortest, " (there was no time to make it shorter)"


class _Surroundings:
    """Context manager: what the kernel reports, and what is left behind, from its start on."""

    def __enter__(self) -> _Surroundings:
        marks.listen()
        self._before = oracle.Inventory()
        self._log = oracle.KernelLog()
        return self

    def __exit__(self, *_error: object) -> None:
        self._log.close()

    def trouble(self) -> str:
        """The first of it, in one line; or empty."""
        found = self._before.leaked_objects(oracle.RELEASE_LIMIT)
        found += [f"kernel report: {report}" for report in self._log.reports()]
        return found[0] if found else ""
