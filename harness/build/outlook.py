# SPDX-License-Identifier: GPL-2.0-only
"""Progress and remaining time of a build, estimated from the last whole build, or from figures of our own kernels.

Only a build that began with nothing, or goes on with one that did, is told as a share: how much of a finished object
tree must be made again, nobody knows before.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.build.object_trees import OBJECTS
from harness.paths import cache_dir, write_atomic
from harness.phases import time_left

_FILE = "whole-build.json"
_TELLING = 0.05  # the share of objects after which a build's own pace says more than that of another one
_TYPICAL = 1300  # objects of the first kernel on a machine: 1289 of 6.12.117, 1337 of 7.3.4


@dataclass(frozen=True)
class Pace:
    """A whole build: how many ``objects`` were compiled, in how many ``seconds`` by the clock."""

    objects: int
    seconds: float


@dataclass(frozen=True)
class Outlook:
    """The forecast for one build. ``before``: objects that earlier, killed builds left it; None: it is not a whole one.

    ``pace``: of the last whole build. ``same``: that was of this base.
    """

    before: int | None
    pace: Pace
    same: bool = True

    def told(self, objects: int, seconds: float) -> str:
        """ "612 of 1590 objects (38 %), about 4 min left"; what is not known is left out.

        ``objects``: compiled so far, in ``seconds``.
        """
        if self.before is None or self.before + objects >= self.pace.objects:
            return f"{objects} objects"  # also if the other build was none to go by
        done, total = self.before + objects, self.pace.objects
        share = f"{done} of {'' if self.same else 'about '}{total} objects ({100 * done // total} %)"
        left = self._left(total - done, objects, seconds)
        return f"{share}, {left}" if left else share

    def _left(self, remaining: int, objects: int, seconds: float) -> str:
        if objects >= _TELLING * self.pace.objects:
            expected = remaining * seconds / objects
        elif self.same:
            expected = remaining * self.pace.seconds / self.pace.objects
        else:
            return ""
        return time_left(expected)

    def ended(self, objects: int, seconds: float) -> Pace | None:
        """The pace of this build, which came to its end; None if it was not a whole one.

        What earlier ones left it is counted as if it had been compiled at the same pace.
        """
        if self.before is None or objects == 0:
            return None
        total = self.before + objects
        return Pace(total, seconds * total / objects)


def outlook(parent: Path, before: int | None) -> Outlook:
    """The forecast for a build in ``parent``, the directory of a base's object trees.

    Another base is better than none to go by, and what is typical better than nothing.
    """
    own = parent / _FILE
    others = sorted(cache_dir("trees").glob(f"*/{OBJECTS}/{_FILE}"), key=_written, reverse=True)
    found = ((file, pace) for file in (own, *others) if (pace := _read(file)) is not None)
    file, pace = next(found, (None, Pace(_TYPICAL, 0.0)))
    return Outlook(before, pace, file == own)


def _written(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:  # somebody empties the cache
        return 0


def remember(parent: Path, pace: Pace) -> None:
    write_atomic(parent / _FILE, json.dumps(asdict(pace)))


def _read(file: Path) -> Pace | None:
    """None if nothing was kept there, or nothing of use."""
    try:
        known = json.loads(file.read_text())
        pace = Pace(int(known["objects"]), float(known["seconds"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return pace if pace.objects > 0 else None
