# SPDX-License-Identifier: GPL-2.0-only
"""``--pick``: the patch, or the series, that the user means of all that is there."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from harness.errors import UserError
from harness.intake.thread import Offer, Thread, listed, whole_series
from harness.series import Patch

_VERSION = re.compile("[vV]([0-9]{1,4})")


def picked(threads: Sequence[Thread], wanted: str, origin: str) -> list[Patch]:
    """What ``wanted`` names, in the order to apply.

    ``v3`` is the whole series of that version, a message id the series that the mail with it belongs to, or is the
    cover letter of. All else is one patch: its number in the series, its place among what is not numbered, or its
    subject or a part of it. Raises ``UserError`` if there is none, or a choice.
    """
    series = [found for thread in threads if (found := _series(thread, wanted)).offers]
    if series:
        return [patch for thread in series for patch in whole_series(thread, origin)]
    return [_one(threads, wanted, origin)]


def _series(thread: Thread, wanted: str) -> Thread:
    """``thread`` with what belongs to the version, or to the mail, that ``wanted`` names, or with nothing."""
    version = _VERSION.fullmatch(wanted)
    fits = _of_version(int(version[1])) if version else _with_mail(thread, wanted.strip(" <>"))
    offers = [offer for offer in thread.offers if fits(offer)]
    return replace(thread, offers=offers, alone=thread.alone and len(offers) == len(thread.offers))


def _of_version(version: int) -> Callable[[Offer], bool]:
    return lambda offer: offer.place.version == version


def _with_mail(thread: Thread, message_id: str) -> Callable[[Offer], bool]:
    """Those of the same sender with the same version and number of patches; replies may quote one that is missing."""
    found = [offer for offer in thread.offers if message_id and offer.message_id == message_id]
    spots = [(offer.place, offer.author) for offer in found if offer.place.total and not offer.quoted]
    spots += [thread.covers[message_id]] if message_id and message_id in thread.covers else []
    if not spots:
        return lambda offer: offer in found
    (place, author), *_ = spots

    def fits(offer: Offer) -> bool:
        same = (offer.place.version, offer.place.total) == (place.version, place.total)
        return same and (offer.quoted or offer.author == author)

    return fits


def _one(threads: Sequence[Thread], wanted: str, origin: str) -> Patch:
    pairs = [(thread, offer) for thread in threads for offer in thread.offers]
    fit = _matching([offer for _, offer in pairs], wanted)
    names = dict.fromkeys((offer.place.total, offer.place.number, offer.title) for offer in fit)
    if len(names) != 1:
        what = f"fits {len(names)} of the patches" if names else "is none of the patches"
        shown = listed([offer for _, offer in pairs if offer in fit or not fit])
        raise UserError(f"--pick {wanted!r} {what}", where=origin, mend=f"there are: {shown}")
    newest = max(offer.place.version for offer in fit)
    same = [(thread, offer) for thread, offer in pairs if offer in fit and offer.place.version == newest]
    trouble: UserError | None = None
    for thread, offer in sorted(same, key=lambda pair: pair[1].quoted):
        try:
            return thread.patch(offer)
        except UserError as error:
            trouble = trouble or error
    assert trouble is not None
    raise trouble


def _matching(offers: Sequence[Offer], wanted: str) -> list[Offer]:
    if re.fullmatch("[0-9]{1,9}", wanted):
        if any(offer.place.total for offer in offers):
            return [offer for offer in offers if offer.place.total and offer.place.number == int(wanted)]
        return list(offers[int(wanted) - 1 : int(wanted)]) if int(wanted) else []
    lower = wanted.casefold()
    exact = [offer for offer in offers if lower in (offer.title.casefold(), offer.name.casefold())]
    return exact or [offer for offer in offers if lower in offer.name.casefold()]
