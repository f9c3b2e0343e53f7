# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: T201 - it runs in a guest, where printing is how results leave
"""Runs in a guest: shows that every check can fail, by lying to it about what the kernel did.

``/usr/bin/python3 -I -S sabotaged_checks.py PROJECT [NAME|GROUP|PATTERN ...]`` runs each check honestly, then under
each lie until one makes it fail, first under the one that ``caught_lies.txt`` names. Prints a line for
each check: ``caught name by lie (seconds)``, ``skipped name: why``, ``BROKEN name`` for one that fails honestly,
``BLIND name`` for one that no lie could make fail; exit status 0 if there is neither of the last two.
"""

from __future__ import annotations

import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])

from harness.guest import marks, registry, runner  # noqa: E402
from tests.vm import ioctl_lies, probe_lies  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.vm.ioctl_lies import Lie

# How a check says that it found something by itself; what it leaves behind when it is led astray does not count.
_FOUND = ("failed: ", "no kernel report ")
# Most of the ioctl checks expect a call to succeed and say nothing of their own if it does not.
_FOUND_BY_IOCTL_CHECKS = (*_FOUND, "error: ", "kernel report: ")

# A busy, emulated machine needs it; a check that is lied to may hang, and need not do so for long.
_PATIENCE = 8.0


def _run(name: str, factor: float = 1.0) -> runner.CheckOutcome:
    return runner.run_check(registry.registered()[name], factor, registry.provoked(name))


def _is_about_the_probe(name: str) -> bool:
    return name.startswith(("contract.", "probe."))


def _lies(name: str) -> Iterable[Lie]:
    """The lies to tell, the one that the check is known to find out first."""
    lies = list(probe_lies.LIES if _is_about_the_probe(name) else ioctl_lies.lies_for(name))
    return sorted(lies, key=lambda lie: _NAMES[id(lie)] != _KNOWN.get(name))


def _name_of_lies() -> Iterator[tuple[int, str]]:
    """(id, "DmaBuf.map 2") of each: what it is told of, and which of the lies about that it is."""
    counts: dict[str, int] = {}
    for lie in (*probe_lies.LIES, *ioctl_lies.ALL):
        what = f"{getattr(lie[0], '__name__', '').rpartition('.')[2]}.{lie[1]}"
        counts[what] = counts.get(what, 0) + 1
        yield id(lie), f"{what} {counts[what]}"


def _known() -> dict[str, str]:
    """Name of a check -> name of the lie that it found out, as the lines of an earlier run told."""
    path = os.path.join(os.path.dirname(__file__), "caught_lies.txt")  # noqa: PTH118, PTH120 - pathlib is slow to load here
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        pairs = [line.rstrip("\n").split(" by ") for line in file if " by " in line]
    return {name.removeprefix("caught "): lie.partition(" (")[0] for name, lie in pairs}


_NAMES, _KNOWN = dict(_name_of_lies()), _known()


def _caught(name: str, lie: Lie) -> bool:
    owner, attribute, instead = lie
    truth = getattr(owner, attribute)
    marks.mark(f"{name} is told {_NAMES[id(lie)]}")  # in the console log it is seen which one never ends
    setattr(owner, attribute, instead)
    try:
        trouble = _run(name).trouble
    finally:
        setattr(owner, attribute, truth)
        _keep_standard_descriptors()
    found = _FOUND if _is_about_the_probe(name) else _FOUND_BY_IOCTL_CHECKS + ioctl_lies.left_behind(lie)
    if not any(line.startswith(found) for line in trouble):
        return False
    ioctl_lies.was_caught(lie)
    return True


def _keep_standard_descriptors() -> None:
    """A check that is told of descriptor 0 closes it: what is opened next must not get that number."""
    while (fd := os.open("/dev/null", os.O_RDWR)) <= 2:
        pass
    os.close(fd)


def main() -> int:
    bad = 0
    for name in runner.select(sys.argv[2:]):
        began = time.monotonic()
        honest = _run(name, _PATIENCE)
        if honest.trouble:
            print(f"BROKEN {name}: {honest.trouble[0]}", flush=True)
        elif honest.skipped:
            print(f"skipped {name}: {honest.skipped}", flush=True)
            continue
        elif lie := next((lie for lie in _lies(name) if _caught(name, lie)), None):
            print(f"caught {name} by {_NAMES[id(lie)]} ({time.monotonic() - began:.1f} s)", flush=True)
            continue
        else:
            print(f"BLIND {name}", flush=True)
        bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    runner.RELEASE_LIMIT = 0.2
    sys.exit(main())
