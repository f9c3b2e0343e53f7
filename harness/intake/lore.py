# SPDX-License-Identifier: GPL-2.0-only
"""Series by message id, fetched with b4, which knows where the lists' archives are."""

from __future__ import annotations

import re
from urllib.parse import unquote

from harness import process
from harness.errors import InfrastructureError, UserError
from harness.scratch import scratch

_ID = r"[^\s<>/@]+@[^\s<>/@]+"
# pathlib has made one slash of the two after "https:".
_FORMS = (
    re.compile(rf"lore:<?({_ID})>?"),
    re.compile(rf"<({_ID})>"),
    re.compile(rf"https?:/+[^/]+/(?:[^/]+/)*?({_ID})(?:/.*)?"),
)
_SECONDS = 180
_SAVE = "save the thread as an mbox, and give that with -p"


def message_id(name: str) -> str | None:
    """The id in ``lore:ID``, ``<ID>`` or the address of a mail in a list archive; None if ``name`` is none of these."""
    plain = unquote(name)
    return next((found[1] for form in _FORMS if (found := form.fullmatch(plain))), None)


def fetch(name: str, wanted: str) -> list[bytes]:
    """The mails of the series that ``wanted`` (a message id) belongs to: mailboxes, the cover letter's first.

    ``name``: what the user typed. Raises ``UserError`` without b4, ``InfrastructureError`` if it gets nothing.
    """
    b4 = process.which("b4")
    if b4 is None:
        raise UserError("needs b4, which is not installed", where=name, hint=f"install it, or {_SAVE}")
    with scratch("lore") as place:
        # An id may begin with a dash: the program must not take it for an option.
        done = process.run([b4, "am", "--outdir", place, "--", wanted], stdin=b"", timeout=_SECONDS)
        files = [*sorted(place.glob("*.cover")), *sorted(place.glob("*.mbx"))]
        if not done.ok or not files:
            raise InfrastructureError(f"b4 cannot get it: {_why(done)}", where=name, hint=f"try again, or {_SAVE}")
        return [file.read_bytes() for file in files]


def _why(done: process.Completed) -> str:
    if done.timed_out:
        return f"no answer within {_SECONDS} s"
    lines = [line.strip() for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
    return f"it ends with {lines[-1][:200]!r}" if lines else "it says nothing"
