# SPDX-License-Identifier: GPL-2.0-only
"""Objects of a user's repository in one of ours, as hard links: no time and no disk for millions of them.

``git clone --local`` does the same. Alternates alone would break when the user's git gc drops what we have checked out;
a link keeps it. git never writes to an object that is there, so the two cannot spoil each other.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from harness.paths import write_atomic

_LOOSE = re.compile(r"[0-9a-f]{2}")
_TRIES = 3  # a gc of the user's may take away what was just listed


def borrow(tree: Path, objects: Path, store: Path) -> bool:
    """Let the repository at ``tree`` have all that is in the directory ``objects``, through links in ``store``.

    What ``store`` linked before is let go. False, and nothing changed, if links cannot be made: another file system,
    somebody else's files; or if they would not be all, as in a partial clone.
    """
    part = store.with_name(f"{store.name}.part")
    linked = any(_linked(objects, part) for _ in range(_TRIES))
    if linked:
        shutil.rmtree(store, ignore_errors=True)
        part.rename(store)
        write_atomic(tree / ".git/objects/info/alternates", f"{store}\n")
    shutil.rmtree(part, ignore_errors=True)
    return linked


def _linked(objects: Path, part: Path) -> bool:
    shutil.rmtree(part, ignore_errors=True)
    try:
        # git packs before it prunes: in this order nothing slips through between.
        for path in (*_all_loose(objects), *_all_packed(objects)):
            target = part / path.parent.name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():  # two repositories that lend may have the same one
                os.link(path, target)
    except OSError:
        return False
    return part.is_dir() and not any((part / "pack").glob("*.promisor"))


def _all_loose(objects: Path) -> Iterator[Path]:
    for place in _lenders(objects):
        for folder in place.iterdir():
            if _LOOSE.fullmatch(folder.name):
                yield from (path for path in folder.iterdir() if not path.name.startswith("tmp_"))


def _all_packed(objects: Path) -> Iterator[Path]:
    """The files of each pack; its ``.idx`` last, by which git knows that it is there."""
    for place in _lenders(objects):
        yield from sorted((place / "pack").glob("pack-*"), key=lambda path: path.suffix == ".idx")


def _lenders(objects: Path, depth: int = 5) -> Iterator[Path]:
    """``objects``, and those that it borrows from itself (gitrepository-layout(5), ``objects/info/alternates``).

    ``depth``: as deep as git follows them (its object-file.c, ``link_alt_odb_entries``).
    """
    yield objects
    listed = objects / "info" / "alternates"
    if depth and listed.is_file():
        for line in listed.read_text().splitlines():
            if line and not line.startswith("#"):
                yield from _lenders(objects / line, depth - 1)
