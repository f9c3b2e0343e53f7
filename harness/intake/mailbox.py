# SPDX-License-Identifier: GPL-2.0-only
"""Mails and mailboxes: who wrote what, and the text exactly as it was before mail wrapped it."""

from __future__ import annotations

import email
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from email.message import Message

from harness.errors import UserError
from harness.intake import mail_fields, patch_message
from harness.intake.mail_head import header, read_head
from harness.intake.mime_parts import Attached, Part, parts, split
from harness.series import MailHead

# The separator of an mbox, as git's mailsplit knows it: a time of day and a year. A header must follow, so that no
# line of a message is taken for one.
_FROM_LINE = re.compile(
    rb"(?m)^From [^\n]{1,500}?\d:\d\d(?::\d\d)? +(?:(?:[A-Z]{2,5}|[+-]\d{4}) +)?(?:19|2\d)\d\d\b[^\n]{0,40}\n"
    rb"(?=[!-9;-~]{1,80}:)"
)
_BY_GIT = re.compile(rb"(?m)^From [0-9a-f]{40,64} Mon Sep 17 00:00:00 2001\r?\n")
_QUOTED_PRINTABLE = re.compile(rb"(?mi)^content-transfer-encoding:\s*quoted-printable")
# What quoted-printable has no use for (RFC 2045, 6.7): "=" stands before two digits, or at the end of a line.
_NOT_CODED = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*\r?\n|\Z)")
_LINE = re.compile(rb"[^\n]*(?:\n|\Z)")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_HEADER = re.compile(rb"[!-9;-~]+:[ \t]*\S?")
_TELLING = re.compile(rb"(?mi)^(?:From|Subject):")
_MULTIPART = re.compile(rb"(?mi)^content-type:\s*multipart/")
_BOUNDARY = re.compile(rb"(?mi)^content-type:\s*multipart/[^\n]*(?:\n[ \t][^\n]*)*?boundary=\"?([^\"\s;]{1,200})")
_FULL_DATE = re.compile(rb"[A-Z][a-z]{2} [A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d (?:[A-Z]{2,5} )?\d{4}")
_ARCHIVE_AUTHOR = re.compile(rb"\S[^\n]{0,200} \S+ at \S+\.\S+")
_DIFF = re.compile(rb"(?m)^(?:> ?)*(?:diff --(?:git|cc|combined) |\+\+\+ \S[^\n]*\n(?:> ?)*@@ -)")
_MORE = re.compile(rb"diff--git|@@-\d")  # without its blanks, the beginning of a file or of a hunk
_EMBEDDED = "patch in the text"
_MAX_HEADERS = 65536
# Python's mail parser takes quadratic time for many nested parts.
_MAX_MULTIPARTS = 50
# So would the search for the ends of many that have none.
_MAX_UNCLOSED = 20


@dataclass(frozen=True)
class Mail:
    """One mail, decoded. ``first_line``: where ``text`` begins in the file, 1 if it was encoded.

    ``mangled``: it went through an archive that writes "user at host". ``html``: there is a part of HTML.
    ``number``: of the mail in its file. ``attached``: the name of the file, if it was attached to that mail.
    ``recoded``: the charset that its diff was in, if that is not UTF-8. ``bare``: it is no mail.
    ``flowed``: it was sent as ``format=flowed``. ``head``: what an answer to it needs, None if it is no mail.
    ``notes``: what is to be said about how its diff was found. ``shown``: a reply shows it in its text.
    """

    subject: str
    author: str
    text: bytes
    first_line: int
    encoded: bool
    date: str = ""
    mangled: bool = False
    html: bool = False
    number: int = 1
    attached: str = ""
    recoded: str = ""
    bare: bool = False
    flowed: bool = False
    notes: tuple[str, ...] = ()
    shown: bool = False
    head: MailHead | None = None

    @property
    def message_id(self) -> str:
        """Without its angle brackets; empty if it has none."""
        return self.head.message_id if self.head is not None else ""

    @property
    def place(self) -> str:
        return f"message {self.number}" + (f", {self.attached}" if self.attached else "")


def is_mail(data: bytes) -> bool:
    """True for a mail or an mbox, False for a bare diff or other text."""
    if _FROM_LINE.match(data):
        return True
    block = _BLANK_LINE.split(data[:_MAX_HEADERS].lstrip(b"\r\n"), maxsplit=1)[0]
    return bool(_HEADER.match(block)) and bool(_TELLING.search(block))


def read_mails(data: bytes) -> Iterator[Mail]:
    """The mails in ``data``: one, or several with a ``From `` line before each, and what is attached to them as mails.

    Raises ``UserError`` for a trap.
    """
    line = 1
    for number, (start, end) in enumerate(itertools.pairwise(_bounds(data)), 1):
        piece = data[start:end]
        for mail in _mails_in(piece, line):
            yield replace(mail, number=number)
        line += piece.count(b"\n")


def _bounds(data: bytes) -> Iterator[int]:
    """Where each mail begins, and the end of the last. What lies between the parts of a mail begins none."""
    found = [one.start() for one in _FROM_LINE.finditer(data)]
    starts = found if found and not data[: found[0]].strip() else [0, *found]
    inside = unclosed = coded = 0
    for at, start in enumerate(starts):
        if start < max(inside, coded):
            continue
        yield start if at else 0
        coded = _coded_until(data, starts, at)
        boundary = _boundary(data, start) if unclosed < _MAX_UNCLOSED else None
        if boundary is not None:
            inside = data.find(b"\n--" + boundary + b"--", start)
            unclosed += inside < 0
    yield len(data)


def _coded_until(data: bytes, starts: Sequence[int], at: int) -> int:
    """Where the mail at ``starts[at]`` ends if it is in quoted-printable, with patches of git in its text; else 0.

    Such a patch begins as a mail of an mbox does.
    """
    start = starts[at]
    blank = _BLANK_LINE.search(data, start, start + _MAX_HEADERS)
    if _BY_GIT.match(data, start) or not blank or not _QUOTED_PRINTABLE.search(data, start, blank.start()):
        return 0
    following = (starts[number] for number in range(at + 1, len(starts)))
    end = next((one for one in following if not _BY_GIT.match(data, one)), len(data))
    return 0 if _NOT_CODED.search(data, blank.end(), end) else end


def _boundary(data: bytes, start: int) -> bytes | None:
    blank = _BLANK_LINE.search(data, start, start + _MAX_HEADERS)
    found = _BOUNDARY.search(data, start, blank.start()) if blank else None
    return found[1] if found else None


def archive_page(data: bytes) -> Mail | None:
    """The text of a list archive's page: subject, "Name user at host" and date on lines of their own; else None.

    The mail itself stands below them.
    """
    lines = [(found.end(), found[0].strip()) for found in itertools.islice(_LINE.finditer(data, 0, 4096), 16)]
    subject, *head = [line for _, line in lines if line][:3] or [b""]
    if len(head) < 2 or not _ARCHIVE_AUTHOR.fullmatch(head[0]) or not _FULL_DATE.fullmatch(head[1]):
        return None
    name, at, host = head[0].decode("utf-8", "replace").rpartition(" at ")
    name, _, user = name.rpartition(" ")
    end = [at for at, line in lines if line][2]
    return Mail(
        subject=mail_fields.safe(subject.decode("utf-8", "replace")),
        author=mail_fields.author(f"{name} <{user}{at}{host}>"),
        text=data[end:],
        first_line=1 + data.count(b"\n", 0, end),
        encoded=False,
        date=mail_fields.date(head[1].decode()),
        mangled=True,
    )


def _mails_in(raw: bytes, line: int) -> Iterator[Mail]:
    """The mail ``raw``, which begins on ``line``, and those that are attached to it."""
    if len(_MULTIPART.findall(raw)) > _MAX_MULTIPARTS:
        raise UserError(
            "its parts are nested too deep to be a mail", where=f"line {line}", hint="give the patch itself"
        )
    text = raw.lstrip(b"\r\n")
    head = _FROM_LINE.match(text)
    message = email.message_from_bytes((text[head.end() :] if head else text).lstrip(b"\r\n"))
    own, *others = _unpacked(message, exact=bool(_BY_GIT.match(text)))
    body = own.text.rstrip()
    encoded = message.is_multipart() or not raw.rstrip().endswith(body)
    if not others or _says_something(own):
        first = 1 if encoded else line + raw.rstrip().count(b"\n") - body.count(b"\n")
        yield replace(own, encoded=encoded, first_line=first)
    yield from others


def _says_something(mail: Mail) -> bool:
    """False for the mere wrapping of what is attached."""
    place = patch_message.position(mail.subject)
    return place.is_cover or patch_message.is_reply(mail.subject) or bool(_DIFF.search(mail.text))


def _unpacked(message: Message, *, exact: bool) -> Iterator[Mail]:
    """What ``message`` itself says, then what is attached to it and stands for itself, but for copies.

    A file is part of what the mail says if it is the only diff there, and does not say whose it is.
    """
    every = itertools.chain.from_iterable(map(_embedded, parts(message, exact=exact)))
    found = [(part, list(_attached(part))) for part in every]
    mails = [mail for _, attached in found for mail in attached]
    texts = [part for part, attached in found if isinstance(part, Part) and not attached]
    diffs = [part for part in texts if _DIFF.search(part.text)]
    alone = [part for part in diffs if part.name] if mails or len(diffs) > 1 else []
    aside = [part for part in texts if part.name and part not in diffs] if mails or diffs else []  # logs, configs
    own = _mail_of(message, [part for part in texts if part not in alone and part not in aside])
    others = [_completed(mail, own) for mail in mails] + [_of_file(part, own) for part in alone]
    own = _as_attached(own, others)
    yield own
    yield from (mail for mail in others if not _diff(own) or _diff(mail) != _diff(own))


def _embedded(part: Part | Attached) -> Iterator[Part | Attached]:
    """``part``; a patch of git format-patch in its text is apart, as if it were attached."""
    found = _BY_GIT.search(part.text) if isinstance(part, Part) and not part.name else None
    if isinstance(part, Part) and found and found.start() and is_mail(part.text[found.start() :]):
        yield replace(part, text=part.text[: found.start()])
        yield replace(part, text=part.text[found.start() :], name=_EMBEDDED)
    else:
        yield part


def _as_attached(own: Mail, others: Sequence[Mail]) -> Mail:
    """``own`` with the diff of the attached patch that it shows, where a mail program changed the blanks of its own."""
    above, shown, below = split(own.text.replace(b"\r\n", b"\n"))
    bare = b"".join(shown.split())
    for other in others if bare else ():
        attached = _diff(other)
        plain = b"".join(attached.split())
        more = bare.removeprefix(plain)  # what is said below the diff
        if attached != shown.rstrip() and more != bare and not _MORE.search(more):
            note = f"taken as it is attached ({other.attached}): the blanks of the one in the text were changed"
            return replace(own, text=above + attached + b"\n" + below, notes=(note,))
    return own


def _completed(mail: Mail, own: Mail) -> Mail:
    subject, author = mail.subject or own.subject, mail.author or own.author
    shown = mail.attached.startswith(_EMBEDDED) and patch_message.is_reply(own.subject)
    # A file of git format-patch was never sent by itself: what it is attached to is answered.
    head = mail.head if mail.head is not None and mail.head.was_sent else own.head
    return replace(mail, subject=subject, author=author, date=mail.date or own.date, shown=shown, head=head)


def _of_file(part: Part, own: Mail) -> Mail:
    title = mail_fields.safe(part.name.rpartition(".")[0] or own.subject)
    return replace(own, subject=title, text=part.text, attached=part.name, recoded=part.recoded)


def _diff(mail: Mail) -> bytes:
    return split(mail.text.replace(b"\r\n", b"\n"))[1].rstrip()


def _attached(part: Part | Attached) -> Iterator[Mail]:
    """The mails in ``part``: one that was forwarded, or a file of them, as git format-patch writes it."""
    if isinstance(part, Attached):
        found = list(_unpacked(part.mail, exact=False))
    else:
        found = list(read_mails(part.text)) if part.name and is_mail(part.text) else []
    name = part.name if isinstance(part, Part) else "forwarded mail"
    found = [mail for mail in found if _DIFF.search(mail.text) or patch_message.position(mail.subject).is_cover]
    for number, mail in enumerate(found, 1):
        yield replace(mail, attached=name if len(found) == 1 else f"{name}, message {number}", encoded=True)


def _mail_of(message: Message, texts: list[Part]) -> Mail:
    sender = header(message, "from")
    return Mail(
        subject=mail_fields.safe(header(message, "subject")),
        author=mail_fields.author(sender),
        text=b"".join(part.text for part in texts),
        first_line=1,
        encoded=True,
        date=mail_fields.date(header(message, "date")),
        mangled=" at " in sender and "@" not in sender,
        html=any(part.get_content_type() == "text/html" for part in message.walk()),
        recoded=next((part.recoded for part in texts if part.recoded), ""),
        flowed=any(part.flowed for part in texts),
        head=read_head(message),
    )
