# SPDX-License-Identifier: GPL-2.0-only
"""The files that a walk leaves: bisect.json, bisect.log, bisect.md and junit.xml."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.bisect.render import (
    builds_and_boots,
    check_again,
    confidence,
    decision,
    headline,
    markdown,
    neighbours,
)
from harness.bisect.state import CommitTest, CommitVerdict, End, State
from harness.bisect.targets import Target
from harness.paths import write_atomic
from harness.report import encode
from harness.report.text import one_line, visible

if TYPE_CHECKING:
    from junit_xml import TestCase


def write_reports(state: State, target: Target, directory: Path) -> None:
    """All of them; ``junit.xml`` also where the question says."""
    write_atomic(directory / "bisect.json", json.dumps(as_json(state, target), indent=1) + "\n")
    write_atomic(directory / "bisect.log", target.git.log)
    write_atomic(directory / "bisect.md", visible(markdown(state, target)))
    for path in (directory / "junit.xml", state.question.junit):
        if path is not None:
            write_atomic(path, junit(state, target))


def as_json(state: State, target: Target) -> dict[str, Any]:
    """``{"version": 1, "end": ..., "commits": [...], "steps": [...], ...}``."""
    builds, boots = builds_and_boots(state)
    ending = state.ending
    return {
        "version": 1,
        "command": list(state.question.command),
        "symptom": encode(state.question.symptom),
        "good": state.good,
        "bad": state.bad,
        "total": state.total,
        "end": ending.end.value if ending is not None else None,
        "detail": ending.detail if ending is not None else "",
        "commits": [_commit(commit, state, target) for commit in (ending.commits if ending is not None else ())],
        "neighbours": [step.commit for step in neighbours(state, target)],
        "confidence": confidence(state),
        "builds": builds,
        "boots": boots,
        "seconds": state.seconds,
        "steps": [_step(step, state) for step in state.steps],
    }


def _commit(commit: str, state: State, target: Target) -> dict[str, str]:
    show = target.git.show
    return {
        "commit": commit,
        "subject": show(commit, "%s"),
        "author": show(commit, "%an <%ae>"),
        "date": show(commit, "%aI"),
        "stat": target.stat(commit),
        "again": check_again(state, target, commit),
    }


def _step(step: CommitTest, state: State) -> dict[str, Any]:
    return {
        "commit": step.commit,
        "subject": step.subject,
        "role": step.role.value,
        "verdict": step.verdict.value if step.verdict is not None else None,
        "why": step.why,
        "told": decision(step, state),
        "same_as": step.same_as,
        "built": step.built,
        "runs": len(step.attempts),
        "odds": step.odds,
        "seconds": step.seconds,
        "logs": [attempt.log for attempt in step.attempts],
    }


def junit(state: State, target: Target) -> str:
    """One case for the answer, red unless a single culprit is named, and one for each commit that was tested."""
    from junit_xml import TestSuite  # noqa: PLC0415 - only who writes one pays for it

    from harness.report.junit import document, junit_case  # noqa: PLC0415

    answer = junit_case("answer", "dmabuf.bisect", state.seconds)
    answer_line = one_line(headline(state, target))
    answer.stdout = visible(markdown(state, target))
    if state.ending is None or state.ending.end is not End.FOUND:
        answer.add_error_info(message=answer_line, output=answer_line)
    cases = [answer, *(_case(step, state) for step in state.steps)]
    properties = {"symptom": one_line(str(state.question.symptom)), "answer": answer_line}
    suite = TestSuite("bisect", cases, properties=properties)
    return document([suite])


def _case(step: CommitTest, state: State) -> TestCase:
    from harness.report.junit import junit_case  # noqa: PLC0415

    case = junit_case(f"{step.commit[:12]} {step.subject}", "dmabuf.bisect.commits", step.seconds)
    decided = one_line(decision(step, state))
    if step.verdict is CommitVerdict.BAD:
        case.add_failure_info(message=decided, output=decided)
    elif step.verdict is not CommitVerdict.GOOD:
        case.add_skipped_info(message=decided)
    else:
        case.stdout = decided
    return case
