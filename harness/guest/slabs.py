# SPDX-License-Identifier: GPL-2.0-only
"""How many objects the slab caches hold, from /proc/slabinfo: memory that a kernel loses in small pieces.

With SLUB's debugging, which the test kernels have, no processor keeps free objects to itself: the numbers are exact.
"""

from __future__ import annotations

import time

from harness.guest.configured import QUARANTINE, has
from harness.guest.oracle import RELEASE_LIMIT
from harness.guest.registry import CheckFailed, CheckSkipped, does_not_apply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SLABINFO = "/proc/slabinfo"
# What kmalloc() takes from, and strndup_user() since 6.11 or so. Others hold what RCU frees later: files, inodes.
_CACHES = ("kmalloc-", "memdup_user-")
_TRIES = 3


def allocated(text: str) -> dict[str, int]:
    """Cache -> objects that are in use, of the text of /proc/slabinfo (version 2.1), for the caches of kmalloc()."""
    lines = [line.split() for line in text.splitlines() if line.startswith(_CACHES)]
    return {words[0]: int(words[1]) for words in lines}


def _allocated_now() -> dict[str, int]:
    try:
        with open(SLABINFO) as file:  # noqa: PTH123 - pathlib is slow to import
            return allocated(file.read())
    except (FileNotFoundError, PermissionError) as error:
        raise CheckSkipped(f"{SLABINFO} cannot be read: needs root and CONFIG_SLUB_DEBUG") from error


def _grown(before: dict[str, int], rounds: int) -> dict[str, int]:
    """The caches that hold ``rounds`` more objects than before, or more; empty as soon as there are none."""
    deadline = time.monotonic() + RELEASE_LIMIT
    while True:
        now = _allocated_now()
        grown = {cache: now[cache] - count for cache, count in before.items() if now.get(cache, 0) - count >= rounds}
        if not grown or time.monotonic() >= deadline:
            return grown
        time.sleep(0.01)  # a worker may give back what is left: that tells nobody


def expect_slabs_given_back(action: Callable[[], object], rounds: int) -> None:
    """Do ``action`` ``rounds`` times, and fail if a cache of kmalloc() keeps an object for each.

    Others allocate, too. What a kernel loses it loses each time: so it is tried three times. KASAN keeps what was freed
    (mm/slub.c, ``slab_free_hook``): the check ends there.
    """
    if has(QUARANTINE):
        does_not_apply(f"CONFIG_{QUARANTINE} keeps memory that was freed, so it cannot be counted")
    grown: dict[str, int] = {}
    for _ in range(_TRIES):
        before = _allocated_now()
        for _ in range(rounds):
            action()
        grown = _grown(before, rounds)
        if not grown:
            return
    told = ", ".join(f"{count} of {cache}" for cache, count in grown.items())
    raise CheckFailed(f"objects that did not come back after {rounds} rounds: {told}")
