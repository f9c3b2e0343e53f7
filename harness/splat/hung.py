# SPDX-License-Identifier: GPL-2.0-only
"""Tasks that were found stuck in a guest, as the kernel would have told of them later."""

from __future__ import annotations

import re
from collections.abc import Iterable

from harness.model import Splat
from harness.splat.fingerprint import fingerprinted

_KIND = "hung-task"
_TASK = re.compile(r"INFO: task .{0,64}:(\d{1,10}) blocked")  # by its number: it may have changed its name since


def hung(reports: Iterable[tuple[str, str]], splats: Iterable[Splat]) -> tuple[Splat, ...]:
    """A splat for each of ``reports`` (what had run, the words) on a task that is in none of ``splats``."""
    known = {found[1] for splat in splats if splat.kind == _KIND and (found := _TASK.match(splat.title))}
    return tuple(_splat(during, text) for during, text in reports if not _is_known(text, known))


def _is_known(text: str, known: set[str]) -> bool:
    found = _TASK.match(text)
    return found is not None and found[1] in known


def _splat(during: str, text: str) -> Splat:
    title = text.partition("\n")[0]
    return fingerprinted(Splat(_KIND, title, text, 1, during))
