# SPDX-License-Identifier: GPL-2.0-only
"""What guests have shown before, by the content of their kernel: another walk over the same commits asks nobody twice.

The key is ``base_cache.key``'s, made of all that an answer depends on: the kernel as it is booted, the tests, the
machine, and the code that tests.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from harness.bisect.state import Attempt
from harness.locks import exclusive
from harness.paths import cache_dir, write_atomic
from harness.report import SchemaError, decode, encode

_KEEP = 300  # kernels, of some kilobytes each


@dataclass(frozen=True)
class _Stored:
    attempts: tuple[Attempt, ...]


def recall(key: str, used: Collection[Attempt] = ()) -> Attempt | None:
    """An answer that is known and not among ``used``, marked as such; None if there is no more.

    What another walk has stored meanwhile may come before this walk's own answer: so by its identity, not its number.
    """
    with exclusive(_place() / ".lock"):
        attempts = _read(_file(key))
    taken = {_identity(attempt) for attempt in used}
    return next((replace(one, log="", again=True) for one in attempts if _identity(one) not in taken), None)


def _identity(attempt: Attempt) -> tuple[str, float]:
    """When it ended, and how long it took: no two guests share both."""
    return attempt.when, attempt.seconds


def keep(key: str, attempt: Attempt) -> None:
    """One answer more."""
    with exclusive(_place() / ".lock"):
        stored = _Stored((*_read(_file(key)), attempt))
        write_atomic(_file(key), json.dumps(encode(stored)))
        _prune()


def _place() -> Path:
    return cache_dir("bisect")


def _file(key: str) -> Path:
    return _place() / f"{key}.json"


def _read(path: Path) -> tuple[Attempt, ...]:
    try:
        return decode(_Stored, json.loads(path.read_text())).attempts
    except (OSError, ValueError, SchemaError):
        return ()  # never stored, or by another version


def _prune() -> None:
    for path in sorted(_place().glob("*.json"), key=lambda path: path.stat().st_mtime_ns, reverse=True)[_KEEP:]:
        path.unlink(missing_ok=True)
