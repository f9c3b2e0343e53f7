# SPDX-License-Identifier: GPL-2.0-only
"""Patches of ours, wrapped into mails of every shape that lists, mail programs and people make of them.

A shape is an encoding of a body; a body is a patch as it was sent, or as somebody's reply quotes it.
"""

from __future__ import annotations

import base64
import gzip
import lzma
import quopri
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.paths import PATCHES

Wrap = Callable[[bytes], bytes]

SEPARATOR = b"From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\n"
AUTHOR = "Änne Müller <anne.mueller@example.com>"
TAG = "Signed-off-by: " + AUTHOR
FOOTER = b"_______________________________________________\nmemory mailing list\nmemory@lists.example.com\n"
WROTE = "On Wed, Feb 19, 2020 at 01:59:04PM +0100, Änne Müller wrote:\n".encode()


@dataclass(frozen=True)
class Known:
    """A patch of which everything is known. ``diff``: exactly what has to come out."""

    name: str
    title: str
    diff: bytes

    @property
    def body(self) -> bytes:
        """What git format-patch would write below the header."""
        lines = [line for line in self.diff.split(b"\n") if not line.startswith((b"+++ ", b"--- "))]
        counts = [sum(line.startswith(marker) for line in lines) for marker in (b"+", b"-")]
        files = self.diff.count(b"diff --git ")
        stat = f" {files} file{'s' * (files > 1)} changed, {counts[0]} insertions(+), {counts[1]} deletions(-)\n"
        return f"It has reasons.\n\n{TAG}\n---\n{stat}\n".encode() + self.diff + b"-- \n2.39.5\n\n"


ODD = (
    b"diff --git a/drivers/dma-buf/new file.c b/drivers/dma-buf/new file.c\nnew file mode 100755\n"
    b"index 000000000000..1111111111\n--- /dev/null\n+++ b/drivers/dma-buf/new file.c\t\n@@ -0,0 +1,5 @@\n"
    b"+\t/* K\xc3\xb6nig \xe2\x82\xac */\n+> not a quote\n+From here on\n+\n+-- \n"
    b"diff --git a/lib/old.c b/lib/new.c\nsimilarity index 90%\nrename from lib/old.c\nrename to lib/new.c\n"
    b"index 1111111..2222222 100644\n--- a/lib/old.c\n+++ b/lib/new.c\n@@ -1,3 +1,3 @@ static int show(void)\n"
    b" \n-x = 1;\n+x = 0x3D=2;\n \tend\n\\ No newline at end of file\n"
    b"diff --git a/gone b/gone\ndeleted file mode 100644\nindex 1111111..0000000\n--- a/gone\n+++ /dev/null\n"
    b"@@ -1 +0,0 @@\n-. a dot\n"
)


def known_patches() -> list[Known]:
    """The bundled series, some of the planted faults, and one with all that is odd in a diff."""
    files = sorted((PATCHES / "series").glob("*/*.patch")) + sorted((PATCHES / "faults").glob("*.patch"))[::16]
    return [*(_known(file) for file in files), Known("odd", "lib: an odd patch", ODD)]


def _known(file: Path) -> Known:
    text = file.read_bytes()
    found = re.search(rb"(?m)^Subject: (?:\[[^\]]*\] )?([^\n]*)", text)
    begin = text.index(b"diff --git ")
    end = text.rfind(b"\n-- \n")
    diff = text[begin : end + 1] if end > begin else text[begin:]
    return Known(file.stem, found[1].decode() if found else file.stem, diff)


# --- bodies -----------------------------------------------------------------------------------


def quoted(text: bytes, mark: bytes = b"> ") -> bytes:
    return b"".join(mark + line + b"\n" for line in text.rstrip(b"\n").split(b"\n"))


def trimmed(text: bytes) -> bytes:
    """Blanks at the ends of quote marks gone, as many editors leave it."""
    return re.sub(rb"(?m)^((?:> ?)+)$", lambda found: found[1].rstrip(), text)


def commented(text: bytes) -> bytes:
    """A comment after every third line, tags among them."""
    lines = text.splitlines(keepends=True)
    own = [b"\nWhy that?\n\n", b"\n\nReviewed-by: Bob <bob@example.com>\n\n", b"\n+1 to this, or diff it\n \n"]
    return b"".join(line + (own[at // 3 % 3] if at % 3 == 2 else b"") for at, line in enumerate(lines))


BODIES: dict[str, Callable[[Known], bytes]] = {
    "as sent": lambda known: known.body,
    "with a list's footer": lambda known: known.body + FOOTER,
    "diff alone": lambda known: known.diff,
    "quoted": lambda known: WROTE + quoted(known.body) + b"\nNice.\n" + FOOTER,
    "quoted without blanks": lambda known: WROTE + quoted(known.body, b">"),
    "quoted and trimmed": lambda known: WROTE + trimmed(quoted(known.body)),
    "quoted with comments": lambda known: WROTE + commented(quoted(known.body)) + b"-- \nBob\n",
    "quoted twice": lambda known: b"> " + WROTE + quoted(quoted(known.body), b"> ") + b"> Yes.\n\nNo.\n",
    "quoted twice, tight": lambda known: quoted(quoted(known.body), b">") + b"> Yes.\n\nNo.\n",
    "quoted three times, commented": lambda known: commented(quoted(quoted(quoted(known.body)))),
    "quoted below the answer": lambda known: b"Applied, thanks.\n\n" + WROTE + b"\n" + quoted(known.body),
}


# --- encodings --------------------------------------------------------------------------------


def header(subject: str, extra: str = "") -> bytes:
    return (
        f"From: Bob <bob@example.com>\nSubject: {subject}\nDate: Wed, 26 Feb 2020 10:09:59 +0000\n"
        f"Message-ID: <1@example.com>\n{extra}\n"
    ).encode()


def _typed(encoding: str, charset: str = "utf-8") -> str:
    return f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: {encoding}\nMIME-Version: 1.0\n"


def flowed(text: bytes) -> bytes:
    """RFC 3676, wrapped after each long line's first blank: what is quoted keeps its mark on each part."""
    lines = []
    for line in text.split(b"\n"):
        rest = line.lstrip(b">")
        mark = line[: len(line) - len(rest)]
        content = rest.removeprefix(b" ") if mark else rest
        at = content.find(b" ", 30)
        wraps = at > 0 and content[at + 1 :].strip() and content.rstrip() == content
        parts = [content[: at + 1], content[at + 1 :]] if wraps else [content]
        lines += [mark + (b" " if mark or part[:1] in (b" ", b">") else b"") + part for part in parts]
    return b"\n".join(lines)


def encodings(subject: str) -> dict[str, Wrap]:
    head = header(subject)
    return {
        "8bit": lambda body: header(subject, _typed("8bit")) + body,
        "in an mbox": lambda body: SEPARATOR + head + body + b"\n",
        "CRLF": lambda body: (head + body).replace(b"\n", b"\r\n"),
        "quoted-printable": lambda body: header(subject, _typed("quoted-printable")) + quopri.encodestring(body),
        "base64": lambda body: header(subject, _typed("base64")) + base64.encodebytes(body),
        "base64 of CRLF": lambda body: (
            header(subject, _typed("base64")) + base64.encodebytes(body.replace(b"\n", b"\r\n"))
        ),
        "UTF-16": lambda body: (
            header(subject, _typed("base64", "utf-16")) + base64.encodebytes(body.decode().encode("utf-16"))
        ),
        "gzip": lambda body: gzip.compress(head + body),
        "xz": lambda body: lzma.compress(head + body),
        "multipart": lambda body: (
            header(subject, 'Content-Type: multipart/mixed; boundary="b"\nMIME-Version: 1.0\n')
            + b"--b\nContent-Type: text/plain\n\n"
            + body
            + b"\n--b\nContent-Type: text/html\n\n<p>x\n--b--\n"
        ),
    }


def shapes() -> Iterator[tuple[str, Known, bytes]]:
    """(name, the patch, the file): every body of every patch in every encoding that can carry it."""
    for known in known_patches():
        for body_name, body in BODIES.items():
            subject = f"{'Re: ' if 'quoted' in body_name else ''}[PATCH v2 3/7] {known.title}"
            for name, wrap in encodings(subject).items():
                yield f"{known.name}, {body_name}, {name}", known, wrap(body(known))
            # Without a blank behind the mark, the first blank of a line would be lost: nobody sends that as flowed.
            if b" \n" not in known.diff.replace(b"\n \n", b"\n") and "without blanks" not in body_name:
                text = flowed(body(known))
                head = header(subject, "Content-Type: text/plain; charset=utf-8; format=flowed\n")
                yield f"{known.name}, {body_name}, flowed", known, head + text


def archive_page(known: Known) -> bytes:
    """The text of a list archive's page, which knows no "@"."""
    body = WROTE + commented(quoted(known.body))
    page = f"[PATCH 1/7] {known.title}\n\nBob bob at example.com\nWed Feb 26 10:09:59 UTC 2020\n\n\n".encode() + body
    return re.sub(rb"(\w)@(\w)", rb"\1 at \2", page) + b"\nMore information about the memory mailing list\n"
