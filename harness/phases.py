# SPDX-License-Identifier: GPL-2.0-only
"""Phases of a run: announced, timed, and metered, and how long they may still take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness import process
from harness.events import EventStream, PhaseEnded, PhaseStarted


@contextmanager
def phase(
    events: EventStream, variant: str, name: str, times: dict[str, float] | None = None
) -> Iterator[Callable[[str], None]]:
    """Announce and time a phase; yields a function that sets the note it ends with.

    ``times``: seconds by name of phase, to which its own are added.
    """
    note = [""]
    started = time.monotonic()
    events.publish(PhaseStarted(variant, name))
    with process.metered() as usage:
        try:
            yield lambda text: note.__setitem__(0, text)
        except BaseException as error:
            note[0] = note[0] or ("failed" if isinstance(error, Exception) else "stopped")
            raise
        finally:
            seconds = time.monotonic() - started
            if times is not None:
                times[name] = times.get(name, 0.0) + seconds
            events.publish(PhaseEnded(variant, name, seconds, note[0], usage.cpu_seconds, usage.peak_rss))


def time_left(seconds: float) -> str:
    """ "about 4 min left"."""
    return f"about {round(seconds / 60)} min left" if seconds >= 60 else "less than a minute left"
