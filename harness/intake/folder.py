# SPDX-License-Identifier: GPL-2.0-only
"""A directory of patches: which of its files count, and in which order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UserError
from harness.intake.diff_paths import leaves_tree
from harness.intake.load import ACCEPTED, load
from harness.paths import is_directory, is_file

_SERIES = "series"
_SHOWN = 5
_AS_QUILT = "name one patch a line, as quilt does"


@dataclass(frozen=True)
class Folder:
    """``files``: in order. ``maildir``: each is a mail. ``settled``: a list gives the order, whatever mails say.

    ``notes``: what is to be said about it.
    """

    files: tuple[Path, ...]
    maildir: bool = False
    settled: bool = False
    notes: tuple[str, ...] = ()


def open_folder(directory: Path) -> Folder:
    """What there is in ``directory``: a maildir, quilt's patches, or ``*.patch`` files. Raises ``UserError``."""
    entries = _entries(directory)
    boxes = [box for box in (directory / "cur", directory / "new") if is_directory(box)]
    if boxes:
        found = Folder(tuple(sorted(file for box in boxes for file in _entries(box) if file.is_file())), maildir=True)
    elif is_file(directory / _SERIES):
        found = _quilt(directory, entries)
    else:
        patches = [file for file in entries if file.name.endswith(".patch")]
        mails = [file for file in entries if file.name.endswith(".eml")]
        found = Folder(tuple(sorted(patches or mails, key=_natural)))
    if not found.files:
        raise UserError("directory without *.patch files", where=str(directory), hint=ACCEPTED)
    return found


def _entries(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=str(directory), hint=ACCEPTED) from error


def _natural(file: Path) -> tuple[list[str | int], str]:
    """9-x.patch comes before 10-x.patch; texts and numbers alternate."""
    parts = re.split(r"([0-9]+)", file.stem)
    return [int(part) if at % 2 else part for at, part in enumerate(parts)], file.name


def _quilt(directory: Path, entries: Sequence[Path]) -> Folder:
    files = tuple(_listed(directory))
    left = [file.name for file in entries if file.name.endswith(".patch") and file not in files]
    more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
    notes = [f"in the order of the file {_SERIES} in {directory}"]
    notes += [f"left out, not in the file {_SERIES}: {', '.join(left[:_SHOWN])}{more}"] if left else []
    return Folder(files, settled=True, notes=tuple(notes))


def _listed(directory: Path) -> Iterator[Path]:
    """The files that quilt's list names, with "#" for comments, and -p1 as the only option."""
    lines = load(directory / _SERIES).decode("utf-8", "surrogateescape").splitlines()
    for number, line in enumerate(lines, 1):
        name, *options = re.sub(r"(?:^|\s)#.*", "", line).split() or [""]
        where = f"{directory / _SERIES}, line {number}"
        if options and options != ["-p1"]:
            what = f"{name} is applied with {' '.join(options)}; only -p1 can be"
            raise UserError(what, where=where, hint="make that patch again, as git does")
        if name and (leaves_tree(name) or not is_file(directory / name)):
            raise UserError(f"{name!a} is no file in this directory", where=where, hint=_AS_QUILT)
        if name:
            yield directory / name
