# SPDX-License-Identifier: GPL-2.0-only
"""Taking patches in: from a file, a pipe, a directory or a list archive to ``Patch`` values, in the order to apply."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import UserError
from harness.intake import lore, mail, subject_prefix
from harness.intake.folder import open_folder
from harness.intake.load import ACCEPTED, load, plain
from harness.intake.message import read_message
from harness.intake.patch_from_mail import make_change, make_own, make_quoted, own_tags, plain_letter
from harness.intake.picking import picked
from harness.intake.quote import Quote, quotes
from harness.intake.thread import Candidate, Thread, whole_series
from harness.paths import exists, is_directory
from harness.series import Commit, Patch

_DIFF = re.compile(rb"(?m)^(?:diff --git |\+\+\+ \S)")
_COMMIT = re.compile(rb"(?m)^commit [0-9a-f]{40}\b")


def read_patches(sources: Sequence[Path | Commit], pick: str | None = None) -> tuple[Patch, ...]:
    """Read patches in the order of ``sources``; within an mbox or a directory, in the order of ``[PATCH n/m]``.

    Each is a change that git has, or the path of a mail, an mbox, a diff, a reply that quotes a patch, a directory of
    ``*.patch`` files, a maildir, or names a mail in a list archive (``lore:ID``, ``<ID>``, its address), which b4
    fetches. Cover letters, discussion in a mailbox, older versions and exact copies are skipped. ``pick``: take only
    the one with this number in its series, or this subject or part of it, or the series of a version ("v3") or of a
    message id. Raises ``UserError`` for all that cannot be used, and if there is a choice.
    """
    if pick is not None:
        return tuple(picked([_thread(one) for one in sources], pick, ", ".join(map(_origin, sources))))
    commits = {one.origin for one in sources if isinstance(one, Commit)}
    return _distinct((patch for one in sources for patch in _series(_thread(one), _origin(one))), commits)


def read_text(data: bytes, origin: str, pick: str | None = None) -> tuple[Patch, ...]:
    """The same for what is at hand already: a mail, an mbox or a diff. ``origin``: what messages call it."""
    thread = _from_data(plain(data, origin), origin)
    return tuple(picked([thread], pick, origin)) if pick is not None else _distinct(_series(thread, origin))


def _series(thread: Thread, origin: str) -> list[Patch]:
    first, *others = whole_series(thread, origin)
    return [replace(first, notes=(*thread.notes, *first.notes)), *others]


def _distinct(patches: Iterable[Patch], commits: Collection[str] = ()) -> tuple[Patch, ...]:
    """``patches``, refused if one is there twice.

    Several of ``commits``, or of a series, may do the same: it was taken back between.
    """
    taken = tuple(patches)
    seen: dict[bytes, list[str]] = {}
    last: dict[str, bytes] = {}  # what touched each file last
    for patch in taken:
        others = seen.setdefault(patch.diff, [])
        again = all(last.get(name) == patch.diff for name in patch.files)
        if patch.origin in others or (again and others and not {*others, patch.origin} <= set(commits)):
            raise UserError(f"is the same patch as {others[0]}", where=patch.origin, hint="give it once")
        others.append(patch.origin)
        last |= dict.fromkeys(patch.files, patch.diff)
    return taken


def _origin(source: Path | Commit) -> str:
    return source.origin if isinstance(source, Commit) else str(source)


def _thread(source: Path | Commit) -> Thread:
    if isinstance(source, Commit):
        candidate = Candidate(subject_prefix.place(""), source.subject, False, lambda: make_change(source))
        return Thread([candidate], alone=True)
    return _from_path(source)


def _from_path(path: Path) -> Thread:
    wanted = lore.message_id(str(path))
    if wanted is not None and not exists(path):
        letters = [(one, str(path)) for data in lore.fetch(str(path), wanted) for one in _letters(data, str(path))]
        return _from_mailbox(letters, str(path))
    if is_directory(path):
        return _from_directory(path)
    return _from_data(load(path), str(path))


def _from_directory(directory: Path) -> Thread:
    folder = open_folder(directory)
    letters = [(letter, str(file)) for file in folder.files for letter in _letters(load(file), str(file))]
    if folder.settled:
        candidates = [
            _own(letter, subject_prefix.place(""), subject_prefix.title(letter.subject), name)
            for letter, name in letters
        ]
        return Thread(candidates, notes=folder.notes)
    if not folder.maildir and all(subject_prefix.place(letter.subject).is_cover for letter, _ in letters):
        raise UserError("only cover letters here", where=str(directory), hint=ACCEPTED)
    thread = _from_mailbox(letters, str(directory))
    return thread if folder.maildir else replace(thread, folder=str(directory))


def _from_data(data: bytes, origin: str) -> Thread:
    letters = _letters(data, origin)
    if len(letters) == 1:
        return _alone(letters[0], origin)
    named = [(letter, f"{origin}, {letter.place}") for letter in letters]
    if len({letter.number for letter in letters}) == 1:
        return _from_one_mail(named, origin)
    return _from_mailbox(named, origin)


def _letters(data: bytes, origin: str) -> list[mail.Letter]:
    """The mails in ``data``; a diff or another text counts as one."""
    if not mail.is_mail(data):
        if len(_COMMIT.findall(data)) > 1:
            raise UserError(
                "the log of several commits", where=origin, hint="make it with git format-patch --stdout, oldest first"
            )
        return [mail.page(data) or plain_letter(data, Path(origin).stem)]
    try:
        return list(mail.letters(data))
    except RecursionError as error:
        raise UserError("its parts are nested too deep to be a mail", where=origin, hint=ACCEPTED) from error
    except UserError as error:
        raise UserError(error.what, where=", ".join(filter(None, [origin, error.where])), hint=error.hint) from error


def _alone(letter: mail.Letter, origin: str) -> Thread:
    """One that the user names alone may be any of its series. A reply may hold a patch of its own, and quote one."""
    found = quotes(letter.text) if subject_prefix.is_reply(letter.subject) or not _DIFF.search(letter.text) else []
    candidates = _quoted(letter, found, origin)
    if not found or _DIFF.search(letter.text):
        title = subject_prefix.title(letter.subject)
        name = f"{title} (in the reply itself)" if found else title
        candidates.insert(0, _own(letter, subject_prefix.place(letter.subject), name, origin))
    return Thread(candidates, alone=True)


def _from_one_mail(letters: Sequence[tuple[mail.Letter, str]], origin: str) -> Thread:
    """What a mail says and what is attached to it are meant, though it be a reply, and one of a series of ten."""
    thread = _from_mailbox(letters, origin, one_mail=True)
    own = [candidate for candidate in thread.candidates if not candidate.quoted]
    return replace(thread, candidates=own, alone=True) if len(own) == 1 else thread


def _from_mailbox(letters: Sequence[tuple[mail.Letter, str]], origin: str, *, one_mail: bool = False) -> Thread:
    """A mailbox may be a whole thread of a list archive: covers, replies and copies are no patches."""
    thread = Thread()
    shown: list[Candidate] = []
    for letter, name in letters:
        spot, title = subject_prefix.place(letter.subject), subject_prefix.title(letter.subject)
        if subject_prefix.is_reply(letter.subject):
            found = quotes(letter.text)
            if one_mail and _DIFF.search(letter.text):
                thread.candidates.append(_own(letter, spot, title, name))
            thread.candidates += _quoted(letter, found, name)
            thread.add_tags(spot, title, own_tags(letter, found))
        elif spot.is_cover:
            said = read_message(letter.text.replace(b"\r\n", b"\n"))
            thread.base[spot.version] = (said.base_commit, said.prerequisites)
            thread.covers[letter.message_id] = (spot, letter.author)
        elif _DIFF.search(letter.text):
            (thread.candidates if one_mail or not letter.shown else shown).append(_own(letter, spot, title, name))
        elif found := quotes(letter.text):
            thread.candidates += _quoted(letter, found, name)
        elif spot.total:
            thread.candidates.append(_own(letter, spot, title, name))
    thread.candidates = thread.candidates or shown
    if not thread.candidates:
        raise UserError(f"none of its {len(letters)} mails is a patch", where=origin, hint=ACCEPTED)
    return thread


def _own(letter: mail.Letter, spot: subject_prefix.Place, title: str, origin: str) -> Candidate:
    return Candidate(spot, title, False, lambda: make_own(letter, origin), letter.message_id, letter.author)


def _quoted(letter: mail.Letter, found: Sequence[Quote], origin: str) -> list[Candidate]:
    return [_quoted_at(letter, quote, origin, len(found) > 1) for quote in found]


def _quoted_at(letter: mail.Letter, quote: Quote, origin: str, one_of_several: bool) -> Candidate:
    title = subject_prefix.title(letter.subject)
    name = f"{title} (quoted {'once' if quote.depth == 1 else f'{quote.depth} times'})" if one_of_several else title
    spot = subject_prefix.place(letter.subject)
    return Candidate(spot, name, True, lambda: make_quoted(letter, quote, origin), letter.message_id, letter.author)
