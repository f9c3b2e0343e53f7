# SPDX-License-Identifier: GPL-2.0-only
"""A series patch by patch: the jobs that test its first patch, its first two, and so on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.errors import UserError
from harness.events import EventStream, PhaseProgress
from harness.intake import applies
from harness.phases import phase
from harness.pipeline.kernels import held_source
from harness.pipeline.request import RunJob
from harness.source import obtain

_OPTION = "--each"


def settled(job: RunJob, events: EventStream) -> RunJob:
    """``job`` on a base that does not move while its patches are tested one by one: branches do.

    Fetches the base. Raises ``UserError`` if there is no series, or not all of it applies: before hours of work.
    """
    if not job.patches:
        raise UserError("there is no series to take apart", where=_OPTION, hint="name one with -p")
    with phase(events, "", "source"):
        tree = obtain(job.base, lambda text: events.publish(PhaseProgress("", "source", text)))
    if not applies(tree.path, tree.commit, job.patches):
        with held_source(job, events):
            pass  # it says what does not, and why; a patch that the base has is none of its business
    return replace(job, base=replace(job.base, ref=tree.commit)) if job.base.kind == "git" else job


def steps(job: RunJob) -> Iterator[RunJob]:
    """A job for each prefix of the series of ``job``, the shortest first, in a directory inside that one's."""
    for number, patch in enumerate(job.patches, 1):
        yield replace(
            job,
            request=replace(job.request, command=_alone(job.request.command, number)),
            directory=job.directory / f"{number:02}-{_slug(patch.subject)}",
            patches=job.patches[:number],
            notes=job.notes if number == 1 else (),  # what is to be said of the whole is said once
        )


def _alone(command: Sequence[str], number: int) -> tuple[str, ...]:
    """What a user types for one step. argparse takes abbreviations."""
    kept = [word for word in command if not (len(word) > 2 and _OPTION.startswith(word))]
    return (*kept, "--up-to", str(number))


def _slug(subject: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", subject.lower()).strip("-")[:50].strip("-") or "patch"
