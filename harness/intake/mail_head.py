# SPDX-License-Identifier: GPL-2.0-only
"""The header of a mail: single fields as text, and all that an answer to it needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message

from harness.intake import mail_fields
from harness.series import MailHead

_ID = re.compile(r"<([^<>\s]{1,500})>")
# What stands between commas, those in quotes and brackets aside. The limits keep it linear.
_ONE = re.compile(r'(?:"(?:[^"\\]|\\.){0,200}"|<[^<>]{0,500}>|[^,"<]|["<])+')
_NAMED = re.compile(r"([^<>]*)<\s*([^<>\s@]{1,300}@[^<>\s@]{1,300})\s*>")
_MAX = 1 << 16
"""Characters of a list of addresses that are read: some patches have a hundred people in Cc."""


def header(message: Message, name: str) -> str:
    """The first header ``name`` (lower case) as text; "" if it is not there."""
    return _text(message, next(_values(message, name), ""))


def read_head(message: Message) -> MailHead:
    senders = _people(message, "reply-to") or _people(message, "from")
    return MailHead(
        subject=mail_fields.safe(header(message, "subject")),
        sender=next(iter(senders), ""),
        message_id=mail_fields.safe(header(message, "message-id").strip(" <>")),
        date=mail_fields.date(header(message, "date")),
        to=_people(message, "to"),
        cc=_people(message, "cc"),
        references=_ids(message, "references") or _ids(message, "in-reply-to"),
    )


def _people(message: Message, name: str) -> tuple[str, ...]:
    """ "Name <user@host>" of each address, each once."""
    found = (_person(message, one) for value in _values(message, name) for one in _ONE.findall(value[:_MAX]))
    return tuple(dict.fromkeys(person for person in found if "@" in person))


def _person(message: Message, text: str) -> str:
    """The name is decoded here: before, what is in it could be taken for marks of the list."""
    named = _NAMED.match(text)
    if named is None:
        return mail_fields.author(_text(message, text))
    name = mail_fields.safe(_text(message, re.sub(r"\\(.)", r"\1", named[1].strip().strip('"'))))
    return f"{name} <{mail_fields.safe(named[2])}>" if name else mail_fields.safe(named[2])


def _ids(message: Message, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_ID.findall(" ".join(value[:_MAX] for value in _values(message, name)))))


def _values(message: Message, name: str) -> Iterator[str]:
    return (str(value) for key, value in message.raw_items() if key.lower() == name)


def _text(message: Message, value: str) -> str:
    return mail_fields.decoded(value.encode("utf-8", "surrogateescape"), message.get_content_charset("latin-1"))
