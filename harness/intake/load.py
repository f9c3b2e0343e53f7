# SPDX-License-Identifier: GPL-2.0-only
"""The bytes of a patch file, decompressed if need be: never more of them than a patch can have."""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from harness.errors import UserError

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
    return plain(data, str(path))


def plain(data: bytes, origin: str) -> bytes:
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
