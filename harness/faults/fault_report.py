# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts as lines of a terminal, as a table for the docs, and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from harness.faults.fault_verdict import FaultOutcome, FaultVerdict

_WIDTH = 100  # columns of a detail on the terminal
_NAMED = 3  # who saw a bug, in a table


def line(verdict: FaultVerdict) -> str:
    """What is said as soon as a fault was tried: everything but its name."""
    by = "; ".join(verdict.others) if verdict.others else verdict.detail
    how = f" by {verdict.fault.check} ({verdict.fault.how.value})" if verdict.outcome is FaultOutcome.CAUGHT else ""
    return f"{verdict.outcome.value}{how}, {verdict.seconds:.0f} s: {_short(by)}"


def table(verdicts: Sequence[FaultVerdict]) -> str:
    """One row for each fault, for the terminal."""
    rows = [("fault", "variant", "verdict", "how", "check", "time")]
    rows += [
        (v.fault.name, v.fault.variant, v.outcome.value, v.fault.how.value, v.fault.check or "-", f"{v.seconds:.0f} s")
        for v in verdicts
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def summary(verdicts: Sequence[FaultVerdict], asked: int, alarmed: Sequence[str] | None) -> str:
    """How many were caught of those that were ``asked`` for. ``alarmed``: of the control, None if there was none."""
    counts = Counter(verdict.outcome for verdict in verdicts)
    words = [f"{counts[outcome]} {outcome.value}" for outcome in FaultOutcome if counts[outcome]]
    if len(verdicts) < asked:
        words.append(f"{asked - len(verdicts)} not tried")
    control = "no control" if alarmed is None else f"{len(alarmed)} false alarms" if alarmed else "no false alarm"
    return f"{', '.join(words)} of {asked}; {control}"


def markdown(verdicts: Sequence[FaultVerdict]) -> str:
    """The table of docs/faults.md."""
    rows = ["| fault | the bug | found by | how | variant | s |", "|---|---|---|---|---|---|"]
    rows += [_row(verdict) for verdict in verdicts]
    return "\n".join(rows) + "\n"


def history_markdown(verdicts: Sequence[FaultVerdict]) -> str:
    """The table of docs/eyesight.md: bugs that shipped, what mended them, and who saw them."""
    rows = ["| bug | mended by | year | what people saw | kind | seen by |", "|---|---|---|---|---|---|"]
    rows += [_shipped_row(verdict) for verdict in verdicts]
    return "\n".join(rows) + "\n"


def _shipped_row(verdict: FaultVerdict) -> str:
    fault, fix = verdict.fault, verdict.fault.fix
    if fix is None:
        raise ValueError(f"{fault.name} did not ship")
    mended = f"{fix.subject} ({fix.commit})" if fix.commit else fix.subject
    return _cells(f"`{fault.name}`", mended, str(fix.year), fix.saw, fix.kind, _seen_by(verdict))


def _seen_by(verdict: FaultVerdict) -> str:
    if verdict.outcome.is_good:
        return f"`{verdict.fault.check}`: {verdict.fault.why}"
    if verdict.others:
        more = len(verdict.others) - _NAMED
        return ", ".join(f"`{name}`" for name in verdict.others[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"**{verdict.outcome.value}**: {verdict.fault.why if not verdict.fault.check else verdict.detail}"


def _cells(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _row(verdict: FaultVerdict) -> str:
    fault = verdict.fault
    found = f"`{fault.check}`: {fault.why}" if verdict.outcome.is_good else f"**{verdict.outcome.value}**"
    return _cells(f"`{fault.name}`", fault.bug, found, fault.how.value, fault.variant, f"{verdict.seconds:.0f}")


def as_json(verdicts: Sequence[FaultVerdict], alarmed: Sequence[str] | None) -> dict[str, object]:
    """``{"control": [false alarms] or null, "faults": [{"name": ..., "verdict": ..., ...}]}``."""
    return {
        "control": None if alarmed is None else list(alarmed),
        "faults": [_entry(verdict) for verdict in verdicts],
    }


def _entry(verdict: FaultVerdict) -> dict[str, object]:
    fault = verdict.fault
    return {
        "name": fault.name,
        "bug": fault.bug,
        "files": fault.files,
        "suite": fault.suite,
        "check": fault.check,
        "variant": fault.variant,
        "base": fault.base,
        "fix": None if fault.fix is None else asdict(fault.fix),
        "how": fault.how.value,
        "verdict": verdict.outcome.value,
        "detail": verdict.detail,
        "others": verdict.others,
        "seconds": verdict.seconds,
    }


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
