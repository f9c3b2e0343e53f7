# SPDX-License-Identifier: GPL-2.0-only
"""What is to be tested of all that a thread, a mailbox or a directory offers: one whole series, or what was picked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from harness.errors import UserError
from harness.intake.patch_identity import rivals, taken_back
from harness.intake.patch_message import SeriesPosition
from harness.series import MailHead, Patch

_PICK = "take one with --pick N or --pick SUBJECT"
_PICK_SERIES = "; a whole series with --pick vN or --pick MESSAGE-ID"
_SHOWN = 12


@dataclass(frozen=True)
class Candidate:
    """A patch that is there to be taken. ``quoted``: only in a reply. ``make`` reads it, or raises ``UserError``.

    ``message_id``, ``author``: of the mail that it is in.
    """

    position: SeriesPosition
    title: str
    quoted: bool
    make: Callable[[], Patch]
    message_id: str = ""
    author: str = ""

    @property
    def name(self) -> str:
        """ "v2 1/7 dma-buf: add x"."""
        version = f"v{self.position.version} " if self.position.version > 1 else ""
        number = f"{self.position.number}/{self.position.total} " if self.position.total else ""
        return f"{version}{number}{self.title}"


@dataclass
class Thread:
    """All that one mailbox offers. ``alone``: it is one mail, which may be any of its series.

    ``base``: what the cover letter of a version says of the base, and its head. ``tags``: what replies add, by version
    and number, or by title where there is no number; 0 is for the cover letter.
    ``notes``: what is to be said about where it comes from. ``folder``: the directory that the files are in.
    ``covers``: the places of the cover letters by message id, with who sent them.
    """

    candidates: list[Candidate] = field(default_factory=list)
    alone: bool = False
    base: dict[int, tuple[str, tuple[str, ...], MailHead | None]] = field(default_factory=dict)
    tags: dict[tuple[int, int | str], list[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    folder: str = ""
    covers: dict[str, tuple[SeriesPosition, str]] = field(default_factory=dict)

    def add_tags(self, spot: SeriesPosition, title: str, tags: Iterable[str]) -> None:
        self.tags.setdefault((spot.version, spot.number if spot.total else title), []).extend(tags)

    def patch(self, candidate: Candidate) -> Patch:
        """Read ``candidate``, with the tags of the replies to it."""
        patch = candidate.make()
        spot = candidate.position
        given = [*self.tags.get((spot.version, spot.number if spot.total else candidate.title), ())]
        given += self.tags.get((spot.version, 0), ()) if spot.total else ()
        return replace(patch, tags=tuple(dict.fromkeys([*patch.tags, *given])))


class AmbiguousSeries(UserError):
    """What there is does not make one series: somebody has to say what is meant."""


def whole_series(thread: Thread, origin: str) -> list[Patch]:
    """All patches of the newest version, in order; what is not numbered stays in the order given.

    Raises ``UserError`` if that is not one whole series.
    """
    try:
        return _whole_series(thread, origin)
    except AmbiguousSeries as error:
        if not thread.folder:
            raise
        # As those of a distribution, which takes its patches from many series.
        hint = f"name the patches to take in their order, one a line, in {thread.folder}/series, or {error.hint}"
        raise AmbiguousSeries(error.what, where=error.where, hint=hint) from error


def _whole_series(thread: Thread, origin: str) -> list[Patch]:
    if thread.alone:
        return [_only_one(thread, origin)]
    originals = [candidate for candidate in thread.candidates if not candidate.quoted]
    candidates, copies = _without_copies(thread, originals or thread.candidates)
    numbered = [candidate for candidate in candidates if candidate.position.total]
    if not originals and not numbered and len({candidate.title for candidate in candidates}) > 1:
        raise _ambiguous("quotes several patches", candidates, origin)
    if not numbered:
        found, notes = _newest_of_each(candidates)
        patches = _read(thread, found, origin)
        notes += _mixed(found, patches, origin)
        _no_rivals(found, patches, origin)
        return _noted(patches, notes)
    if not _supersedes(numbered, candidates):
        raise _ambiguous("some mails are numbered [PATCH n/m] and some are not", candidates, origin)
    newest, notes = _newest(candidates, origin)
    notes += copies
    if not originals and len({(one.position, one.title) for one in newest}) == 1:
        return _noted(_read(thread, newest, origin), notes)
    replies = [one for one in thread.candidates if one.quoted] if originals else []
    patches = _read(thread, _complete(newest, replies, origin), origin)
    base, needs, cover = thread.base.get(newest[0].position.version, ("", (), None))
    first = replace(patches[0], cover=cover)
    patches[0] = replace(first, base_commit=base, prerequisites=needs) if base and not first.base_commit else first
    return _noted(patches, notes)


def _only_one(thread: Thread, origin: str) -> Patch:
    """The patch of one mail. One that it quotes only a part of, beside one of its own, is no choice."""
    own = [candidate for candidate in thread.candidates if not candidate.quoted]
    if len(thread.candidates) > 1 and (
        len(own) != 1 or any(_diff(thread, one) for one in thread.candidates if one.quoted)
    ):
        raise _ambiguous("holds several patches", thread.candidates, origin)
    patch = thread.patch(own[0] if own else thread.candidates[0])
    left = "left out: a part of another patch, which it quotes"
    return _noted([patch], [left] if len(thread.candidates) > 1 else [])[0]


def _supersedes(numbered: Sequence[Candidate], candidates: Sequence[Candidate]) -> bool:
    """True if all of ``candidates`` are ``numbered``, but for older versions."""
    newest = max(candidate.position.version for candidate in numbered)
    return all(candidate.position.total or candidate.position.version < newest for candidate in candidates)


def _no_rivals(candidates: Sequence[Candidate], patches: Sequence[Patch], origin: str) -> None:
    """Refuse two patches that are made for the same lines: one was sent again, or is another way to do the same.

    One with the subject of another was sent again, whatever it changes.
    """
    titles = Counter(patch.subject for patch in patches)
    again = next((subject for subject, count in titles.items() if count > 1), None)
    found = rivals(patches)
    if again is not None and not found:
        raise _ambiguous(f"holds different patches with the subject {again!a}, and no version", candidates, origin)
    if found:
        one, two = (f"{patch.subject!a} ({patch.origin})" for patch in found)
        raise _ambiguous(f"{one} and {two} are made for the same lines: not both can be applied", candidates, origin)


def _without_copies(thread: Thread, candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[str]]:
    """Without what has no number, but the diff of a patch that has one; and what is to be said about it.

    Maintainers and robots send a patch again to say that it was applied.
    """
    numbered = [candidate for candidate in candidates if candidate.position.total]
    if not 0 < len(numbered) < len(candidates):
        return list(candidates), []
    diffs = {_diff(thread, candidate) for candidate in numbered} - {None}
    kept: list[Candidate] = []
    copies: list[Candidate] = []
    for candidate in candidates:
        (copies if not candidate.position.total and _diff(thread, candidate) in diffs else kept).append(candidate)
    return kept, [_again(copies)] if copies else []


def _diff(thread: Thread, candidate: Candidate) -> bytes | None:
    try:
        return thread.patch(candidate).diff
    except UserError:
        return None


def _again(copies: Sequence[Candidate]) -> str:
    return f"taken once, it is there again as: {listed(copies)}"


def _newest(candidates: Sequence[Candidate], origin: str) -> tuple[list[Candidate], list[str]]:
    """Those of the newest version, and what is to be said about the others."""
    newest = max(candidate.position.version for candidate in candidates)
    taken = [candidate for candidate in candidates if candidate.position.version == newest]
    left = [candidate for candidate in candidates if candidate.position.version != newest]
    if left and not {one.title for one in taken} & {one.title for one in left}:
        raise _ambiguous("holds several series", candidates, origin)
    older = sorted({candidate.position.version for candidate in left})
    notes = [f"v{newest} is taken; older in the same mailbox: {', '.join(f'v{version}' for version in older)}"]
    return taken, notes if older else []


def _newest_of_each(candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[str]]:
    newest: dict[str, int] = {}
    for candidate in candidates:
        newest[candidate.title] = max(newest.get(candidate.title, 0), candidate.position.version)
    taken = [candidate for candidate in candidates if candidate.position.version == newest[candidate.title]]
    older = [candidate for candidate in candidates if candidate.position.version != newest[candidate.title]]
    return taken, [f"an older version is left out: v{one.position.version} of {one.title}" for one in older]


def _mixed(candidates: Sequence[Candidate], patches: Sequence[Patch], origin: str) -> Iterator[str]:
    """What is to be said if not all are of one version. Under another subject a newer one may replace an older."""
    versions = {candidate.title: candidate.position.version for candidate in candidates}
    if len(set(versions.values())) < 2:
        return
    of_file: dict[str, set[int]] = {}
    for patch in patches:
        for name in patch.files:
            of_file.setdefault(name, set()).add(versions.get(patch.subject, 1))
    twice = next((name for name, found in of_file.items() if len(found) > 1), None)
    if twice is not None:
        raise _ambiguous(
            f"holds patches of several versions, with different subjects, to {twice!a}", candidates, origin
        )
    yield f"all are taken, though not of the same version: {listed(candidates)}"


def _complete(candidates: Sequence[Candidate], replies: Sequence[Candidate], origin: str) -> list[Candidate]:
    """In order of their numbers; what is missing is taken from replies that quote it."""
    totals = {candidate.position.total for candidate in candidates}
    if len(totals) > 1:
        shown = " and ".join(str(total) for total in sorted(totals))
        raise _ambiguous(f"holds series of {shown} patches", candidates, origin)
    [total] = totals
    beyond = sorted({candidate.position.number for candidate in candidates if candidate.position.number > total})
    if beyond:
        raise _ambiguous(f"holds {_patches(beyond)} of {total}", candidates, origin)
    there = {candidate.position.number for candidate in candidates}
    spots = {(candidate.position.version, candidate.position.total) for candidate in candidates}
    filled = [
        one
        for one in replies
        if (one.position.version, one.position.total) in spots and one.position.number not in there
    ]
    candidates = [*candidates, *filled]
    there = {candidate.position.number for candidate in candidates}
    missing = [number for number in range(1, total + 1) if number not in there]
    if missing:
        what = f"lacks {_patches(missing)} of {total}"
        raise AmbiguousSeries(what, where=origin, hint=f"add what is missing, or {_pick(candidates)}")
    return sorted(candidates, key=lambda candidate: candidate.position.number)


def _read(thread: Thread, candidates: Sequence[Candidate], origin: str) -> list[Patch]:
    """Read them; of exact copies, and of replies that quote the same patch, one is enough."""
    patches: dict[tuple[int, str, bytes], Patch] = {}
    copies: dict[bytes, list[Candidate]] = {}
    numbers: Counter[int] = Counter()
    left: list[Patch] = []
    for group in _grouped(candidates):
        numbered = group[0].position.total > 0
        for patch in _one(thread, group) if group[0].quoted else map(thread.patch, group):
            spot = group[0].position.number, patch.subject, patch.diff
            if spot in patches:
                left += [] if numbered else [patch]
                continue
            if not numbered and patch.diff in copies:
                copies[patch.diff].append(group[0])
                left.append(patch)
                continue
            copies[patch.diff] = []
            patches[spot] = patch
            numbers[group[0].position.number] += numbered
    twice = sorted(number for number, count in numbers.items() if count > 1)
    if twice:
        raise _ambiguous(f"holds {_patches(twice)} twice", candidates, origin)
    if undone := taken_back(left, [*patches.values()]):
        what = f"holds {undone.subject!a} twice, and a patch that takes it back, without numbers that tell the order"
        raise _ambiguous(what, candidates, origin)
    return [_noted([one], [_again(found)] if (found := copies[one.diff]) else [])[0] for one in patches.values()]


def _grouped(candidates: Sequence[Candidate]) -> list[list[Candidate]]:
    groups: dict[tuple[SeriesPosition, str], list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault((candidate.position, candidate.title), []).append(candidate)
    return list(groups.values())


def _one(thread: Thread, candidates: Sequence[Candidate]) -> list[Patch]:
    """The first of several replies that quotes the whole patch."""
    trouble: UserError | None = None
    for candidate in candidates:
        try:
            return [thread.patch(candidate)]
        except UserError as error:
            trouble = trouble or error
    assert trouble is not None
    raise trouble


def _noted(patches: list[Patch], notes: Sequence[str]) -> list[Patch]:
    if patches and notes:
        patches[0] = replace(patches[0], notes=(*notes, *patches[0].notes))
    return patches


def _ambiguous(what: str, candidates: Sequence[Candidate], origin: str) -> AmbiguousSeries:
    return AmbiguousSeries(what, where=origin, hint=_pick(candidates))


def _pick(candidates: Sequence[Candidate]) -> str:
    series = (
        any(candidate.position.total for candidate in candidates)
        and len({candidate.position.version for candidate in candidates}) > 1
    )
    return f"{_PICK} of: {listed(candidates)}{_PICK_SERIES if series else ''}"


def listed(candidates: Sequence[Candidate]) -> str:
    """The names of ``candidates``, each with its message id where several have the same."""
    ids: dict[str, dict[str, None]] = {}
    for candidate in candidates:
        ids.setdefault(candidate.name, {})[candidate.message_id] = None
    names = [f"{name} <{one}>" if len(found) > 1 and one else name for name, found in ids.items() for one in found]
    return "; ".join(names[:_SHOWN]) + (f"; and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _patches(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:8]) + (", ..." if len(numbers) > 8 else "")
    return f"patch {shown}" if len(numbers) == 1 else f"patches {shown}"
