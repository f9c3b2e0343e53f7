# SPDX-License-Identifier: GPL-2.0-only
"""Many reports of one trouble are one with a count, and a kernel that prints without end is not kept in memory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from harness.model import Splat
from harness.splat.fingerprint import AFTER, site_of

MAX_DIFFERENT = 1000
"""Reports that are told apart in one log; what comes then is only counted."""

_MAX_WHOLE = 200  # of which the whole text is kept
_FOLLOWS = re.compile(
    r"Kernel panic - not syncing: "
    r"(?:Fatal exception|.{1,40}: panic_on_warn set|hung_task: |softlockup: |Hard LOCKUP|RCU Stall)"
)


def folded(splats: Iterable[Splat]) -> tuple[Splat, ...]:
    """Each different report once, with its count. Different is what is printed elsewhere, or for another reason."""
    different: dict[tuple[str, ...], Splat] = {}
    for splat in splats:
        key = (splat.fingerprint, splat.during, site_of(splat.text))
        if key in different:
            first = min(different[key], splat, key=lambda found: found.line)
            different[key] = replace(first, count=different[key].count + 1)
        elif len(different) < MAX_DIFFERENT:
            different[key] = splat if len(different) < _MAX_WHOLE else replace(splat, text=splat.title)
        else:
            more = different.setdefault(("more",), _more(splat))
            different["more",] = replace(more, count=more.count + 1)
    return tuple(sorted(different.values(), key=lambda splat: splat.line))


def _more(splat: Splat) -> Splat:
    title = f"more than {MAX_DIFFERENT} different reports"
    return replace(splat, kind="more", title=title, text=title, fingerprint="more", former="", count=0)


def with_causes(splats: Iterable[Splat]) -> tuple[Splat, ...]:
    """A panic that only ends what another report began is as different as that one."""
    found: list[Splat] = []
    for splat in splats:
        follows = found and splat.kind == "panic" and _FOLLOWS.match(splat.title)
        found.append(_after(found[-1], splat) if follows else splat)
    return tuple(found)


def _after(cause: Splat, panic: Splat) -> Splat:
    return replace(
        panic, fingerprint=f"{AFTER}{cause.fingerprint}", former=f"{AFTER}{cause.former or cause.fingerprint}"
    )
