# SPDX-License-Identifier: GPL-2.0-only
"""``patches/faults/faults.toml``: which bugs there are, and which check must find each of them, where and how."""

from __future__ import annotations

import difflib
import enum
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.intake import read_patches
from harness.paths import PATCHES

DIRECTORY = PATCHES / "faults"
_LIST = "faults.toml"
_NEEDED = frozenset({"name", "check", "why"})
_DEFAULTS = {"suite": "checks", "variant": "on", "how": "fail"}


class How(enum.Enum):
    """What gives a bug away."""

    FAIL = "fail"  # the check says so
    SPLAT = "splat"  # the kernel reports it while the check runs
    CRASH = "crash"  # an oops or a panic ends the check
    HANG = "hang"  # the check comes to no end


@dataclass(frozen=True)
class Fault:
    """One bug. ``patch``: the file; ``bug``: its subject; ``files``: what it touches in the tree.

    ``check`` of ``suite`` must go red, in the way ``how``, in every variant that ``variant`` means to ``--variant``.
    ``why``: how the check notices, in one line.
    """

    name: str
    patch: Path
    bug: str
    files: tuple[str, ...]
    suite: str
    check: str
    variant: str
    how: How
    why: str


def load_faults(directory: Path = DIRECTORY) -> dict[str, Fault]:
    """All faults by name, in the order of the list. Raises ``UserError`` for a list or a patch that cannot be used."""
    path = directory / _LIST
    try:
        entries = tomllib.loads(path.read_text()).get("fault", [])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"cannot be read: {error}", where=str(path), mend="see docs/faults.md") from error
    faults: dict[str, Fault] = {}
    for number, entry in enumerate(entries, 1):
        fault = _fault(entry, directory, f"{path}, entry {number}")
        if fault.name in faults:
            raise UserError(f"{fault.name} is listed twice", where=str(path), mend="rename one of them")
        faults[fault.name] = fault
    return faults


def _fault(entry: Mapping[str, Any], directory: Path, where: str) -> Fault:
    _check_keys(entry, where)
    words = {**_DEFAULTS, **entry}
    try:
        how = How(words["how"])
    except ValueError as error:
        known = ", ".join(one.value for one in How)
        raise UserError(f"how = {words['how']!r}", where=where, mend=f"it is one of {known}") from error
    path = directory / f"{words['name']}.patch"
    patches = read_patches([path])
    return Fault(
        name=words["name"],
        patch=path,
        bug=patches[0].subject,
        files=tuple(dict.fromkeys(name for patch in patches for name in patch.files)),
        suite=words["suite"],
        check=words["check"],
        variant=words["variant"],
        how=how,
        why=words["why"],
    )


def _check_keys(entry: Mapping[str, Any], where: str) -> None:
    """A key that is missing, misspelled or no text is told: its fault would be judged by something else."""
    for key in sorted(_NEEDED - entry.keys()):
        raise UserError(f"has no {key}", where=where, mend="see docs/faults.md")
    known = sorted(_NEEDED | _DEFAULTS.keys())
    for key, value in entry.items():
        if key not in known:
            raise UserError(f"{key!r} is not known", where=where, mend=f"known: {', '.join(known)}")
        if not isinstance(value, str) or not value:
            raise UserError(f"{key} is not a text", where=where, mend="see docs/faults.md")


def select_faults(faults: Mapping[str, Fault], names: Sequence[str]) -> tuple[Fault, ...]:
    """The faults called ``names``, or all if there are none; a name may be a pattern ("udmabuf-*").

    Raises ``UserError`` with similar names for one that means nothing.
    """
    for name in names:
        if not any(fnmatchcase(known, name) for known in faults):
            near = difflib.get_close_matches(name, faults, n=3, cutoff=0.4)
            mend = f"did you mean {', '.join(near)}?" if near else "dmabuf-harness faults --list shows them all"
            raise UserError("no fault is called that", where=name, mend=mend)
    return tuple(fault for fault in faults.values() if not names or any(fnmatchcase(fault.name, n) for n in names))
