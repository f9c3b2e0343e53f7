# SPDX-License-Identifier: GPL-2.0-only
"""One mail to one ``Patch``: its own diff, or the one that it quotes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from harness.errors import UserError
from harness.intake import diff_paths, mail_fields, patch_message
from harness.intake.diff_parser import begins_mail, parse_diff
from harness.intake.mailbox import Mail
from harness.intake.patch_identity import changed_twice, patch_id
from harness.intake.patch_message import Message, diff_start, read_message, tags
from harness.intake.patch_sources import ACCEPTED
from harness.intake.quoted_patch import (
    WHOLE,
    Quote,
    Quoted,
    damaged,
    diff_size,
    diffstat,
    has_lost_tabs,
    parse_quote,
    quotes_unmarked,
    unstuffed,
)
from harness.intake.series_catalogue import known_patches
from harness.series import Commit, Patch
from harness.unified_diff import Diff, FileDiff

_QUOTED = re.compile(rb"(?m)^[>|:][^\n]{0,80}(?:diff --git |@@ -\d|\+\+\+ \S)")
# How Mailman's, public-inbox's and marc's pages show an attachment that they do not show.
_ELSEWHERE = re.compile(
    rb"(?ms)attachment was scrubbed\.{3}.{0,400}?^URL: <?(https?://[^\s<>]{1,300})"
    rb"|text was scrubbed\.{3}.{0,400}?^URL: <?(https?://[^\s<>]{1,300})"
    rb"|^\[-- Attachment #\d+: ([^\n]{1,200}?) --\]|^\[\"([^\"\n]{1,200})\" \([\w.+-]+/[\w.+-]+\)\]"
)
_HTML = re.compile(rb"(?i)\s*<(?:!doctype html|html|head|body|pre)\b")
_SHOW = re.compile(rb"(?:commit [0-9a-f]+[^\n]*\n)(?:[A-Z][A-Za-z]+: [^\n]*\n)+\n    (\S[^\n]*)\n")
_SHOW_FIELD = re.compile(rb"(?m)^(Author|Date|AuthorDate): +(\S[^\n]*)$")
_WHEN = r".{6,60}?\d:\d\d(?::\d\d)?(?: ?[AP]M)?(?: [+-]\d{4})?(?: \([A-Z]{2,5}\))?"
_WROTE = (
    re.compile(rf"On (?P<date>{_WHEN}),? (?P<name>.{{1,160}}?) wrote:"),
    re.compile(r"(?:On (?P<date>.{6,60}), )?(?P<name>[^,]{1,80}) (?:wrote|writes):"),
)

_NOBODY = Mail("", "", b"", 1, False)


def bare_diff(data: bytes, name: str) -> Mail:
    """A diff that is no mail, perhaps with what git show writes above it. ``name``: of the file."""
    text = data.replace(b"\r\n", b"\n")
    show = _SHOW.match(text)
    said: dict[bytes, bytes] = dict(_SHOW_FIELD.findall(text[: show.end()])) if show else {}
    when = said.get(b"Date", said.get(b"AuthorDate", b""))
    return Mail(
        subject=mail_fields.safe(_text(show[1])) if show else mail_fields.safe(name),
        author=mail_fields.author(_text(said.get(b"Author", b""))),
        text=data,
        first_line=1,
        encoded=False,
        date=mail_fields.date(_text(when)),
        bare=True,
    )


def patch_of_mail(mail: Mail, origin: str) -> Patch:
    """The patch that ``mail`` is. Raises ``UserError`` if it is none, or cannot be used."""
    if not mail.text.strip():
        what = "the mail has no text, only HTML" if mail.html else "the mail is empty"
        raise UserError(what, where=origin, hint=ACCEPTED)
    if _HTML.match(mail.text):
        what = "a page of HTML, in which a diff is not as it was"
        raise UserError(what, where=origin, hint="get the mail itself (raw), or save the page as text")
    text = _restored(mail)
    start = 0 if mail.bare else diff_start(text) or 0
    diff = parse_diff(text[start:], _place(mail, origin), mail.first_line + text.count(b"\n", 0, start))
    if not diff.files:
        raise _no_diff(origin, mail.text)
    _of_one_mail(mail, diff, origin)
    unmarked = patch_message.is_reply(mail.subject) and quotes_unmarked(text[:start])
    for line, what in damaged(diff) if unmarked else ():
        raise UserError(f"the quoted patch is not as it was sent: {what}", where=f"{origin}, line {line}", hint=WHOLE)
    said = read_message(mail.text.replace(b"\r\n", b"\n"))
    quoted = ("quoted without marks in a reply",) if unmarked else ()
    notes = (*quoted, *mail.notes, *_differs(said, diff), *_recoded(mail), *_without_tabs(diff))
    return _patch(mail, origin, diff, said, notes)


def patch_of_commit(change: Commit) -> Patch:
    """The patch that git has. Raises ``UserError`` if it cannot be used."""
    diff = parse_diff(change.diff, change.origin)
    message = change.message.encode("utf-8", "surrogateescape")
    author, date = mail_fields.safe(change.author), mail_fields.date(change.date)
    said = Message(author, change.subject, date, tags(message + b"\n"), None, "", (), _text(message).strip())
    patch = _patch(_NOBODY, change.origin, diff, said, ())
    return replace(patch, subject=mail_fields.safe(change.subject))  # brackets in it are the author's own


def patch_of_quote(mail: Mail, quote: Quote, origin: str) -> Patch:
    """The patch that ``mail`` quotes. Raises ``UserError`` with the place if it is not whole."""
    quoted = quote.read()
    if mail.mangled:
        quoted = replace(quoted, lines=tuple(map(mail_fields.unmangled, quoted.lines)))
    quoted = replace(quoted, lines=unstuffed(quoted.lines, flowed=mail.flowed))
    said = read_message(quoted.text)
    diff, notes = parse_quote(quoted, _place(mail, origin), mail.first_line, said.stat)
    given = tuple(dict.fromkeys([*said.tags, *tags(quoted.own)]))
    author, date = _attribution(quoted, given)
    notes = ("quoted in a reply", *notes)
    patch = _patch(mail, origin, diff, replace(said, tags=given), notes)
    return replace(patch, author=said.author or author, date=said.date or date)


def own_tags(mail: Mail, found: Sequence[Quote]) -> tuple[str, ...]:
    """The tags that a reply gives: those in what it does not quote."""
    if found:
        return tags(found[0].read().own)
    lines = mail.text.replace(b"\r\n", b"\n").split(b"\n")
    return tags(b"\n".join(line for line in lines if not line.startswith(b">")) + b"\n")


def _patch(mail: Mail, origin: str, diff: Diff, said: Message, notes: Sequence[str]) -> Patch:
    for file in diff.files:
        _check(file, origin)
    if b"\0" in diff.data:
        raise UserError("a NUL in its diff: the mail is damaged", where=origin, hint="fetch it again")
    if mail.mangled:
        _nothing_changed(diff, origin, mail_fields.doubtful)
    around = "\n".join((mail.author, said.author, said.body, *said.tags)).encode()
    _nothing_changed(diff, origin, mail_fields.masked if mail_fields.masked(around) else mail_fields.surely_masked)
    identity = patch_id(diff)
    subject = patch_message.title(said.subject or mail.subject)
    return Patch(
        origin=origin,
        subject=subject,
        author=said.author or mail.author,
        parsed=diff,
        date=said.date or mail.date,
        tags=said.tags,
        patch_id=identity,
        known=known_patches()[identity].known_as if identity in known_patches() else "",
        base_commit=said.base_commit,
        prerequisites=said.prerequisites,
        notes=(*notes, *_almost_known(subject, identity)),
        message=said.body if said.author or mail.author else "",  # above a mere diff there may be anything
        mail=mail.head,
    )


def _place(mail: Mail, origin: str) -> str:
    return f"{origin}, decoded text" if mail.encoded else origin


def _restored(mail: Mail) -> bytes:
    return mail_fields.unmangled(mail.text) if mail.mangled else mail.text


def _of_one_mail(mail: Mail, diff: Diff, origin: str) -> None:
    """Refuse the page of a thread, and all else that holds two versions of one change."""
    lines, sent = mail.text.split(b"\n"), not (mail.bare or mail.mangled)
    for above, below in itertools.pairwise(diff.files):
        gap = range(_end(above) + 1, below.line)
        at = next((at for at in gap if begins_mail(lines[at - mail.first_line], sent=sent)), None)
        if at is not None:
            what = "another mail begins here: this is a whole thread, saved as text"
            hint = "give the mail itself, or the thread as an mbox"
            raise UserError(what, where=f"{origin}, line {at}", hint=hint)
    if twice := changed_twice(diff.files):
        what = f"changes {twice!a} twice, each time as it is without the other change: these are two patches"
        raise UserError(what, where=origin, hint="give the mail of the one that you mean")


def _end(file: FileDiff) -> int:
    return file.hunks[-1].last_line if file.hunks else file.line + len(file.header) - 1


def _without_tabs(diff: Diff) -> Iterator[str]:
    if name := has_lost_tabs(diff):
        yield f"there is no tab in {name}, but lines that begin with blanks: a mail program may have changed them"


def _differs(said: Message, diff: Diff) -> Iterator[str]:
    if said.stat is not None and diff_size(diff) != (found := (said.stat.files, said.stat.inserted, said.stat.deleted)):
        yield f"its diffstat says {diffstat(*found)}, it holds {diffstat(*diff_size(diff))}"


def _recoded(mail: Mail) -> Iterator[str]:
    if mail.recoded:
        yield f"its diff was sent in {mail.recoded}, and is taken in UTF-8"


def _nothing_changed(diff: Diff, origin: str, suspect: Callable[[bytes], bool]) -> None:
    """An archive that mangles addresses does so in the lines of a diff as well: those that ``suspect`` finds."""
    for file in diff.files:
        for hunk in file.hunks:
            for line in filter(suspect, hunk.body):
                what = f"the archive may have changed {mail_fields.safe(_text(line))!r} in {file.path}, {hunk.header}"
                raise UserError(what, where=origin, hint="give the mail as it was sent")


def _almost_known(subject: str, identity: str) -> Iterator[str]:
    for known, series in known_patches().items():
        if series.title == subject and identity not in known_patches():
            yield f"has the subject of {series.known_as}, but is another patch (patch-id {identity}, not {known})"


def _attribution(quote: Quoted, given: Sequence[str]) -> tuple[str, str]:
    """Author and date from the "On DATE, NAME wrote:" above what is quoted."""
    first = quote.numbers[0] if quote.numbers else 0
    above = [line.lstrip(b"> ") for number, line in quote.between if number < first and line.strip(b"> \r")][-3:]
    text = mail_fields.safe(_text(b" ".join(above)))
    for form in _WROTE:
        found = next(iter(form.finditer(text)), None)
        if found is not None:
            return _full(found["name"].strip(), given), mail_fields.date(found["date"] or "")
    return next((tag.partition(": ")[2] for tag in given if tag.startswith("Signed-off-by: ")), ""), ""


def _full(name: str, given: Sequence[str]) -> str:
    """``name`` with the address that a tag gives it, if it has none."""
    people = (tag.partition(": ")[2] for tag in given)
    return next((one for one in people if one.startswith(f"{name} <")), mail_fields.author(name))


def _no_diff(origin: str, text: bytes) -> UserError:
    if _QUOTED.search(text):
        return UserError("this is a reply whose quoted patch has no beginning", where=origin, hint=WHOLE)
    if elsewhere := _ELSEWHERE.search(text):
        found = next(filter(None, elsewhere.groups()))
        what = f"no diff in it: the archive put what was attached elsewhere ({mail_fields.safe(_text(found))})"
        return UserError(what, where=origin, hint="get that file, and give it")
    return UserError("no diff in it", where=origin, hint=ACCEPTED)


def _check(file: FileDiff, origin: str) -> None:
    target = b""
    if file.mode == diff_paths.SYMLINK:
        target = b"".join(line for hunk in file.hunks for line in hunk.after)
    for name in filter(None, (file.old, file.new)):
        diff_paths.check_path(name, file.mode, target.decode("utf-8", "surrogateescape"), f"{origin}, line {file.line}")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
