# SPDX-License-Identifier: GPL-2.0-only
"""The patches of a matrix, taken in once: files of its own, so that each cell, on each machine, tests the same."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from email.header import Header
from email.utils import formataddr, parseaddr
from pathlib import Path

from harness.errors import UserError
from harness.intake import read_patches
from harness.intake.patch_sources import archived_id, fetch_thread
from harness.matrix.cell_order import SERIES
from harness.matrix.matrix_file import MatrixSeries
from harness.paths import exists
from harness.pipeline.patches import take
from harness.series import Patch
from harness.source import is_range


def store_series(name: str, series: MatrixSeries, start: Path, directory: Path, bases: Sequence[str]) -> list[str]:
    """Copy, fetch or make what ``series`` names into ``directory``; returns the paths below its ``SERIES``, in order.

    ``start``: where its paths begin. ``bases``: the first that is a git tree is asked for ranges, else the one that the
    user stands in. Raises ``UserError`` and ``InfrastructureError``.
    """
    place = directory / SERIES / name
    place.mkdir(parents=True)
    for number, text in enumerate(series.patch, 1):
        if exists(start / text):
            _copy((start / text).resolve(), place, number)
        elif is_range(text):
            _write_range(text, place, number, bases)
        elif (wanted := archived_id(text)) is not None:
            _write(fetch_thread(text, wanted), place, number)
        else:
            raise UserError("no such file, and no range A..B", where=f"series.{name}: {text}", hint="correct it")
    return [f"{name}/{path.name}" for path in sorted(place.iterdir())]


def _copy(source: Path, place: Path, number: int) -> None:
    target = place / f"{number:04}-{source.name}"
    try:
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror or error}", where=str(source), hint="name patches") from error


def _write(mails: Sequence[bytes], place: Path, number: int) -> None:
    for at, mail in enumerate(mails, 1):
        (place / f"{number:04}-{at:04}.mbox").write_bytes(mail)


def _write_range(text: str, place: Path, number: int, bases: Sequence[str]) -> None:
    base = next((base for base in bases if base.startswith("git:")), "")
    patches = take(base, [Path(text)], [], worktree=False, ours=[place]).patches
    (folder := place / f"{number:04}-range").mkdir()
    for at, patch in enumerate(patches, 1):
        (folder / f"{at:04}.patch").write_bytes(_mail(patch, at, len(patches)))
    if [patch.diff for patch in read_patches([folder])] != [patch.diff for patch in patches]:
        raise UserError("its commits cannot be kept as mails", where=text, hint="give git format-patch's files")


def _encoded(text: str) -> str:
    return text if text.isascii() else Header(text, "utf-8", maxlinelen=10_000).encode()


def _mail(patch: Patch, number: int, total: int) -> bytes:
    """As git format-patch writes it: what is read from it is ``patch``."""
    name, address = parseaddr(patch.author)
    head = {
        "From": formataddr((name, address)) if address else patch.author,
        "Date": patch.date,
        "Subject": f"[PATCH {number}/{total}] {_encoded(patch.subject)}",
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
    }
    lines = "".join(f"{key}: {value}\n" for key, value in head.items() if value)
    message = f"{lines}\n{patch.message.rstrip()}\n---\n\n"
    return message.encode("utf-8", "surrogateescape") + patch.diff
