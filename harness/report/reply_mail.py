# SPDX-License-Identifier: GPL-2.0-only
"""The answer to a patch's mail, as a file for ``mutt -H`` or ``git send-email``; nothing is sent.

Who sends it, when, and under which message id is the mail program's to say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.header import Header
from email.utils import formataddr

from harness.errors import UserError
from harness.model import RunReport
from harness.report.plain_mail import paragraph
from harness.report.reply_body import reply_body, series_body, why_not_green
from harness.report.series_report import SeriesStep
from harness.report.text import one_line
from harness.series import MailHead, SeriesFacts

_ANSWER = re.compile(r"\A(?:\s*(?:re|aw|sv|antw)\s*:\s*)+", re.IGNORECASE)  # not the end of "core:"
_PERSON = re.compile(r"(?:(?P<name>[^<>]*\S)\s*<(?P<named>[^<>]+)>|(?P<bare>[^<>\s]+))")
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+")
_MAX_REFERENCES = 20
"""Ids of a long thread: the first, and the last ones."""


@dataclass(frozen=True)
class ReplyMail:
    """``text``: header and body. ``notes``: what whoever sends it should know, one line each."""

    text: str
    notes: tuple[str, ...] = ()


def reply_to_run(report: RunReport, tested_by: str = "") -> ReplyMail:
    """``tested_by``: "Name <user@host>" for a Tested-by: tag; empty: none.

    Raises ``UserError`` if no patch was tested, or if the tag would not be true.
    """
    _refuse_no_patch(report)
    _refuse_untrue([report], tested_by)
    return _mail(report.series, report.patches[0], reply_body(report, tested_by))


def reply_to_series(steps: Sequence[SeriesStep], tested_by: str = "") -> ReplyMail:
    """The same about a series that was tested patch by patch."""
    reports = [step.report for step in steps if step.report is not None]
    if not reports:
        raise UserError("none of its patches was tested", where="--reply", hint="run it again")
    _refuse_no_patch(reports[-1])
    if tested_by and len(reports) < len(steps):
        raise _untrue(tested_by, "not all patches were tested")
    _refuse_untrue(reports, tested_by)
    return _mail(reports[-1].series, reports[-1].patches[0], series_body(steps, tested_by))


def _refuse_no_patch(report: RunReport) -> None:
    if not report.patches:
        raise UserError("no patch was tested: nobody is to be answered", where="--reply", hint="name another run")


def _refuse_untrue(reports: Sequence[RunReport], tested_by: str) -> None:
    why = next(filter(None, map(why_not_green, reports)), "")
    if tested_by and why:
        raise _untrue(tested_by, why)


def _untrue(tested_by: str, why: str) -> UserError:
    return UserError(why, where=f"--tested-by {tested_by}", hint="leave --tested-by out")


# --- the mail ---------------------------------------------------------------------------------


def _mail(series: SeriesFacts, subject: str, body: Sequence[str]) -> ReplyMail:
    head = series.cover or (series.patches[0].mail if series.patches else None)
    if head is None or not head.was_sent:
        note = "the patch came from no mail: to whom, and In-Reply-To, are left out"
        return ReplyMail(_text([("Subject", f"Re: {one_line(subject)}")], body), (note,))
    to, cc, unusable = _people(head)
    fields = [
        ("To", ", ".join(to)),
        ("Cc", ", ".join(cc)),
        ("Subject", f"Re: {_ANSWER.sub('', one_line(head.subject))}"),
    ]
    fields += _thread(head)
    notes = [f"an address that cannot be used is left out: {person}" for person in unusable]
    notes += [] if head.message_id else ["the mail had no message id: In-Reply-To is left out"]
    notes += [f"the patches are from several mails: this answers {one_line(head.subject)!r}"] * _several(series)
    return ReplyMail(_text(fields, [*_quoted(head), "", *body]), tuple(notes))


def _quoted(head: MailHead) -> list[str]:
    """What is answered, as every answer begins."""
    person = _PERSON.fullmatch(head.sender)
    name = one_line((person["name"] or "").strip('"') if person else "") or one_line(head.sender)
    when = f"On {one_line(head.date)[:10]}, " if head.date else ""
    return [*paragraph(f"{when}{name} wrote:"), f"> {one_line(head.subject)}"]


def _several(series: SeriesFacts) -> bool:
    """True if the mails are of no one thread."""
    heads = [patch.mail for patch in series.patches if patch.mail is not None]
    roots = {(head.references or (head.message_id,))[0] for head in heads}
    return series.cover is None and len(roots) > 1


def _thread(head: MailHead) -> list[tuple[str, str]]:
    if not head.message_id:
        return []
    above = [one for one in head.references if one != head.message_id]
    above = [*above[:1], *above[1:][-_MAX_REFERENCES:]]
    own = f"<{one_line(head.message_id)}>"
    return [("In-Reply-To", own), ("References", " ".join([*(f"<{one_line(one)}>" for one in above), own]))]


def _people(head: MailHead) -> tuple[list[str], list[str], list[str]]:
    """To, Cc, and who cannot be written to; each address once."""
    seen: set[str] = set()
    to: list[str] = []
    cc: list[str] = []
    unusable: list[str] = []
    for place, people in ((to, (head.sender,)), (cc, (*head.to, *head.cc))):
        for person in people:
            address, text = _encoded(person)
            if not text:
                unusable.append(one_line(person))
            elif address not in seen:
                place.append(text)
            seen.add(address)
    return to, cc, list(dict.fromkeys(unusable))


def _encoded(person: str) -> tuple[str, str]:
    """(address to compare, as it stands in a header); empty if it is none. Names are encoded as RFC 2047 says."""
    found = _PERSON.fullmatch(person.strip())
    address = (found["named"] or found["bare"]).strip() if found else ""
    if found is None or not _ADDRESS.fullmatch(address):
        return "", ""
    name = one_line(found["name"] or "")
    if name.isascii():
        return address.lower(), formataddr((name, address))
    words = " ".join(Header(name, "utf-8", maxlinelen=70).encode().split())
    return address.lower(), f"{words} <{address}>"


def _text(fields: Sequence[tuple[str, str]], body: Sequence[str]) -> str:
    text = "\n".join([*body, ""])
    coding = ("us-ascii", "7bit") if text.isascii() else ("utf-8", "8bit")
    mime = [
        ("MIME-Version", "1.0"),
        ("Content-Type", f"text/plain; charset={coding[0]}"),
        ("Content-Transfer-Encoding", coding[1]),
    ]
    head = "".join(f"{name}: {_folded(name, value)}\n" for name, value in [*fields, *mime] if value)
    return f"{head}\n{text}"


def _folded(name: str, value: str) -> str:
    """``Header`` never splits a word that is ASCII, however long: a message id stays what it is."""
    return Header(value, "us-ascii" if value.isascii() else "utf-8", header_name=name).encode()
