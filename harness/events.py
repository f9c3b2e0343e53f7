# SPDX-License-Identifier: GPL-2.0-only
"""The stream of what happens in a run. Progress display and ``events.jsonl`` only subscribe to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from harness.model import PlannedTest, TestResult


@dataclass(frozen=True)
class Event:
    """Something that happened. ``variant``: the variant it belongs to, empty for the whole run."""

    variant: str


@dataclass(frozen=True)
class PhaseStarted(Event):
    """``phase``: "source", "patch", "config", "build", "boot", "suite:kselftest", ..."""

    phase: str


@dataclass(frozen=True)
class PhaseEnded(Event):
    """``seconds``: wall time. ``note``: outcome in a few words ("reused", "1179 objects", "failed").

    ``cpu_seconds`` and ``peak_rss`` (bytes, of the largest process): what the programs it ran took.
    """

    phase: str
    seconds: float
    note: str = ""
    cpu_seconds: float = 0.0
    peak_rss: int = 0


@dataclass(frozen=True)
class PhaseProgress(Event):
    """A sign of life inside a phase: ``text`` replaces the one before ("612 objects", "84 MB of 141 MB")."""

    phase: str
    text: str


@dataclass(frozen=True)
class Planned(Event):
    """The tests that must show up in the results of ``variant``: known once its kernel is there."""

    tests: tuple[PlannedTest, ...]


@dataclass(frozen=True)
class Chosen(Event):
    """The tests that run before all others, or, in a quick run, alone. ``not_chosen``: those that do not run.

    ``reason``: why these, in one line.
    """

    tests: tuple[PlannedTest, ...]
    not_chosen: tuple[PlannedTest, ...]
    reason: str


@dataclass(frozen=True)
class TestEnded(Event):
    result: TestResult


@dataclass(frozen=True)
class Note(Event):
    """Something the user should know. ``level``: "info" or "warning"."""

    text: str
    level: str = "info"


Subscriber = Callable[[float, Event], None]


class EventStream:
    """Hands each event to every subscriber, in order, one at a time, whatever thread it comes from."""

    def __init__(self) -> None:
        self._subscribers: list[Subscriber] = []
        self._lock = threading.Lock()
        self._start = time.monotonic()

    def subscribe(self, subscriber: Subscriber) -> None:
        """``subscriber(seconds_since_start, event)`` is called for every event from now on."""
        with self._lock:
            self._subscribers.append(subscriber)

    def publish(self, event: Event) -> None:
        with self._lock:
            elapsed = time.monotonic() - self._start
            for subscriber in self._subscribers:
                subscriber(elapsed, event)
