# SPDX-License-Identifier: GPL-2.0-only
"""``patches/faults/faults.toml``: which bugs there are, and which check must find each of them, where and how."""

from __future__ import annotations

import difflib
import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from harness.errors import UserError
from harness.intake import read_patches
from harness.paths import PATCHES
from harness.source import DEFAULT_BASE
from harness.toml_tables import TomlTable, read_toml

DIRECTORY = PATCHES / "faults"
HINT = "see docs/faults.md"
_LIST = "faults.toml"


class Detection(enum.Enum):
    """What gives a bug away."""

    FAIL = "fail"  # the check says so
    SPLAT = "splat"  # the kernel reports it while the check runs
    CRASH = "crash"  # an oops or a panic ends the check
    HANG = "hang"  # the check comes to no end


@dataclass(frozen=True)
class UpstreamFix:
    """Of a bug that was in released kernels, the commit that mended it. ``commit``: "" if no public source gave it.

    ``saw``: what people saw, in one line. ``kind``: "loud" if the kernel reports it once it is reached, or "quiet".
    """

    commit: str
    subject: str
    year: int
    saw: str
    kind: str


@dataclass(frozen=True)
class Fault:
    """One bug. ``patch``: the file, for ``base``; ``bug``: its subject; ``files``: what it touches in the tree.

    ``check`` of ``suite`` must go red, in the way ``how``, in every variant that ``variant`` means to ``--variant``.
    It is "" if no check is known to find it, as for some of those with a ``fix``. ``why``: how the check notices, or
    why none does, in one line.
    """

    name: str
    patch: Path
    bug: str
    files: tuple[str, ...]
    suite: str
    check: str
    variant: str
    how: Detection
    why: str
    base: str = DEFAULT_BASE
    fix: UpstreamFix | None = None


@dataclass(frozen=True)
class _FaultEntry:
    """One ``[[fault]]`` as it is written; what the fields mean is in the head of the list."""

    name: str
    check: str
    why: str
    suite: str = "checks"
    variant: str = "on"
    how: Detection = Detection.FAIL


def load_faults(directory: Path = DIRECTORY) -> dict[str, Fault]:
    """All faults by name, in the order of the list. Raises ``UserError`` for a list or a patch that cannot be used."""
    return by_name(read_toml(directory / _LIST, HINT).entries("fault"), lambda table: _fault(table, directory))


def by_name(tables: Iterator[TomlTable], made: Callable[[TomlTable], Fault]) -> dict[str, Fault]:
    """What is ``made`` of each entry, by name. Raises ``UserError`` for a name that is there twice."""
    faults: dict[str, Fault] = {}
    for table in tables:
        fault = made(table)
        if fault.name in faults:
            raise table.refuse(f"{fault.name} is listed twice", "rename one of them")
        faults[fault.name] = fault
    return faults


def _fault(table: TomlTable, directory: Path) -> Fault:
    entry = table.decode(_FaultEntry)
    patch = directory / f"{entry.name}.patch"
    bug, files = patch_facts(patch)
    return Fault(entry.name, patch, bug, files, entry.suite, entry.check, entry.variant, entry.how, entry.why)


def patch_facts(path: Path) -> tuple[str, tuple[str, ...]]:
    """The subject of a bug's patch, and the files of the tree that it touches. Raises ``UserError``."""
    patches = read_patches([path])
    return patches[0].subject, tuple(dict.fromkeys(name for patch in patches for name in patch.files))


def select_faults(faults: Mapping[str, Fault], names: Sequence[str]) -> tuple[Fault, ...]:
    """The faults called ``names``, or all if there are none; a name may be a pattern ("udmabuf-*").

    Raises ``UserError`` with similar names for one that means nothing.
    """
    for name in names:
        if not any(fnmatchcase(known, name) for known in faults):
            near = difflib.get_close_matches(name, faults, n=3, cutoff=0.4)
            hint = f"did you mean {', '.join(near)}?" if near else "--list shows them all"
            raise UserError("no fault is called that", where=name, hint=hint)
    return tuple(fault for fault in faults.values() if not names or any(fnmatchcase(fault.name, n) for n in names))
