# SPDX-License-Identifier: GPL-2.0-only
"""What a machine has for cells: processors, memory, KVM, and the bases whose objects it keeps."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness import machine_check
from harness.build.object_trees import OBJECTS
from harness.matrix.matrix_file import CellNeeds
from harness.paths import cache_root

CORES_OF_A_CELL = 2  # one for a build, one for a guest: both go on at once
MEMORY_OF_A_CELL = machine_check.MEMORY_NEEDED >> 20  # MiB


@dataclass(frozen=True)
class WorkerFacts:
    """``machine``: its name; what fails on one is done again on another. ``memory``: MiB, for all its cells together.

    ``room``: cells at a time. ``warm``: bases that have object trees here. ``kernels``: how many the cache has.
    """

    machine: str
    cores: int
    memory: int
    kvm: bool
    room: int
    warm: tuple[str, ...] = ()
    kernels: int = 0

    def fits(self, needs: CellNeeds) -> bool:
        """True if one cell with ``needs`` can be done here."""
        return self.kvm >= needs.kvm and self.memory >= needs.memory and self.cores >= needs.cores

    def plain(self) -> dict[str, Any]:
        """The same as what JSON and msgpack hold."""
        return {**asdict(self), "warm": list(self.warm)}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> WorkerFacts:
        """What ``plain`` made. Raises ``TypeError`` for what is none."""
        return cls(**{**plain, "warm": tuple(plain["warm"])})


def room_for_cells(cores: int, memory: int) -> int:
    """How many cells a machine can do at a time; ``memory``: MiB. Two cores get one build and one guest."""
    return max(1, min(cores // CORES_OF_A_CELL, memory // MEMORY_OF_A_CELL))


def facts_here(machine: str = "", most: int | None = None) -> WorkerFacts:
    """Of this machine. ``machine``: what it is called, default: its host name. ``most``: cells at a time, at most."""
    cores, memory = len(os.sched_getaffinity(0)), free_memory()
    room = room_for_cells(cores, memory)
    kvm = machine_check.check_kvm(None).ok
    name = machine or socket.gethostname()
    return WorkerFacts(name, cores, memory, kvm, min(room, most or room), warm_bases(), kernels_here())


def free_memory(meminfo: Path = Path("/proc/meminfo")) -> int:
    """MiB that programs can have (MemAvailable, proc(5))."""
    match = re.search(r"(?m)^MemAvailable:\s+(\d+) kB", meminfo.read_text())
    return int(match[1]) >> 10 if match else 0


def warm_bases() -> tuple[str, ...]:
    """The bases in the cache that were built from, by the names under which they were fetched. Uses none of them."""
    found = []
    for objects in sorted((cache_root() / "trees").glob(f"*/{OBJECTS}")):
        try:
            found.append(str(json.loads((objects.parent / "linux" / ".git" / "base.json").read_bytes())["base"]))
        except (OSError, ValueError, KeyError, TypeError):  # removed meanwhile, or never finished
            continue
    return tuple(found)


def kernels_here() -> int:
    """How many finished kernels the cache has."""
    return sum(not path.name.startswith(".") for path in (cache_root() / "kernels").glob("*"))
