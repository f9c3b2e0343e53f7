# SPDX-License-Identifier: GPL-2.0-only
"""What is to be tested of all that a thread, a mailbox or a directory offers: one whole series, or what was picked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from harness.errors import UserError
from harness.intake.order import Place
from harness.intake.rivals import rivals, taken_back
from harness.series import Patch

_PICK = "take one with --pick N or --pick SUBJECT"
_PICK_SERIES = "; a whole series with --pick vN or --pick MESSAGE-ID"
_SHOWN = 12


@dataclass(frozen=True)
class Offer:
    """A patch that is there to be taken. ``quoted``: only in a reply. ``make`` reads it, or raises ``UserError``.

    ``message_id``, ``author``: of the mail that it is in.
    """

    place: Place
    title: str
    quoted: bool
    make: Callable[[], Patch]
    message_id: str = ""
    author: str = ""

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
    ``notes``: what is to be said about where it comes from. ``folder``: the directory that the files are in.
    ``covers``: the places of the cover letters by message id, with who sent them.
    """

    offers: list[Offer] = field(default_factory=list)
    alone: bool = False
    base: dict[int, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    tags: dict[tuple[int, int | str], list[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    folder: str = ""
    covers: dict[str, tuple[Place, str]] = field(default_factory=dict)

    def add_tags(self, spot: Place, title: str, tags: Iterable[str]) -> None:
        self.tags.setdefault((spot.version, spot.number if spot.total else title), []).extend(tags)

    def patch(self, offer: Offer) -> Patch:
        """Read ``offer``, with the tags of the replies to it."""
        patch = offer.make()
        spot = offer.place
        given = [*self.tags.get((spot.version, spot.number if spot.total else offer.title), ())]
        given += self.tags.get((spot.version, 0), ()) if spot.total else ()
        return replace(patch, tags=tuple(dict.fromkeys([*patch.tags, *given])))


class Choice(UserError):
    """What there is does not make one series: somebody has to say what is meant."""


def whole_series(thread: Thread, origin: str) -> list[Patch]:
    """All patches of the newest version, in order; what is not numbered stays in the order given.

    Raises ``UserError`` if that is not one whole series.
    """
    try:
        return _whole_series(thread, origin)
    except Choice as error:
        if not thread.folder:
            raise
        # As those of a distribution, which takes its patches from many series.
        mend = f"name the patches to take in their order, one a line, in {thread.folder}/series, or {error.mend}"
        raise Choice(error.what, where=error.where, mend=mend) from error


def _whole_series(thread: Thread, origin: str) -> list[Patch]:
    if thread.alone:
        return [_only_one(thread, origin)]
    originals = [offer for offer in thread.offers if not offer.quoted]
    offers, copies = _without_copies(thread, originals or thread.offers)
    numbered = [offer for offer in offers if offer.place.total]
    if not originals and not numbered and len({offer.title for offer in offers}) > 1:
        raise _ambiguous("quotes several patches", offers, origin)
    if not numbered:
        found, notes = _newest_of_each(offers)
        patches = _read(thread, found, origin)
        notes += _mixed(found, patches, origin)
        _no_rivals(found, patches, origin)
        return _noted(patches, notes)
    if not _supersedes(numbered, offers):
        raise _ambiguous("some mails are numbered [PATCH n/m] and some are not", offers, origin)
    newest, notes = _newest(offers, origin)
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


def _only_one(thread: Thread, origin: str) -> Patch:
    """The patch of one mail. One that it quotes only a part of, beside one of its own, is no choice."""
    own = [offer for offer in thread.offers if not offer.quoted]
    if len(thread.offers) > 1 and (len(own) != 1 or any(_diff(thread, one) for one in thread.offers if one.quoted)):
        raise _ambiguous("holds several patches", thread.offers, origin)
    patch = thread.patch(own[0] if own else thread.offers[0])
    left = "left out: a part of another patch, which it quotes"
    return _noted([patch], [left] if len(thread.offers) > 1 else [])[0]


def _supersedes(numbered: Sequence[Offer], offers: Sequence[Offer]) -> bool:
    """True if all of ``offers`` are ``numbered``, but for older versions."""
    newest = max(offer.place.version for offer in numbered)
    return all(offer.place.total or offer.place.version < newest for offer in offers)


def _no_rivals(offers: Sequence[Offer], patches: Sequence[Patch], origin: str) -> None:
    """Refuse two patches that are made for the same lines: one was sent again, or is another way to do the same.

    One with the subject of another was sent again, whatever it changes.
    """
    titles = Counter(patch.subject for patch in patches)
    again = next((subject for subject, count in titles.items() if count > 1), None)
    found = rivals(patches)
    if again is not None and not found:
        raise _ambiguous(f"holds different patches with the subject {again!a}, and no version", offers, origin)
    if found:
        one, two = (f"{patch.subject!a} ({patch.origin})" for patch in found)
        raise _ambiguous(f"{one} and {two} are made for the same lines: not both can be applied", offers, origin)


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
    return f"taken once, it is there again as: {listed(copies)}"


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
    yield f"all are taken, though not of the same version: {listed(offers)}"


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
        what = f"lacks {_patches(missing)} of {total}"
        raise Choice(what, where=origin, mend=f"add what is missing, or {_pick(offers)}")
    return sorted(offers, key=lambda offer: offer.place.number)


def _read(thread: Thread, offers: Sequence[Offer], origin: str) -> list[Patch]:
    """Read them; of exact copies, and of replies that quote the same patch, one is enough."""
    patches: dict[tuple[int, str, bytes], Patch] = {}
    copies: dict[bytes, list[Offer]] = {}
    numbers: Counter[int] = Counter()
    left: list[Patch] = []
    for group in _grouped(offers):
        numbered = group[0].place.total > 0
        for patch in _one(thread, group) if group[0].quoted else map(thread.patch, group):
            spot = group[0].place.number, patch.subject, patch.diff
            if spot in patches:
                left += [] if numbered else [patch]
                continue
            if not numbered and patch.diff in copies:
                copies[patch.diff].append(group[0])
                left.append(patch)
                continue
            copies[patch.diff] = []
            patches[spot] = patch
            numbers[group[0].place.number] += numbered
    twice = sorted(number for number, count in numbers.items() if count > 1)
    if twice:
        raise _ambiguous(f"holds {_patches(twice)} twice", offers, origin)
    if undone := taken_back(left, [*patches.values()]):
        what = f"holds {undone.subject!a} twice, and a patch that takes it back, without numbers that tell the order"
        raise _ambiguous(what, offers, origin)
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


def _ambiguous(what: str, offers: Sequence[Offer], origin: str) -> Choice:
    return Choice(what, where=origin, mend=_pick(offers))


def _pick(offers: Sequence[Offer]) -> str:
    series = any(offer.place.total for offer in offers) and len({offer.place.version for offer in offers}) > 1
    return f"{_PICK} of: {listed(offers)}{_PICK_SERIES if series else ''}"


def listed(offers: Sequence[Offer]) -> str:
    """The names of ``offers``, each with its message id where several have the same."""
    ids: dict[str, dict[str, None]] = {}
    for offer in offers:
        ids.setdefault(offer.name, {})[offer.message_id] = None
    names = [f"{name} <{one}>" if len(found) > 1 and one else name for name, found in ids.items() for one in found]
    return "; ".join(names[:_SHOWN]) + (f"; and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _patches(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:8]) + (", ..." if len(numbers) > 8 else "")
    return f"patch {shown}" if len(numbers) == 1 else f"patches {shown}"
