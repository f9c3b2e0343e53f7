# SPDX-License-Identifier: GPL-2.0-only
"""Requests in few words."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from harness.interfaces import JobLimits
from harness.pipeline import RunRequest, SourceRequest, SuiteRequest

COMMAND = ("dmabuf-harness", "run")
_PARTS = {"source": SourceRequest, "tests": SuiteRequest, "limits": JobLimits}


def run_request(base: str = "debian:6.12", command: tuple[str, ...] = COMMAND, **asked: Any) -> RunRequest:
    """``asked``: fields of a request or of its parts, whichever has one of that name."""
    given = {"base": base, **asked}
    parts = {part: _take(kind, given) for part, kind in _PARTS.items()}
    return RunRequest(command, **parts, **given)


def _take(kind: type, given: dict[str, Any]) -> Any:
    """A ``kind`` of those of ``given`` that it has, which are gone from there."""
    return kind(**{field.name: given.pop(field.name) for field in fields(kind) if field.name in given})
