# SPDX-License-Identifier: GPL-2.0-only
"""``plan.json``: what a run is going to do, written before it does it; what a run that was cut off left out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.events import Event, Planned
from harness.report.store import save_plan


class PlanFile:
    """A subscriber for ``EventStream`` that adds the tests of a variant, ``"tests": {variant: {suite: [name]}}``.

    The file is whole at any time.
    """

    def __init__(self, run_dir: Path, plan: Mapping[str, Any]) -> None:
        """Writes ``plan``, what was asked for, at once."""
        self._run_dir = run_dir
        self._plan = plan
        self._tests: dict[str, dict[str, list[str]]] = {}
        self._save()

    def __call__(self, _elapsed: float, event: Event) -> None:
        if isinstance(event, Planned):
            suites = self._tests.setdefault(event.variant, {})
            for test in event.tests:
                suites.setdefault(test.suite, []).append(test.name)
            self._save()

    def _save(self) -> None:
        save_plan(self._run_dir, {**self._plan, "tests": self._tests})
