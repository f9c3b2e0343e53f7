# SPDX-License-Identifier: GPL-2.0-only
"""Which config symbols a file needs to be compiled, as the tree's Makefiles say (Documentation/kbuild/makefiles.rst).

Enough of the language for ``obj-$(CONFIG_X) += x.o``, composite objects, nested directories and conditional blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_LINE = re.compile(
    r"\s*(?P<stem>[\w./-]+?)-(?P<when>y|m|objs|\$\(.*?CONFIG_(?P<symbol>\w+)\)+)\s*[:+?]?=\s*(?P<words>.*)"
)
_BLOCK = re.compile(r"\s*(?P<word>ifdef|ifndef|ifeq|ifneq|else|endif)\b(?P<rest>.*)")
_ON = re.compile(r"\s*\(\s*\$\(CONFIG_(?P<symbol>\w+)\)\s*,\s*(?P<value>\w*)\s*\)")
_TOP = frozenset({"obj", "lib", "core", "drivers", "net", "libs"})  # lists of kbuild's own, not composite objects


@dataclass(frozen=True)
class MakefileEntry:
    """``words`` belong to the list ``stem`` ("obj", or an object made of several) while all ``symbols`` are on."""

    stem: str
    symbols: tuple[str, ...]
    words: tuple[str, ...]


class Makefiles:
    """Those of the tree at ``root``, each read once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read: dict[PurePosixPath, tuple[MakefileEntry, ...]] = {}

    def chains(self, source: str) -> list[tuple[str, ...]]:
        """Alternatives for a file to be compiled: symbols that must be on, outermost directory first.

        None if no Makefile names it.
        """
        return list(dict.fromkeys(self._object(PurePosixPath(source).with_suffix(".o"), frozenset())))

    def _object(self, path: PurePosixPath, seen: frozenset[PurePosixPath]) -> Iterator[tuple[str, ...]]:
        """Of an object, or of a directory (its path ends in a name without a suffix)."""
        for directory in path.parents:
            name = str(path.relative_to(directory))
            for entry in self._entries(directory):
                if name not in entry.words and f"{name}/" not in entry.words:
                    continue
                if entry.stem in _TOP:
                    yield from ((*outer, *entry.symbols) for outer in self._directory(directory, seen))
                elif (whole := directory / f"{entry.stem}.o") != path and whole not in seen:
                    yield from ((*outer, *entry.symbols) for outer in self._object(whole, seen | {path}))

    def _directory(self, directory: PurePosixPath, seen: frozenset[PurePosixPath]) -> Iterator[tuple[str, ...]]:
        """What must be on for make to go into ``directory``; nothing that we know of if no Makefile names it."""
        found = list(self._object(directory, seen)) if directory.parts and directory not in seen else []
        yield from found or [()]

    def _entries(self, directory: PurePosixPath) -> tuple[MakefileEntry, ...]:
        if directory not in self._read:
            files = [self._root / directory / name for name in ("Kbuild", "Makefile")]
            text = "\n".join(file.read_text(errors="replace") for file in files if file.is_file())
            self._read[directory] = tuple(parse(text))
        return self._read[directory]


def parse(text: str) -> Iterator[MakefileEntry]:
    """The lists in a Makefile."""
    around: list[str] = []  # of each open block the symbol that it is about, empty if none
    for line in (raw.partition("#")[0] for raw in text.replace("\\\n", " ").splitlines()):
        if match := _BLOCK.match(line):
            _open_or_close(around, match["word"], match["rest"])
        elif match := _LINE.fullmatch(line):
            symbols = [*around, match["symbol"] or ""]
            yield MakefileEntry(match["stem"], tuple(filter(None, symbols)), tuple(match["words"].split()))


def _open_or_close(around: list[str], word: str, rest: str) -> None:
    if word in ("else", "endif"):
        if around:
            around.pop()
        if word == "else":
            around.append("")
        return
    symbol = ""
    if word == "ifdef":
        symbol = rest.strip().removeprefix("CONFIG_") if rest.strip().startswith("CONFIG_") else ""
    elif match := _ON.fullmatch(rest.rstrip()):
        symbol = match["symbol"] if (word == "ifeq") == bool(match["value"]) else ""
    around.append(symbol)
