# SPDX-License-Identifier: GPL-2.0-only
"""What a series says and touches, read off its patches alone: files, Kconfig symbols, exports, functions."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from harness.intake import mail_fields
from harness.series import Patch, PatchFacts, SeriesFacts
from harness.unified_diff import FileDiff, Hunk

# Indented with tabs or with blanks alone: a help text is indented with both, and a hunk may begin in one.
_CONFIG = re.compile(rb"(?:\t*| *)(?:menu)?config[ \t]+(\w+)[ \t]*(?:#.*)?$")
MAX_DIFF = 1 << 18
"""Bytes of a diff that a report shows: longer ones are read elsewhere."""

_OTHER = re.compile(rb"(?:\t*| *)(?:(?:main|end)?menu|(?:end)?choice|(?:end)?if|source|comment)\b")
_HELP = re.compile(rb"[ \t]*(?:help|---help---)[ \t]*$")


@dataclass(frozen=True)
class Entry:
    """A line in the entry of ``symbol``. ``marker``: of the diff. ``defines``: it is the first."""

    marker: bytes
    symbol: str
    defines: bool


def entries(hunk: Hunk) -> Iterator[Entry]:
    """The lines of ``hunk`` in entries of symbols, without blank ones."""
    begun = _CONFIG.match(hunk.section)
    current = begun[1].decode() if begun else ""
    help_at: int | None = None  # how far the word is indented below which this is the text
    for line in hunk.body:
        marker, text = line[:1], line[1:].expandtabs().rstrip()
        if not text or marker == b"\\":
            continue
        indent = len(text) - len(text.lstrip())
        if help_at is None or indent <= help_at:
            help_at = indent if _HELP.match(text) else None
            if name := _CONFIG.match(line[1:]):
                current = name[1].decode()
                yield Entry(marker, current, True)
                continue
            if _OTHER.match(line[1:]):
                current = ""
        if current:
            yield Entry(marker, current, False)


def added_symbols(patches: Sequence[Patch]) -> tuple[str, ...]:
    """Symbols that ``patches`` define and did not take from elsewhere, in order."""
    return _only_in(_defined(patches, b"+"), _defined(patches, b"-"))


def removed_symbols(patches: Sequence[Patch]) -> tuple[str, ...]:
    """Symbols of which ``patches`` drop the definition, in order."""
    return _only_in(_defined(patches, b"-"), _defined(patches, b"+"))


def _only_in(here: Sequence[str], there: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(symbol for symbol in here if symbol not in there))


def _defined(patches: Sequence[Patch], marker: bytes) -> list[str]:
    files = (file for patch in patches for file in patch.parsed.files)
    kconfig = (file for file in files if PurePath(file.path).name.startswith("Kconfig"))
    found = (entry for file in kconfig for hunk in file.hunks for entry in entries(hunk))
    return [entry.symbol for entry in found if entry.defines and entry.marker == marker]


_EXPORT = re.compile(rb"\s*EXPORT_(?:STATIC_CALL|\w*SYMBOL)(?:_\w+)?\(\s*(\w+)")
# The first line of a definition in kernel style: the name stands before the first parenthesis.
_FUNCTION = re.compile(rb"(?:[A-Za-z_][\w \t*]*[ \t*])?([A-Za-z_]\w*)\([^;]*$")
# What is also at the left margin, and has a parenthesis.
_NO_FUNCTION = re.compile(rb"(?:[A-Z][A-Z0-9_]*|if|for|while|switch|return|struct|typedef|do|else|__\w+|defined)$")
_SOURCES = (".c", ".h", ".S")


@dataclass
class _Found:
    """Names while they are found; dicts keep the order."""

    plus: dict[str, None] = field(default_factory=dict)
    minus: dict[str, None] = field(default_factory=dict)
    inside: dict[str, None] = field(default_factory=dict)

    def changed(self, marker: bytes, name: str) -> None:
        (self.plus if marker == b"+" else self.minus)[name] = None

    @property
    def added(self) -> tuple[str, ...]:
        return tuple(name for name in self.plus if name not in self.minus)

    @property
    def removed(self) -> tuple[str, ...]:
        return tuple(name for name in self.minus if name not in self.plus)

    @property
    def kept(self) -> tuple[str, ...]:
        """Changed, but neither new nor gone."""
        both = [name for name in self.plus if name in self.minus]
        inside = [name for name in self.inside if name not in self.plus and name not in self.minus]
        return (*both, *inside)


def facts_of(patches: Sequence[Patch]) -> SeriesFacts:
    """What ``patches`` say and touch. Pure. Of a series that adds and removes the same again nothing is left out."""
    symbols, exports, functions = _Found(), _Found(), _Found()
    for patch in patches:
        for file in patch.parsed.files:
            if posixpath.basename(file.path).startswith("Kconfig"):
                _symbols(file.hunks, symbols)
            elif file.path.endswith(_SOURCES):
                _exports(file.hunks, exports)
                functions.inside.update(dict.fromkeys(_functions(file)))
    first = next((patch for patch in patches if patch.base_commit), None)
    return SeriesFacts(
        patches=tuple(map(_of_patch, patches)),
        files=_each_once(mail_fields.safe(name) for patch in patches for name in patch.files),
        symbols_added=symbols.added,
        symbols_removed=symbols.removed,
        symbols_changed=symbols.kept,
        exports_added=exports.added,
        exports_removed=exports.removed,
        functions=tuple(functions.inside),
        base_commit=first.base_commit if first is not None else "",
        prerequisites=_each_once(identity for patch in patches for identity in patch.prerequisites),
        notes=_each_once(note for patch in patches for note in patch.notes),
        cover=next((patch.cover for patch in patches if patch.cover is not None), None),
    )


def _of_patch(patch: Patch) -> PatchFacts:
    digest = hashlib.sha256(patch.diff).hexdigest()
    return PatchFacts(
        patch.subject,
        patch.author,
        patch.date,
        patch.tags,
        patch.patch_id,
        patch.known,
        digest,
        patch.mail,
        patch.diff.decode("utf-8", "surrogateescape") if len(patch.diff) <= MAX_DIFF else "",
    )


def _each_once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _symbols(hunks: Sequence[Hunk], found: _Found) -> None:
    for entry in (entry for hunk in hunks for entry in entries(hunk) if entry.marker in b"+-"):
        if entry.defines:
            found.changed(entry.marker, entry.symbol)
        else:
            found.inside[entry.symbol] = None


def _exports(hunks: Sequence[Hunk], found: _Found) -> None:
    for hunk in hunks:
        for line in hunk.body:
            if line[:1] in (b"+", b"-") and (name := _EXPORT.match(line[1:])):
                found.changed(line[:1], name[1].decode())


def _functions(file: FileDiff) -> Iterator[str]:
    for hunk in file.hunks:
        yield from _touched(hunk)


def _touched(hunk: Hunk) -> Iterator[str]:
    """Functions of which a line is changed, from the name to the closing brace at the left margin."""
    current = _function(hunk.section)
    inside = bool(current)
    waiting = False  # a line of it is changed, but it may still be a declaration
    for line in hunk.body:
        marker, text = line[:1], line[1:]
        if name := _function(text):
            current, inside, waiting = name, False, False
        elif _begins_data(text):
            current, inside, waiting = "", False, False
        if current and marker in b"+-" and (not inside or _in_body(text)):
            waiting = True
        if current and (text.startswith(b"{") or text.rstrip().endswith(b"{")):
            inside = True
        if waiting and inside:
            yield current
            waiting = False
        if text.startswith(b"}") or (text.rstrip().endswith(b";") and (not inside or _at_margin(text))):
            current, inside, waiting = "", False, False


def _function(text: bytes) -> str:
    found = _FUNCTION.match(text)
    return found[1].decode() if found and not _NO_FUNCTION.match(found[1]) else ""


def _at_margin(text: bytes) -> bool:
    """True if a declaration or a definition may begin here."""
    return bool(re.match(rb"[A-Za-z_]", text))


def _begins_data(text: bytes) -> bool:
    """True for the first line of a struct, or of a variable's value."""
    return _at_margin(text) and text.rstrip().endswith(b"{") and (b")" not in text or b"=" in text)


def _in_body(text: bytes) -> bool:
    """Below a function that ended before the hunk there are lines at the left margin that are not in it."""
    return text[:1] in (b"\t", b"{", b"}") or bool(re.match(rb"\w+:\s*$|[ ]{2,}\S", text))
