# SPDX-License-Identifier: GPL-2.0-only
"""``events.jsonl``: what happened in a run, one JSON object per line, on disk as soon as it happened."""

from __future__ import annotations

import json
from pathlib import Path

from harness.events import Event
from harness.report.codec import encode


class EventLog:
    """A subscriber for ``EventStream``. Each line: ``{"at": seconds, "event": "PhaseStarted", ...its fields}``."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def __call__(self, elapsed: float, event: Event) -> None:
        line = {"at": round(elapsed, 3), "event": type(event).__name__, **encode(event)}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
