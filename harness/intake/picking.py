# SPDX-License-Identifier: GPL-2.0-only
"""``--pick``: the patch, or the series, that the user means of all that is there."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from harness.errors import UserError
from harness.intake.mail_thread import Candidate, Thread, listed, whole_series
from harness.series import Patch

_VERSION = re.compile("[vV]([0-9]{1,4})")


def picked(threads: Sequence[Thread], wanted: str, origin: str) -> list[Patch]:
    """What ``wanted`` names, in the order to apply.

    ``v3`` is the whole series of that version, a message id the series that the mail with it belongs to, or is the
    cover letter of. All else is one patch: its number in the series, its place among what is not numbered, or its
    subject or a part of it. Raises ``UserError`` if there is none, or a choice.
    """
    series = [found for thread in threads if (found := _series(thread, wanted)).candidates]
    if series:
        return [patch for thread in series for patch in whole_series(thread, origin)]
    return [_one(threads, wanted, origin)]


def _series(thread: Thread, wanted: str) -> Thread:
    """``thread`` with what belongs to the version, or to the mail, that ``wanted`` names, or with nothing."""
    version = _VERSION.fullmatch(wanted)
    fits = _of_version(int(version[1])) if version else _with_mail(thread, wanted.strip(" <>"))
    candidates = [candidate for candidate in thread.candidates if fits(candidate)]
    return replace(thread, candidates=candidates, alone=thread.alone and len(candidates) == len(thread.candidates))


def _of_version(version: int) -> Callable[[Candidate], bool]:
    return lambda candidate: candidate.position.version == version


def _with_mail(thread: Thread, message_id: str) -> Callable[[Candidate], bool]:
    """Those of the same sender with the same version and number of patches; replies may quote one that is missing."""
    found = [candidate for candidate in thread.candidates if message_id and candidate.message_id == message_id]
    spots = [
        (candidate.position, candidate.author)
        for candidate in found
        if candidate.position.total and not candidate.quoted
    ]
    spots += [thread.covers[message_id]] if message_id and message_id in thread.covers else []
    if not spots:
        return lambda candidate: candidate in found
    (place, author), *_ = spots

    def fits(candidate: Candidate) -> bool:
        same = (candidate.position.version, candidate.position.total) == (place.version, place.total)
        return same and (candidate.quoted or candidate.author == author)

    return fits


def _one(threads: Sequence[Thread], wanted: str, origin: str) -> Patch:
    pairs = [(thread, candidate) for thread in threads for candidate in thread.candidates]
    fit = _matching([candidate for _, candidate in pairs], wanted)
    names = dict.fromkeys((candidate.position.total, candidate.position.number, candidate.title) for candidate in fit)
    if len(names) != 1:
        what = f"fits {len(names)} of the patches" if names else "is none of the patches"
        shown = listed([candidate for _, candidate in pairs if candidate in fit or not fit])
        raise UserError(f"--pick {wanted!r} {what}", where=origin, hint=f"there are: {shown}")
    newest = max(candidate.position.version for candidate in fit)
    same = [
        (thread, candidate) for thread, candidate in pairs if candidate in fit and candidate.position.version == newest
    ]
    trouble: UserError | None = None
    for thread, candidate in sorted(same, key=lambda pair: pair[1].quoted):
        try:
            return thread.patch(candidate)
        except UserError as error:
            trouble = trouble or error
    assert trouble is not None
    raise trouble


def _matching(candidates: Sequence[Candidate], wanted: str) -> list[Candidate]:
    if re.fullmatch("[0-9]{1,9}", wanted):
        if any(candidate.position.total for candidate in candidates):
            return [
                candidate
                for candidate in candidates
                if candidate.position.total and candidate.position.number == int(wanted)
            ]
        return list(candidates[int(wanted) - 1 : int(wanted)]) if int(wanted) else []
    lower = wanted.casefold()
    exact = [candidate for candidate in candidates if lower in (candidate.title.casefold(), candidate.name.casefold())]
    return exact or [candidate for candidate in candidates if lower in candidate.name.casefold()]
