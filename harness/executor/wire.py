# SPDX-License-Identifier: GPL-2.0-only
"""A job that goes to another process, and what comes back: one JSON object per line.

``{"event": {"type": "TestEnded", ...}}`` as often as something happens, then one of ``{"findings": {...}}`` and
``{"trouble": {...}}``, the second after what was found until then.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from harness import events
from harness.errors import HarnessError, InfrastructureError, UserError
from harness.events import Event
from harness.executor.kernel_job import Findings, KernelJob
from harness.report import SchemaError, decode, encode

VERSION = 1
"""Raised when a field of a job or of findings is renamed, removed or changes its meaning."""

_EVENTS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        events.PhaseStarted,
        events.PhaseEnded,
        events.PhaseProgress,
        events.Planned,
        events.Chosen,
        events.TestEnded,
        events.Note,
    )
}
_TROUBLE: dict[str, type[HarnessError]] = {kind.__name__: kind for kind in (UserError, InfrastructureError)}


@dataclass(frozen=True)
class Trouble:
    """Why a job ended early; fields as in ``HarnessError``. ``kind``: its class."""

    kind: str
    what: str
    where: str = ""
    hint: str = ""

    @property
    def error(self) -> HarnessError:
        return _TROUBLE[self.kind](self.what, where=self.where, hint=self.hint)


Answer = Event | Findings | Trouble


def job_text(job: KernelJob) -> str:
    """``job`` as JSON, in one line."""
    return json.dumps({"version": VERSION, "job": encode(job)})


def read_job(text: str) -> KernelJob:
    """The job that ``job_text`` made. Raises ``UserError``."""
    try:
        data = json.loads(text)
        version = data["version"]
        if version != VERSION:
            raise UserError(f"a job of version {version!r}, this harness does those of {VERSION}", where="the job")
        return decode(KernelJob, data["job"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"not a job: {error}", where="standard input", hint="give what job_text makes") from error


def answer_text(answer: Answer) -> str:
    """``answer`` as JSON, in one line."""
    match answer:
        case Findings():
            return json.dumps({"findings": encode(answer)})
        case Trouble():
            return json.dumps({"trouble": asdict(answer)})
    return json.dumps({"event": {"type": type(answer).__name__, **encode(answer)}})


def read_answer(line: str) -> Answer:
    """What ``answer_text`` made. Raises ``SchemaError``."""
    try:
        ((what, value),) = json.loads(line).items()
    except (ValueError, AttributeError, RecursionError) as error:
        raise SchemaError(f"no answer: {line[:80]!r}") from error
    if what == "findings":
        return decode(Findings, value)
    return decode(Trouble, value) if what == "trouble" else _event(value)


def _event(value: dict[str, Any]) -> Event:
    kind = _EVENTS.get(str(value.pop("type", "")))
    if kind is None:
        raise SchemaError("an event of a kind that is not known")
    return decode(kind, value)
