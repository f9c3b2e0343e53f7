# SPDX-License-Identifier: GPL-2.0-only
"""Where in the source a report comes from: its stack with files and lines, and the lines that the patch added."""

from __future__ import annotations

import os.path
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from harness.model import Frame, Kernel, Splat
from harness.splat.addresses import SourceLocation, Unreadable, places
from harness.splat.fingerprint import AFTER, fingerprint, fingerprinted, site_of
from harness.splat.kinds import STALLS, UNLABELLED
from harness.splat.stack import RawFrame, main_stack, plain_name, stacks

MAX_FRAMES = 64
"""Functions of a stack that are told."""

_MAX_SOURCE = 160  # characters of a source line
_MAX_FILES = 256

Text = Callable[[str], str | None]
"""Text of a file by its path in the tree, None if there is no such file."""

FrameLocations = Mapping[RawFrame, tuple[SourceLocation, ...]]


@dataclass(frozen=True)
class Decoded:
    """``splats`` with their stacks; ``notes``: what could not be decoded and why, each said once."""

    splats: tuple[Splat, ...]
    notes: tuple[str, ...] = ()


def decode(splats: Sequence[Splat], kernel: Kernel, tree: Path | Text, added: Mapping[str, frozenset[int]]) -> Decoded:
    """Fill in the stack of each splat that ``kernel`` printed.

    ``tree``: the source it was built from, at hand as it was, or a function that reads it. ``added``: lines of the
    patch, as in ``Applied``.
    A report that names a line of the source gets a fingerprint that tells it from those of other checks in the same
    function. What cannot be decoded keeps its function names: nothing is raised.
    """
    told = [_sure(splat) for splat in splats]
    counted = {frame for splat in splats for frame in _counted(splat)}
    found, notes = _look_up(kernel, {frame for stack in told for frame in stack} | counted)
    source = _Source(tree, added)
    decoded = [_explained(splat, stack, found, source) for splat, stack in zip(splats, told, strict=True)]
    names = {before.fingerprint: after for before, after in zip(splats, decoded, strict=True)}
    return Decoded(tuple(_renamed(splat, names) for splat in decoded), tuple(notes))


def _sure(splat: Splat) -> tuple[RawFrame, ...]:
    return tuple(frame for frame in main_stack(splat.kind, splat.text) if frame.sure)[:MAX_FRAMES]


def _counted(splat: Splat) -> tuple[RawFrame, ...]:
    """What else its fingerprints are made of: of a stall the doubtful frames, of a deadlock or a race all stacks."""
    if splat.kind in STALLS | UNLABELLED | {"lockdep"}:
        return tuple(frame for stack in stacks(splat.text) for frame in stack.frames)
    return ()


def _renamed(splat: Splat, names: Mapping[str, Splat]) -> Splat:
    """A panic is named after what it follows."""
    cause = names.get(splat.fingerprint.removeprefix(AFTER)) if splat.fingerprint.startswith(AFTER) else None
    if cause is None:
        return splat
    return replace(splat, fingerprint=AFTER + cause.fingerprint, former=AFTER + (cause.former or cause.fingerprint))


def _look_up(kernel: Kernel, frames: set[RawFrame]) -> tuple[FrameLocations, list[str]]:
    """Ask the kernel's symbols and those of its modules, as far as they are at hand."""
    found: dict[RawFrame, tuple[SourceLocation, ...]] = {}
    notes: list[str] = []
    for module in sorted({frame.module for frame in frames}):
        elf = _module(kernel.modules, module) if module else kernel.symbols
        try:
            if elf is not None:
                found.update(places(elf, (frame for frame in frames if frame.module == module)))
            elif not module:
                notes.append("stacks are not decoded: the kernel was built without line numbers")
        except Unreadable as error:
            notes.append(f"stacks of {module or 'the kernel'} are not decoded: {error.why}")
    return found, notes


def _module(modules: Path, name: str) -> Path | None:
    """The file of a module. Its name has "_" where the file's may have "-"."""
    return next((path for path in modules.rglob("*.ko") if path.stem.replace("-", "_") == name), None)


def _files_in(tree: Path) -> Text:
    def read(path: str) -> str | None:
        try:
            return (tree / path).read_text(errors="replace")
        except OSError:
            return None

    return read


class _Source:
    """The tree: paths in it, its lines, and which of them are new."""

    def __init__(self, tree: Path | Text, added: Mapping[str, frozenset[int]]) -> None:
        self._text: Text = _files_in(tree) if isinstance(tree, Path) else tree
        self._added = added
        self._lines = lru_cache(_MAX_FILES)(self._read)
        self._inside = lru_cache(_MAX_FILES)(self._find)

    def _find(self, path: str) -> str:
        """``path`` relative to the tree, by whatever way the compiler was told; else its last two parts."""
        plain = Path(os.path.normpath(path))
        shorter = ("/".join(plain.parts[start:]) for start in range(plain.is_absolute(), len(plain.parts)))
        found = next((rest for rest in shorter if "/" in rest and self._text(rest) is not None), "")
        return found or path.partition("/./")[2] or "/".join(plain.parts[-2:])

    def _read(self, path: str) -> Sequence[str]:
        return (self._text(path) or "").split("\n")

    def _line(self, path: str, number: int) -> str:
        lines = self._lines(path)
        return lines[number - 1].strip()[:_MAX_SOURCE] if 0 < number <= len(lines) else ""

    def placed(self, frame: Frame, path: str, number: int) -> Frame:
        """``frame`` at a line."""
        inside = self._inside(path)
        new = number in self._added.get(inside, ())
        return replace(frame, path=inside, line=number, source=self._line(inside, number), added=new)

    def frames(self, stack: Iterable[RawFrame], found: FrameLocations) -> Iterator[Frame]:
        """What there is to say of a stack, inlined functions too."""
        for raw in stack:
            chain = found.get(raw, ())
            if not chain:
                yield Frame(plain_name(raw.function), raw.module)
            for place in chain:
                frame = Frame(place.function, raw.module, inlined=place is not chain[-1])
                yield self.placed(frame, place.path, place.line)


def _explained(splat: Splat, stack: Sequence[RawFrame], found: FrameLocations, source: _Source) -> Splat:
    """``splat`` with its stack, and with the line that the kernel itself names as that of the check which failed.

    That goes into the fingerprint by its text: its number shifts with every patch. And into the stack: to the assembler
    the trap is bytes (ASM_UD2, arch/x86/include/asm/bug.h), which the line numbers count to the line before.
    """
    frames = tuple(source.frames(stack, found))
    path, _, number = site_of(splat.text).rpartition(":")
    at = source.placed(frames[0] if frames else Frame(""), path, int(number)) if path else Frame("")
    told = (at, *frames[1:]) if path and stack and stack[0].exact else frames
    return replace(_known_better(splat, at.source, found), stack=told)


def _known_better(splat: Splat, site: str, found: FrameLocations) -> Splat:
    """``splat`` with fingerprints of what is known by now, if they are made of the report's own words and stack."""
    if splat.fingerprint not in ("", fingerprint(splat.kind, splat.title, splat.text)):
        return splat
    return fingerprinted(splat, site, lambda frame: _called(frame, found))


def _called(frame: RawFrame, found: FrameLocations) -> tuple[str, ...]:
    """The functions that ``frame`` stands for. Those of headers are inlined always, so they tell nothing."""
    inlined = found.get(frame, ())[:-1]
    return (*(place.function for place in inlined if not place.path.endswith(".h")), frame.function)
