# SPDX-License-Identifier: GPL-2.0-only
"""Taking patches in: from a file, a pipe, a directory or a list archive to ``Patch`` values, in the order to apply."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import UserError
from harness.intake import mailbox, patch_message
from harness.intake.mail_thread import Candidate, Thread, whole_series
from harness.intake.patch_from_mail import bare_diff, own_tags, patch_of_commit, patch_of_mail, patch_of_quote
from harness.intake.patch_message import read_message
from harness.intake.patch_sources import ACCEPTED, archived_id, fetch_thread, load, open_folder, usable_text
from harness.intake.picking import picked
from harness.intake.quoted_patch import Quote, quotes
from harness.intake.series_catalogue import KnownSeries, all_series, read_series
from harness.paths import exists, is_directory
from harness.series import Commit, Patch

_DIFF = re.compile(rb"(?m)^(?:diff --git |\+\+\+ \S)")
_COMMIT = re.compile(rb"(?m)^commit [0-9a-f]{40}\b")


def read_patches(sources: Sequence[Path | Commit], pick: str | None = None) -> tuple[Patch, ...]:
    """Read patches in the order of ``sources``; within an mbox or a directory, in the order of ``[PATCH n/m]``.

    Each is a change that git has, or the path of a mail, an mbox, a diff, a reply that quotes a patch, a directory of
    ``*.patch`` files, a maildir, or names a mail in a list archive (``lore:ID``, ``<ID>``, its address), which b4
    fetches. Cover mails, discussion in a mailbox, older versions and exact copies are skipped. ``pick``: take only
    the one with this number in its series, or this subject or part of it, or the series of a version ("v3") or of a
    message id. Raises ``UserError`` for all that cannot be used, and if there is a choice.
    """
    if pick is not None:
        return tuple(picked([_thread(one) for one in sources], pick, ", ".join(map(_origin, sources))))
    commits = {one.origin for one in sources if isinstance(one, Commit)}
    return _distinct((patch for one in sources for patch in _series(_thread(one), _origin(one))), commits)


def read_text(data: bytes, origin: str, pick: str | None = None) -> tuple[Patch, ...]:
    """The same for what is at hand already: a mail, an mbox or a diff. ``origin``: what messages call it."""
    thread = _from_data(usable_text(data, origin), origin)
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
        candidate = Candidate(patch_message.position(""), source.subject, False, lambda: patch_of_commit(source))
        return Thread([candidate], alone=True)
    return _from_path(source)


def _from_path(path: Path) -> Thread:
    wanted = archived_id(str(path))
    if wanted is not None and not exists(path):
        mails = [(one, str(path)) for data in fetch_thread(str(path), wanted) for one in _mails(data, str(path))]
        return _from_mailbox(mails, str(path))
    if is_directory(path):
        return _from_directory(path)
    return _from_data(load(path), str(path))


def _from_directory(directory: Path) -> Thread:
    folder = open_folder(directory)
    mails = [(mail, str(file)) for file in folder.files for mail in _mails(load(file), str(file))]
    if folder.settled:
        candidates = [
            _own(mail, patch_message.position(""), patch_message.title(mail.subject), name) for mail, name in mails
        ]
        return Thread(candidates, notes=folder.notes)
    if not folder.maildir and all(patch_message.position(mail.subject).is_cover for mail, _ in mails):
        raise UserError("only cover letters here", where=str(directory), hint=ACCEPTED)
    thread = _from_mailbox(mails, str(directory))
    return thread if folder.maildir else replace(thread, folder=str(directory))


def _from_data(data: bytes, origin: str) -> Thread:
    mails = _mails(data, origin)
    if len(mails) == 1:
        return _alone(mails[0], origin)
    named = [(mail, f"{origin}, {mail.place}") for mail in mails]
    if len({mail.number for mail in mails}) == 1:
        return _from_one_mail(named, origin)
    return _from_mailbox(named, origin)


def _mails(data: bytes, origin: str) -> list[mailbox.Mail]:
    """The mails in ``data``; a diff or another text counts as one."""
    if not mailbox.is_mail(data):
        if len(_COMMIT.findall(data)) > 1:
            raise UserError(
                "the log of several commits", where=origin, hint="make it with git format-patch --stdout, oldest first"
            )
        return [mailbox.archive_page(data) or bare_diff(data, Path(origin).stem)]
    try:
        return list(mailbox.read_mails(data))
    except RecursionError as error:
        raise UserError("its parts are nested too deep to be a mail", where=origin, hint=ACCEPTED) from error
    except UserError as error:
        raise UserError(error.what, where=", ".join(filter(None, [origin, error.where])), hint=error.hint) from error


def _alone(mail: mailbox.Mail, origin: str) -> Thread:
    """One that the user names alone may be any of its series. A reply may hold a patch of its own, and quote one."""
    found = quotes(mail.text) if patch_message.is_reply(mail.subject) or not _DIFF.search(mail.text) else []
    candidates = _quoted(mail, found, origin)
    if not found or _DIFF.search(mail.text):
        title = patch_message.title(mail.subject)
        name = f"{title} (in the reply itself)" if found else title
        candidates.insert(0, _own(mail, patch_message.position(mail.subject), name, origin))
    return Thread(candidates, alone=True)


def _from_one_mail(mails: Sequence[tuple[mailbox.Mail, str]], origin: str) -> Thread:
    """What a mail says and what is attached to it are meant, though it be a reply, and one of a series of ten."""
    thread = _from_mailbox(mails, origin, one_mail=True)
    own = [candidate for candidate in thread.candidates if not candidate.quoted]
    return replace(thread, candidates=own, alone=True) if len(own) == 1 else thread


def _from_mailbox(mails: Sequence[tuple[mailbox.Mail, str]], origin: str, *, one_mail: bool = False) -> Thread:
    """A mailbox may be a whole thread of a list archive: covers, replies and copies are no patches."""
    thread = Thread()
    shown: list[Candidate] = []
    for mail, name in mails:
        spot, title = patch_message.position(mail.subject), patch_message.title(mail.subject)
        if patch_message.is_reply(mail.subject):
            found = quotes(mail.text)
            if one_mail and _DIFF.search(mail.text):
                thread.candidates.append(_own(mail, spot, title, name))
            thread.candidates += _quoted(mail, found, name)
            thread.add_tags(spot, title, own_tags(mail, found))
        elif spot.is_cover:
            said = read_message(mail.text.replace(b"\r\n", b"\n"))
            thread.base[spot.version] = (said.base_commit, said.prerequisites, mail.head)
            thread.covers[mail.message_id] = (spot, mail.author)
        elif _DIFF.search(mail.text):
            (thread.candidates if one_mail or not mail.shown else shown).append(_own(mail, spot, title, name))
        elif found := quotes(mail.text):
            thread.candidates += _quoted(mail, found, name)
        elif spot.total:
            thread.candidates.append(_own(mail, spot, title, name))
    thread.candidates = thread.candidates or shown
    if not thread.candidates:
        raise UserError(f"none of its {len(mails)} mails is a patch", where=origin, hint=ACCEPTED)
    return thread


def _own(mail: mailbox.Mail, spot: patch_message.SeriesPosition, title: str, origin: str) -> Candidate:
    return Candidate(spot, title, False, lambda: patch_of_mail(mail, origin), mail.message_id, mail.author)


def _quoted(mail: mailbox.Mail, found: Sequence[Quote], origin: str) -> list[Candidate]:
    return [_quoted_at(mail, quote, origin, len(found) > 1) for quote in found]


def _quoted_at(mail: mailbox.Mail, quote: Quote, origin: str, one_of_several: bool) -> Candidate:
    title = patch_message.title(mail.subject)
    name = f"{title} (quoted {'once' if quote.depth == 1 else f'{quote.depth} times'})" if one_of_several else title
    spot = patch_message.position(mail.subject)
    return Candidate(spot, name, True, lambda: patch_of_quote(mail, quote, origin), mail.message_id, mail.author)


def load_series(name_or_dir: Path, given: Sequence[Path] = ()) -> tuple[Patch, ...]:
    """The patches of a series by name, or of a directory with a ``series.toml``, in the order that it lists.

    ``given``: where the text of a series is that ships without it; it has to be exactly that series, patch-id by
    patch-id. Raises ``UserError`` for a name that is neither, a description that cannot be used, or another text.
    """
    series = read_series(name_or_dir) if is_directory(name_or_dir) else all_series().get(str(name_or_dir))
    if series is None:
        known = ", ".join(all_series()) or "none"
        raise UserError("no such series", where=str(name_or_dir), hint=f"known are: {known}")
    if series.patches:
        return read_patches([series.directory / name for name in series.patches])
    if not given:
        raise UserError("ships without its text", where=series.name, hint=f"get it: {'; or '.join(series.get)}")
    return _verified(series, read_patches(given))


def _verified(series: KnownSeries, patches: tuple[Patch, ...]) -> tuple[Patch, ...]:
    found = tuple(patch.patch_id for patch in patches)
    if found != series.patch_ids:
        what = f"is not {series.name}: its patch-id is {', '.join(found)}, not {', '.join(series.patch_ids)}"
        raise UserError(what, where=patches[0].origin, hint=f"get it: {'; or '.join(series.get)}")
    return patches
