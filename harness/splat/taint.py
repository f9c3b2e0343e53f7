# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's taint flags: it remembers that something went wrong even if the report of it was lost.

Bits, letters and meanings: include/linux/panic.h, kernel/panic.c, Documentation/admin-guide/tainted-kernels.rst (7.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from harness.model import Splat
from harness.splat.kinds import KINDS

FLAGS: tuple[tuple[str, str], ...] = (
    ("P", "a proprietary module was loaded"),
    ("F", "a module was loaded by force"),
    ("S", "the CPU is out of specification"),
    ("R", "a module was unloaded by force"),
    ("M", "a machine check was reported"),
    ("B", "memory was found in a bad state"),
    ("U", "a program asked for this taint"),
    ("D", "the kernel died (oops or BUG)"),
    ("A", "an ACPI table was overridden"),
    ("W", "a warning was printed"),
    ("C", "a staging driver was loaded"),
    ("I", "a firmware bug is worked around"),
    ("O", "an out-of-tree module was loaded"),
    ("E", "an unsigned module was loaded"),
    ("L", "a soft lockup occurred"),
    ("K", "the kernel was live patched"),
    ("X", "the distribution's own taint"),
    ("T", "the kernel randomizes structures"),
    ("N", "a test inside the kernel ran"),
    ("J", "a firmware was changed through fwctl"),
)
"""(letter, meaning) by bit number of /proc/sys/kernel/tainted."""

_MEANING = dict(FLAGS)
_BITS = {letter: bit for bit, (letter, _) in enumerate(FLAGS)}

TROUBLE = frozenset("MBDW")
"""Flags that only come with trouble, which the kernel reports. Not L: on 7.3 a sw_sync fence sets it (drivers/dma-buf/
sw_sync.c), and a soft lockup is reported anyway."""

_PRINTED = re.compile(r"\bTainted: ([A-Z ]{1,32})")
_CUT = "[ cut here ]"
# die() adds D, whatever the report is called after: a list corruption can end in a BUG (arch/x86/kernel/dumpstack.c).
_DIED = re.compile(r"^(?:kernel BUG at |[A-Z][^\n]{0,200}: [0-9a-f]{4} \[#\d{1,9}\])", re.MULTILINE)
_EXPLAIN = {letter: frozenset(kind.name for kind in KINDS if letter in kind.taints) for letter in "DBW"}


def letters(number: int) -> str:
    """Letters of a taint number, lowest bit first; a bit that no kernel up to 7.3 knows is "?"."""
    bits = (bit for bit in range(number.bit_length()) if number >> bit & 1)
    return "".join(FLAGS[bit][0] if bit < len(FLAGS) else "?" for bit in bits)


def meanings(number: int) -> tuple[str, ...]:
    """Each flag of a taint number in words: "W: a warning was printed"."""
    bits = (bit for bit in range(number.bit_length()) if number >> bit & 1)
    return tuple(": ".join(FLAGS[bit]) if bit < len(FLAGS) else f"unknown flag {bit}" for bit in bits)


def silent(readings: Mapping[str, int], splats: Iterable[Splat]) -> tuple[Splat, ...]:
    """A splat of the kind "taint" for each flag of trouble that the kernel has and that none of ``splats`` explains.

    ``readings``: the taint number after each thing that ran, in order, by its name. ``splats``: all of the log.
    """
    known = set(explained_by(splats))
    found: list[Splat] = []
    for during, number in readings.items():
        left = (frozenset(letters(number)) & TROUBLE) - known
        found += [_taint(Splat("", "", "", 1, during), letter) for letter in sorted(left, key=_BITS.__getitem__)]
        known |= left
    return tuple(found)


def explained_by(splats: Iterable[Splat]) -> frozenset[str]:
    """Flags of trouble that reports like these leave behind."""
    return frozenset(flag for splat in splats for flag in _left_by(splat))


def _left_by(splat: Splat) -> set[str]:
    if splat.kind == "taint":
        return {splat.fingerprint.removeprefix("taint-")}
    flags = {flag for flag, kinds in _EXPLAIN.items() if splat.kind in kinds}
    return flags | ({"W"} if _CUT in splat.text else set()) | ({"D"} if _DIED.search(splat.text) else set())


def unexplained(splats: Iterable[Splat]) -> tuple[Splat, ...]:
    """A splat of the kind "taint" for each flag of trouble that a report shows and no report before it explains.

    ``splats``: all of a log, in order. It stands where the flag was seen first; the trouble was before that.
    """
    known: set[str] = set()
    found: list[Splat] = []
    for splat in splats:
        seen = {letter for flags in _PRINTED.findall(splat.text) for letter in flags} & TROUBLE
        found += [_taint(splat, letter) for letter in sorted(seen - known - _left_by(splat), key=_BITS.__getitem__)]
        known |= seen | _left_by(splat)
    return tuple(found)


def _taint(seen_in: Splat, letter: str) -> Splat:
    title = f"the kernel is tainted {letter} ({_MEANING[letter]}), and nothing in the log says why"
    return replace(seen_in, kind="taint", title=title, text=title, fingerprint=f"taint-{letter}", former="", count=1)
