# SPDX-License-Identifier: GPL-2.0-only
"""File names as diffs write them: quoted, prefixed, dated; and whether they stay in the tree."""

from __future__ import annotations

import itertools
import posixpath
import re

from harness.errors import UserError

Pair = tuple[str | None, str | None]  # (old, new); None stands for /dev/null

# Escapes of git's quote.c, which are those of C.
_ESCAPE = re.compile(rb'\\([abfnrtv"\\]|[0-3][0-7]{2})')
_LETTERS = dict(zip(b'abfnrtv"\\', b'\a\b\f\n\r\t\v"\\', strict=True))
_NULL = "/dev/null"
_SLASHES = re.compile("/{2,}")
SYMLINK = "120000"


def unquote(name: bytes) -> str:
    """A name as text (UTF-8 with surrogateescape), without git's C-style quotes if it has them."""
    if len(name) > 1 and name[:1] == name[-1:] == b'"':
        name = _ESCAPE.sub(_unescape, name[1:-1])
    return name.decode("utf-8", "surrogateescape")


def _unescape(found: re.Match[bytes]) -> bytes:
    escape = found[1]
    return bytes([_LETTERS[escape[0]] if len(escape) == 1 else int(escape, 8)])


def of_file_line(rest: bytes) -> str | None:
    """The name in what follows ``--- `` or ``+++ ``; a tab ends it, as GNU diff adds a date."""
    name = unquote(rest.split(b"\t", 1)[0])
    return None if name == _NULL else name


def of_header(rest: bytes) -> Pair:
    """Both names of ``diff --git OLD NEW``, or two Nones if they cannot be told apart.

    Names may hold blanks. Without a rename they are equal up to prefixes of equal length, so the middle divides them.
    """
    if rest.startswith(b'"'):
        quoted = re.fullmatch(rb'("(?:[^"\\]|\\.)*") (.*)', rest)
        return (unquote(quoted[1]), unquote(quoted[2])) if quoted else (None, None)
    middle = len(rest) // 2
    old, blank, new = rest[:middle], rest[middle : middle + 1], rest[middle + 1 :]
    if blank != b" " or old.split(b"/", 1)[-1] != new.split(b"/", 1)[-1]:
        old, _, new = rest.partition(b" ")
    return (unquote(old), unquote(new)) if old and new else (None, None)


def unprefixed(header: Pair, named: Pair, bare: Pair) -> bool:
    """True for a name without "a/" and "b/", as ``diff.noprefix`` makes them: then nothing is to be stripped."""
    if bare[0] is not None:
        return header[0] == bare[0]
    old, new = header if header != (None, None) else named
    return old is not None and old == new and not old.startswith(("a/", "b/"))


def resolve(named: Pair, bare: Pair, strip: int) -> Pair:
    """Names relative to the tree."""
    if bare[0] is not None and bare[1] is not None:
        return _squashed(bare[0]), _squashed(bare[1])
    old, new = (name if name is None or not strip else _stripped(name) for name in named)
    return _squashed(old), _squashed(new)


def _squashed(name: str | None) -> str | None:
    """Several slashes are one, as git-apply(1) reads them (apply.c, squash_slash)."""
    return None if name is None else _SLASHES.sub("/", name)


def _stripped(name: str) -> str:
    # An absolute name has nothing to strip: it stays what it is, to be refused.
    name = _SLASHES.sub("/", name)
    head, slash, rest = name.partition("/")
    return rest if slash and head else name


def leaves_tree(name: str) -> bool:
    """True for a name that is absolute, climbs with "..", or reaches into git's own directory."""
    parts = name.split("/")
    return not name or name.startswith("/") or ".." in parts or any(part.lower() == ".git" for part in parts)


def link_leaves_tree(name: str, target: str) -> bool:
    """True if a symbolic link ``name`` to ``target`` points out of the tree."""
    end = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
    return target.startswith("/") or leaves_tree(end)


def climbs_behind_name(target: str) -> bool:
    """True if ``target`` has ".." behind a name: where that leads depends on whether the name is a link itself."""
    parts = [part for part in target.split("/") if part not in ("", ".")]
    return ".." in itertools.dropwhile(lambda part: part == "..", parts)


def check_path(name: str, mode: str, link_target: str, where: str) -> None:
    """Refuse what a patch to a kernel tree must not touch. ``mode``: as git writes it, "" if not said.

    Raises ``UserError``.
    """
    shown = ascii(name)
    if "\0" in name:
        raise UserError(f"{shown} is no name that a file can have", where=where, hint="remove it from the patch")
    if "\r" in name + mode:
        what = f"{shown} ends in a carriage return (CR): the ends of its lines were changed on the way"
        raise UserError(what, where=where, hint="get the mail as it was sent (raw), or put LF at the end of each line")
    if leaves_tree(name):
        raise UserError(f"{shown} is outside the kernel tree", where=where, hint="remove that file from the patch")
    if mode == "160000":
        raise UserError(f"{shown} is a submodule, which a kernel tree has none of", where=where, hint="remove it")
    if mode and not re.fullmatch("100[0-7]{3}|120000", mode):
        what = f"{shown} is neither a file nor a symbolic link (mode {mode[:12]})"
        raise UserError(what, where=where, hint="remove it from the patch")
    if mode == SYMLINK and climbs_behind_name(link_target):
        what = f"the symbolic link {shown} may lead out of the kernel tree, to {link_target!a}"
        raise UserError(what, where=where, hint="write its target with .. at the start only")
    if mode == SYMLINK and link_target and link_leaves_tree(name, link_target):
        what = f"the symbolic link {shown} points out of the kernel tree, to {link_target!a}"
        raise UserError(what, where=where, hint="remove it from the patch")
