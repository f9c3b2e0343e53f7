# SPDX-License-Identifier: GPL-2.0-only
"""From "function+0x1a/0x40" to file and line, by the symbols and line numbers in an ELF file (binutils)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from harness import process
from harness.architecture import ARCHITECTURE
from harness.errors import InfrastructureError
from harness.splat.stack import RawFrame

_LIMIT = 60  # seconds; a whole kernel takes 0.2
_CODE = frozenset("tTwW")
_HEX = re.compile(r"[0-9a-f]{1,16}")


class SourceLocation(NamedTuple):
    """A function and where in the source it was. ``path`` as the compiler got it; empty if unknown."""

    function: str
    path: str
    line: int


class Symbol(NamedTuple):
    """A function in an ELF file. ``size``: up to the next symbol, as the kernel counts it (kallsyms)."""

    section: str
    address: int
    size: int


@dataclass(frozen=True)
class Unreadable(Exception):
    """``why`` an ELF file could not be asked, in a few words."""

    why: str


def places(elf: Path, frames: Iterable[RawFrame]) -> dict[RawFrame, tuple[SourceLocation, ...]]:
    """Where each frame was: inlined functions first, then the one that holds them. What is unknown is not in it.

    One ``nm``, and one ``addr2line`` per section of code. Raises ``Unreadable``.
    """
    wanted = frozenset(frames)
    symbols = read_symbols(_ask("nm", "-n", "-f", "sysv", "--defined-only", str(elf)), {f.function for f in wanted})
    found: dict[RawFrame, tuple[SourceLocation, ...]] = {}
    for section, addresses in _by_section(wanted, symbols).items():
        numbers = sorted(set(addresses.values()))
        told = read_places(_ask_lines(elf, section, numbers))
        found.update({frame: told[address] for frame, address in addresses.items() if address in told})
    return found


def read_symbols(text: str, wanted: frozenset[str] | set[str]) -> dict[str, list[Symbol]]:
    """Functions by name, of those ``wanted``, from what ``nm -n -f sysv`` prints. A name may stand for several."""
    found: dict[str, list[Symbol]] = {}
    open_symbols: dict[str, list[tuple[str, int]]] = {}  # by section: those whose end is not known yet
    for name, address, kind, section in _rows(text):
        for waiting, start in open_symbols.get(section, []):
            if address > start:
                found.setdefault(waiting, []).append(Symbol(section, start, address - start))
        kept = [pair for pair in open_symbols.get(section, []) if pair[1] == address]
        if name in wanted and kind in _CODE:
            kept.append((name, address))
        open_symbols[section] = kept
    for section, left in open_symbols.items():
        for name, start in left:
            found.setdefault(name, []).append(Symbol(section, start, 0))
    return found


def _rows(text: str) -> Iterator[tuple[str, int, str, str]]:
    for line in text.split("\n"):
        columns = line.split("|")
        if len(columns) == 7 and _HEX.fullmatch(columns[1].strip()):
            yield columns[0].strip(), int(columns[1], 16), columns[2].strip(), columns[6].strip()


def address_of(frame: RawFrame, symbols: Sequence[Symbol]) -> tuple[str, int] | None:
    """Section and address of the instruction that ``frame`` is at; None if no one function is meant.

    A frame that is not exact shows where a call returns to: the call is before that.
    """
    same = [symbol for symbol in symbols if symbol.size == frame.size]
    meant = same or [symbol for symbol in symbols if len(symbols) == 1 and frame.offset <= (symbol.size or frame.size)]
    if len(meant) != 1:
        return None
    back = 0 if frame.exact or frame.offset == 0 else 1
    return meant[0].section, meant[0].address + frame.offset - back


def _by_section(frames: Iterable[RawFrame], symbols: Mapping[str, Sequence[Symbol]]) -> dict[str, dict[RawFrame, int]]:
    sections: dict[str, dict[RawFrame, int]] = {}
    for frame in frames:
        if (where := address_of(frame, symbols.get(frame.function, ()))) is not None:
            section, address = where
            sections.setdefault(section, {})[frame] = address
    return sections


def _ask_lines(elf: Path, section: str, addresses: Sequence[int]) -> str:
    """In a module, addresses count from the begin of a section."""
    within = ["-j", section] if elf.suffix == ".ko" else []
    return _ask("addr2line", "-e", str(elf), *within, "-a", "-i", "-f", *(f"{address:#x}" for address in addresses))


def read_places(text: str) -> dict[int, tuple[SourceLocation, ...]]:
    """From what ``addr2line -a -i -f`` prints: an address, then a function and its file and line, again for what
    inlines it."""
    found: dict[int, list[SourceLocation]] = {}
    lines = iter(text.split("\n"))
    address = 0
    for line in lines:
        if line.startswith("0x") and "+" not in line:
            address = int(line, 16)
        elif line and (place := _place(line, next(lines, ""))) is not None:
            found.setdefault(address, []).append(place)
    return {address: tuple(chain) for address, chain in found.items()}


def _place(function: str, where: str) -> SourceLocation | None:
    path, _, number = where.partition(" (")[0].rpartition(":")
    return SourceLocation(function, path, int(number)) if path not in ("", "??") and number.isdigit() else None


def _ask(tool: str, *arguments: str) -> str:
    program = ARCHITECTURE.tool(tool)
    if process.which(program) is None:
        raise Unreadable(f"{program} is not installed (binutils)")
    try:
        done = process.run([program, *arguments], timeout=_LIMIT)
    except InfrastructureError as error:
        raise Unreadable(str(error)) from error
    if not done.ok:
        said = (done.stderr.strip() or "no answer in time").splitlines()[-1]
        raise Unreadable(f"{program} fails: {said}")
    return done.stdout
