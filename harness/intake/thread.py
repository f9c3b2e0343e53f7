# SPDX-License-Identifier: GPL-2.0-only
"""What is to be tested of all that a thread, a mailbox or a directory offers: one whole series, or what was picked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from harness.errors import UserError
from harness.intake.order import Place
from harness.series import Patch

_PICK = "take one with --pick N or --pick SUBJECT"
_SHOWN = 12


@dataclass(frozen=True)
class Offer:
    """A patch that is there to be taken. ``quoted``: only in a reply. ``make`` reads it, or raises ``UserError``."""

    place: Place
    title: str
    quoted: bool
    make: Callable[[], Patch]

    @property
    def name(self) -> str:
        """ "v2 1/7 dma-buf: add x"."""
        version = f"v{self.place.version} " if self.place.version > 1 else ""
        number = f"{self.place.number}/{self.place.total} " if self.place.total else ""
        return f"{version}{number}{self.title}"


@dataclass
class Thread:
    """All that one mailbox offers. ``alone``: it is one mail, which may be any of its series.

    ``base``: what the cover letter of a version says of the base. ``tags``: what replies add, by version and number,
    or by title where there is no number; 0 is for the cover letter.
    ``notes``: what is to be said about where it comes from.
    """

    offers: list[Offer] = field(default_factory=list)
    alone: bool = False
    base: dict[int, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    tags: dict[tuple[int, int | str], list[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def add_tags(self, spot: Place, title: str, tags: Iterable[str]) -> None:
        self.tags.setdefault((spot.version, spot.number if spot.total else title), []).extend(tags)

    def patch(self, offer: Offer) -> Patch:
        """Read ``offer``, with the tags of the replies to it."""
        patch = offer.make()
        spot = offer.place
        given = [*self.tags.get((spot.version, spot.number if spot.total else offer.title), ())]
        given += self.tags.get((spot.version, 0), ()) if spot.total else ()
        return replace(patch, tags=tuple(dict.fromkeys([*patch.tags, *given])))


def whole_series(thread: Thread, origin: str) -> list[Patch]:
    """All patches of the newest version, in order; what is not numbered stays in the order given.

    Raises ``UserError`` if that is not one whole series.
    """
    if thread.alone:
        if len(thread.offers) > 1:
            raise _ambiguous("holds several patches", thread.offers, origin)
        return [thread.patch(thread.offers[0])]
    originals = [offer for offer in thread.offers if not offer.quoted]
    offers, copies = _without_copies(thread, originals or thread.offers)
    numbered = [offer for offer in offers if offer.place.total]
    if not originals and not numbered and len({offer.title for offer in offers}) > 1:
        raise _ambiguous("quotes several patches", offers, origin)
    if not numbered:
        found, notes = _newest_of_each(offers)
        patches = _read(thread, found, origin)
        return _noted(patches, [*notes, *_mixed(found, patches, origin)])
    if len(numbered) != len(offers):
        raise _ambiguous("some mails are numbered [PATCH n/m] and some are not", offers, origin)
    newest, notes = _newest(numbered, origin)
    notes += copies
    if not originals and len({(one.place, one.title) for one in newest}) == 1:
        return _noted(_read(thread, newest, origin), notes)
    replies = [one for one in thread.offers if one.quoted] if originals else []
    patches = _read(thread, _complete(newest, replies, origin), origin)
    base, needs = thread.base.get(newest[0].place.version, ("", ()))
    first = patches[0]
    if base and not first.base_commit:
        patches[0] = replace(first, base_commit=base, prerequisites=needs)
    return _noted(patches, notes)


def picked(threads: Sequence[Thread], wanted: str, origin: str) -> list[Patch]:
    """The one patch that ``wanted`` names: its number in the series, its place among all, or (part of) its subject."""
    pairs = [(thread, offer) for thread in threads for offer in thread.offers]
    fit = _matching([offer for _, offer in pairs], wanted)
    names = dict.fromkeys((offer.place.total, offer.place.number, offer.title) for offer in fit)
    if len(names) != 1:
        what = f"fits {len(names)} of the patches" if names else "is none of the patches"
        shown = _listed([offer for _, offer in pairs if offer in fit or not fit])
        raise UserError(f"--pick {wanted!r} {what}", where=origin, mend=f"there are: {shown}")
    newest = max(offer.place.version for offer in fit)
    same = [(thread, offer) for thread, offer in pairs if offer in fit and offer.place.version == newest]
    trouble: UserError | None = None
    for thread, offer in sorted(same, key=lambda pair: pair[1].quoted):
        try:
            return [thread.patch(offer)]
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


def _without_copies(thread: Thread, offers: Sequence[Offer]) -> tuple[list[Offer], list[str]]:
    """Without what has no number, but the diff of a patch that has one; and what is to be said about it.

    Maintainers and robots send a patch again to say that it was applied.
    """
    numbered = [offer for offer in offers if offer.place.total]
    if not 0 < len(numbered) < len(offers):
        return list(offers), []
    diffs = {_diff(thread, offer) for offer in numbered} - {None}
    kept: list[Offer] = []
    copies: list[Offer] = []
    for offer in offers:
        (copies if not offer.place.total and _diff(thread, offer) in diffs else kept).append(offer)
    return kept, [_again(copies)] if copies else []


def _diff(thread: Thread, offer: Offer) -> bytes | None:
    try:
        return thread.patch(offer).diff
    except UserError:
        return None


def _again(copies: Sequence[Offer]) -> str:
    return f"taken once, it is there again as: {_listed(copies)}"


def _newest(offers: Sequence[Offer], origin: str) -> tuple[list[Offer], list[str]]:
    """Those of the newest version, and what is to be said about the others."""
    newest = max(offer.place.version for offer in offers)
    taken = [offer for offer in offers if offer.place.version == newest]
    left = [offer for offer in offers if offer.place.version != newest]
    if left and not {one.title for one in taken} & {one.title for one in left}:
        raise _ambiguous("holds several series", offers, origin)
    older = sorted({offer.place.version for offer in left})
    notes = [f"v{newest} is taken; older in the same mailbox: {', '.join(f'v{version}' for version in older)}"]
    return taken, notes if older else []


def _newest_of_each(offers: Sequence[Offer]) -> tuple[list[Offer], list[str]]:
    newest: dict[str, int] = {}
    for offer in offers:
        newest[offer.title] = max(newest.get(offer.title, 0), offer.place.version)
    taken = [offer for offer in offers if offer.place.version == newest[offer.title]]
    older = [offer for offer in offers if offer.place.version != newest[offer.title]]
    return taken, [f"an older version is left out: v{one.place.version} of {one.title}" for one in older]


def _mixed(offers: Sequence[Offer], patches: Sequence[Patch], origin: str) -> Iterator[str]:
    """What is to be said if not all are of one version. Under another subject a newer one may replace an older."""
    versions = {offer.title: offer.place.version for offer in offers}
    if len(set(versions.values())) < 2:
        return
    of_file: dict[str, set[int]] = {}
    for patch in patches:
        for name in patch.files:
            of_file.setdefault(name, set()).add(versions.get(patch.subject, 1))
    twice = next((name for name, found in of_file.items() if len(found) > 1), None)
    if twice is not None:
        raise _ambiguous(f"holds patches of several versions, with different subjects, to {twice!a}", offers, origin)
    yield f"all are taken, though not of the same version: {_listed(offers)}"


def _complete(offers: Sequence[Offer], replies: Sequence[Offer], origin: str) -> list[Offer]:
    """In order of their numbers; what is missing is taken from replies that quote it."""
    totals = {offer.place.total for offer in offers}
    if len(totals) > 1:
        shown = " and ".join(str(total) for total in sorted(totals))
        raise _ambiguous(f"holds series of {shown} patches", offers, origin)
    [total] = totals
    beyond = sorted({offer.place.number for offer in offers if offer.place.number > total})
    if beyond:
        raise _ambiguous(f"holds {_patches(beyond)} of {total}", offers, origin)
    there = {offer.place.number for offer in offers}
    spots = {(offer.place.version, offer.place.total) for offer in offers}
    filled = [one for one in replies if (one.place.version, one.place.total) in spots and one.place.number not in there]
    offers = [*offers, *filled]
    there = {offer.place.number for offer in offers}
    missing = [number for number in range(1, total + 1) if number not in there]
    if missing:
        mend = f"add what is missing, or {_PICK} of: {_listed(offers)}"
        raise UserError(f"lacks {_patches(missing)} of {total}", where=origin, mend=mend)
    return sorted(offers, key=lambda offer: offer.place.number)


def _read(thread: Thread, offers: Sequence[Offer], origin: str) -> list[Patch]:
    """Read them; of exact copies, and of replies that quote the same patch, one is enough."""
    patches: dict[tuple[str, bytes], Patch] = {}
    copies: dict[bytes, list[Offer]] = {}
    numbers: Counter[int] = Counter()
    for group in _grouped(offers):
        numbered = group[0].place.total > 0
        for patch in _one(thread, group) if group[0].quoted else map(thread.patch, group):
            if (patch.subject, patch.diff) in patches:
                continue
            if not numbered and patch.diff in copies:
                copies[patch.diff].append(group[0])
                continue
            copies[patch.diff] = []
            patches[patch.subject, patch.diff] = patch
            numbers[group[0].place.number] += numbered
    twice = sorted(number for number, count in numbers.items() if count > 1)
    if twice:
        raise _ambiguous(f"holds {_patches(twice)} twice", offers, origin)
    return [_noted([one], [_again(found)] if (found := copies[one.diff]) else [])[0] for one in patches.values()]


def _grouped(offers: Sequence[Offer]) -> list[list[Offer]]:
    groups: dict[tuple[Place, str], list[Offer]] = {}
    for offer in offers:
        groups.setdefault((offer.place, offer.title), []).append(offer)
    return list(groups.values())


def _one(thread: Thread, offers: Sequence[Offer]) -> list[Patch]:
    """The first of several replies that quotes the whole patch."""
    trouble: UserError | None = None
    for offer in offers:
        try:
            return [thread.patch(offer)]
        except UserError as error:
            trouble = trouble or error
    assert trouble is not None
    raise trouble


def _noted(patches: list[Patch], notes: Sequence[str]) -> list[Patch]:
    if patches and notes:
        patches[0] = replace(patches[0], notes=(*notes, *patches[0].notes))
    return patches


def _ambiguous(what: str, offers: Sequence[Offer], origin: str) -> UserError:
    return UserError(what, where=origin, mend=f"{_PICK} of: {_listed(offers)}")


def _listed(offers: Sequence[Offer]) -> str:
    names = list(dict.fromkeys(offer.name for offer in offers))
    return "; ".join(names[:_SHOWN]) + (f"; and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _patches(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:8]) + (", ..." if len(numbers) > 8 else "")
    return f"patch {shown}" if len(numbers) == 1 else f"patches {shown}"
