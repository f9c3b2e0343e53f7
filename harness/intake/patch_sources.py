# SPDX-License-Identifier: GPL-2.0-only
"""Where patches are read from, as bytes: files, compressed or not, directories of patches, list archives through b4."""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

from harness import process
from harness.errors import InfrastructureError, UserError
from harness.intake.diff_paths import leaves_tree
from harness.paths import is_directory, is_file
from harness.scratch import scratch

_FILE_LINE = re.compile(rb"(?m)^(?:diff --git |\+\+\+ )[^\n]*")
MAX_BYTES = 64 << 20
ACCEPTED = "give a mail, an mbox, a diff, a directory of *.patch files, or a range A..B of commits"
_CHUNK = 4096  # what follows the end of one is copied: many small ones must not copy the whole file each
_MAX_DICTIONARY = 256 << 20
_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class _Decompressor(Protocol):
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...


def load(path: Path) -> bytes:
    """The whole text in ``path``, which may be a pipe, or compressed with gzip, bzip2 or xz.

    Raises ``UserError`` for what cannot be read, is too large, even decompressed, or cannot be text.
    """
    try:
        with path.open("rb") as handle:
            data = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=str(path), hint=ACCEPTED) from error
    return usable_text(data, str(path))


def usable_text(data: bytes, origin: str) -> bytes:
    """``data`` decompressed, without a byte order mark. Raises as ``load`` does."""
    if len(data) <= MAX_BYTES:
        data = _decompressed(data, origin)
    for what, hint in _unusable(data):
        raise UserError(what, where=origin, hint=hint)
    return single_returns(data.removeprefix(b"\xef\xbb\xbf"))


def single_returns(text: bytes) -> bytes:
    """``text`` with CR LF where each of its lines ends in CR CR LF: a transfer as text made two line ends of one.

    Its first line tells, and that of a file's name: the second CR of another line may be the file's own.
    """
    first = text.lstrip(b"\r\n").split(b"\n", 1)[0]
    named = _FILE_LINE.search(text)
    twice = first.endswith(b"\r\r") or (named is not None and named[0].endswith(b"\r\r"))
    return text.replace(b"\r\r\n", b"\r\n") if twice else text


def _decompressed(data: bytes, origin: str) -> bytes:
    """List archives hand out whole threads as ``t.mbox.gz``. One byte too many is enough to know."""
    pieces: list[bytes] = []
    size = at = 0
    while (kind := _kind(data[at : at + 8])) and size <= MAX_BYTES:
        decompressor = _decompressor(kind)
        try:
            while not decompressor.eof and at < len(data) and size <= MAX_BYTES:
                chunk = data[at : at + _CHUNK]
                pieces.append(decompressor.decompress(chunk, MAX_BYTES + 1 - size))
                size += len(pieces[-1])
                at += len(chunk) - len(decompressor.unused_data)
        except (zlib.error, OSError, lzma.LZMAError, EOFError) as error:
            raise UserError(f"damaged {kind} data", where=origin, hint="fetch it again, or decompress it") from error
        if not decompressor.eof and size <= MAX_BYTES:
            raise UserError(f"{kind} data that ends too early", where=origin, hint="fetch it again")
    # Several such files one after the other are one, and zeros may fill up the last block.
    rest = data[at:]
    return b"".join(pieces) + (b"" if size > MAX_BYTES or (at and not rest.strip(b"\0")) else rest)


def _kind(data: bytes) -> str:
    return next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), "")


def _decompressor(kind: str) -> _Decompressor:
    if kind == "gzip":
        return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    return bz2.BZ2Decompressor() if kind == "bzip2" else lzma.LZMADecompressor(memlimit=_MAX_DICTIONARY)


def _unusable(data: bytes) -> Iterator[tuple[str, str]]:
    """What is wrong with ``data`` as a whole, and what to do about it."""
    if len(data) > MAX_BYTES:
        yield f"larger than {MAX_BYTES >> 20} MiB: not a patch", ACCEPTED
    if not data.strip():
        yield "empty", ACCEPTED
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        yield "compressed with zstd", "decompress it first"
    if data.startswith(_UTF16):
        yield "is UTF-16 text", "save it as UTF-8"
    if b"\0" in data:
        yield "binary data, not a patch", ACCEPTED


_SERIES = "series"
_SHOWN = 5
_AS_QUILT = "name one patch a line, as quilt does"


@dataclass(frozen=True)
class Folder:
    """``files``: in order. ``maildir``: each is a mail. ``settled``: a list gives the order, whatever mails say.

    ``notes``: what is to be said about it.
    """

    files: tuple[Path, ...]
    maildir: bool = False
    settled: bool = False
    notes: tuple[str, ...] = ()


def open_folder(directory: Path) -> Folder:
    """What there is in ``directory``: a maildir, quilt's patches, or ``*.patch`` files. Raises ``UserError``."""
    entries = _entries(directory)
    boxes = [box for box in (directory / "cur", directory / "new") if is_directory(box)]
    if boxes:
        found = Folder(tuple(sorted(file for box in boxes for file in _entries(box) if file.is_file())), maildir=True)
    elif is_file(directory / _SERIES):
        found = _quilt(directory, entries)
    else:
        patches = [file for file in entries if file.name.endswith(".patch")]
        mails = [file for file in entries if file.name.endswith(".eml")]
        found = Folder(tuple(sorted(patches or mails, key=_natural)))
    if not found.files:
        raise UserError("directory without *.patch files", where=str(directory), hint=ACCEPTED)
    return found


def _entries(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=str(directory), hint=ACCEPTED) from error


def _natural(file: Path) -> tuple[list[str | int], str]:
    """9-x.patch comes before 10-x.patch; texts and numbers alternate."""
    parts = re.split(r"([0-9]+)", file.stem)
    return [int(part) if at % 2 else part for at, part in enumerate(parts)], file.name


def _quilt(directory: Path, entries: Sequence[Path]) -> Folder:
    files = tuple(_listed(directory))
    left = [file.name for file in entries if file.name.endswith(".patch") and file not in files]
    more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
    notes = [f"in the order of the file {_SERIES} in {directory}"]
    notes += [f"left out, not in the file {_SERIES}: {', '.join(left[:_SHOWN])}{more}"] if left else []
    return Folder(files, settled=True, notes=tuple(notes))


def _listed(directory: Path) -> Iterator[Path]:
    """The files that quilt's list names, with "#" for comments, and -p1 as the only option."""
    lines = load(directory / _SERIES).decode("utf-8", "surrogateescape").splitlines()
    for number, line in enumerate(lines, 1):
        name, *options = re.sub(r"(?:^|\s)#.*", "", line).split() or [""]
        where = f"{directory / _SERIES}, line {number}"
        if options and options != ["-p1"]:
            what = f"{name} is applied with {' '.join(options)}; only -p1 can be"
            raise UserError(what, where=where, hint="make that patch again, as git does")
        if name and (leaves_tree(name) or not is_file(directory / name)):
            raise UserError(f"{name!a} is no file in this directory", where=where, hint=_AS_QUILT)
        if name:
            yield directory / name


_ID = r"[^\s<>/@]+@[^\s<>/@]+"
# pathlib has made one slash of the two after "https:".
_FORMS = (
    re.compile(rf"lore:<?({_ID})>?"),
    re.compile(rf"<({_ID})>"),
    re.compile(rf"https?:/+[^/]+/(?:[^/]+/)*?({_ID})(?:/.*)?"),
)
_SECONDS = 180
_SAVE = "save the thread as an mbox, and give that with -p"


def archived_id(name: str) -> str | None:
    """The id in ``lore:ID``, ``<ID>`` or the address of a mail in a list archive; None if ``name`` is none of these."""
    plain = unquote(name)
    return next((found[1] for form in _FORMS if (found := form.fullmatch(plain))), None)


def fetch_thread(name: str, wanted: str) -> list[bytes]:
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
