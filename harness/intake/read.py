# SPDX-License-Identifier: GPL-2.0-only
"""Taking patches in: from a file, a pipe or a directory to ``Patch`` values, in the order to apply them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.errors import UserError
from harness.intake import mail, names, order
from harness.intake.diff import Diff, FileDiff, added_lines, parse_diff
from harness.model import Patch

MAX_BYTES = 64 << 20
_QUOTED = re.compile(rb"(?m)^(?:>[ \t]?)+(?:diff --git |@@ -\d|\+\+\+ \S)")
_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ACCEPTED = "give a mail, an mbox, a diff, or a directory of *.patch files"
_Placed = tuple[order.Place, Patch]


def read_patches(paths: Sequence[Path]) -> tuple[Patch, ...]:
    """Read patches in the order of ``paths``; within an mbox or a directory, in the order of ``[PATCH n/m]``.

    Each path is a mail, an mbox, a diff, or a directory of ``*.patch`` files. Cover letters, discussion in a
    mailbox and exact copies are skipped. Raises ``UserError`` for all that cannot be used.
    """
    patches = tuple(patch for path in paths for patch in _from_path(path))
    seen: dict[bytes, str] = {}
    for patch in patches:
        if (other := seen.setdefault(patch.diff, patch.origin)) != patch.origin:
            raise UserError(f"is the same patch as {other}", where=patch.origin, mend="give it once")
    return patches


def _from_path(path: Path) -> list[Patch]:
    if path.is_dir():
        return _from_directory(path)
    return order.in_series_order(_from_file(path), str(path))


def _from_directory(directory: Path) -> list[Patch]:
    files = sorted(directory.glob("*.patch"))
    if not files:
        raise UserError("directory without *.patch files", where=str(directory), mend=_ACCEPTED)
    placed = [entry for file in files for entry in _from_file(file, in_series=True)]
    if not placed:
        raise UserError("only cover letters here", where=str(directory), mend=_ACCEPTED)
    return order.in_series_order(placed, str(directory))


def _from_file(path: Path, *, in_series: bool = False) -> list[_Placed]:
    """``in_series``: a mail's number counts. One that the user names alone may be any of its series."""
    data = _load(path)
    if not mail.is_mail(data):
        return [(order.place(""), _patch(str(path), path.stem, "", parse_diff(data, str(path)), data))]
    try:
        found = list(mail.letters(data))
    except RecursionError as error:
        raise UserError("its parts are nested too deep to be a mail", where=str(path), mend=_ACCEPTED) from error
    if len(found) > 1:
        return _from_mailbox(path, found)
    [letter] = found
    spot = order.place(letter.subject if in_series else "")
    if spot.is_cover:
        return []
    return [(spot, _from_letter(letter, str(path)))]


def _from_mailbox(path: Path, letters: Sequence[mail.Letter]) -> list[_Placed]:
    """A mailbox may be a whole thread of a list archive: covers, replies and copies are no patches."""
    placed: list[_Placed] = []
    for number, letter in enumerate(letters, 1):
        spot = order.place(letter.subject)
        if spot.is_cover or order.is_reply(letter.subject) or not (spot.total or _has_diff(letter)):
            continue
        patch = _from_letter(letter, f"{path}, message {number}")
        if not any(_same(patch, other) for _, other in placed):
            placed.append((spot, patch))
    if not placed:
        raise UserError(f"none of its {len(letters)} mails is a patch", where=str(path), mend=_ACCEPTED)
    return placed


def _has_diff(letter: mail.Letter) -> bool:
    return bool(re.search(rb"(?m)^(?:diff --git |\+\+\+ \S)", letter.text))


def _same(one: Patch, other: Patch) -> bool:
    return (one.subject, one.diff) == (other.subject, other.diff)


def _from_letter(letter: mail.Letter, origin: str) -> Patch:
    if not letter.text.strip():
        raise UserError("the mail is empty", where=origin, mend=_ACCEPTED)
    place = f"{origin}, decoded text" if letter.encoded else origin
    diff = parse_diff(letter.text, place, letter.first_line)
    return _patch(origin, order.title(letter.subject), letter.author, diff, letter.text)


def _patch(origin: str, subject: str, author: str, diff: Diff, text: bytes) -> Patch:
    if not diff.files:
        raise _no_diff(origin, text)
    for file in diff.files:
        _check(file, origin)
    touched = [name for file in diff.files for name in (file.old, file.new) if name is not None]
    return Patch(
        origin=origin,
        subject=subject,
        author=author,
        diff=diff.data,
        files=tuple(dict.fromkeys(touched)),
        added=_added(diff.files),
        message=_message(text) if author else "",  # of a mere diff it is anything
    )


def _message(text: bytes) -> str:
    """What stands before the diff, and before the line that git cuts it off at."""
    head = re.split(rb"(?m)^(?:---\s*$|diff --git |--- \S|Index: )", text, maxsplit=1)[0]
    return head.decode("utf-8", "replace").strip()


def _added(files: tuple[FileDiff, ...]) -> dict[str, frozenset[int]]:
    added: dict[str, frozenset[int]] = {}
    for name, lines in added_lines(files):
        added[name] = added.get(name, frozenset()) | lines
    return added


def _no_diff(origin: str, text: bytes) -> UserError:
    if _QUOTED.search(text):
        mend = "give the mail it answers, or the patch itself"
        return UserError("this is a reply that quotes a patch; quoted patches are not read", where=origin, mend=mend)
    return UserError("no diff in it", where=origin, mend=_ACCEPTED)


def _check(file: FileDiff, origin: str) -> None:
    target = b""
    if file.mode == names.SYMLINK:
        target = b"".join(line for hunk in file.hunks for line in hunk.after)
    for name in filter(None, (file.old, file.new)):
        names.check(name, file.mode, target.decode("utf-8", "surrogateescape"), f"{origin}, line {file.line}")


def _load(path: Path) -> bytes:
    """The whole file, refused if it cannot be text. A pipe or ``/dev/stdin`` works too."""
    try:
        with path.open("rb") as handle:
            data = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=str(path), mend=_ACCEPTED) from error
    for what, mend in _unusable(data):
        raise UserError(what, where=str(path), mend=mend)
    return data.removeprefix(b"\xef\xbb\xbf")


def _unusable(data: bytes) -> Iterator[tuple[str, str]]:
    """What is wrong with ``data`` as a whole, and what to do about it."""
    if len(data) > MAX_BYTES:
        yield f"larger than {MAX_BYTES >> 20} MiB: not a patch", _ACCEPTED
    if not data.strip():
        yield "empty", _ACCEPTED
    for magic, kind in _COMPRESSED.items():
        if data.startswith(magic):
            yield f"compressed with {kind}", "decompress it first"
    if data.startswith(_UTF16):
        yield "is UTF-16 text", "save it as UTF-8"
    if b"\0" in data:
        yield "binary data, not a patch", _ACCEPTED
