# SPDX-License-Identifier: GPL-2.0-only
"""Runs that come from another machine: packed there, unpacked here, and believed only if they are what was sent."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from harness.errors import UserError
from harness.matrix.cell_order import CellEnd
from harness.model import RunReport
from harness.report import load
from harness.verdict import exit_code

_MOST = 4 << 30  # bytes of a run: its logs; a machine that sends more is no good
_CHUNK = 1 << 20


class DamagedArrival(Exception):
    """What came is not what was sent, or not the results of such a run. The text says why."""


def tree_digest(directory: Path) -> str:
    """sha256, in hex, of the names and contents of all plain files below ``directory``."""
    whole = hashlib.sha256()
    for path in _files(directory):
        name = os.fsencode(path.relative_to(directory))
        with path.open("rb") as file:
            own = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(b"%d %s %s\n" % (len(name), name, own.encode()))
    return whole.hexdigest()


def _files(directory: Path) -> Iterator[Path]:
    """Plain files alone: a run has no others that tell of it."""
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path


def packed(directory: Path) -> bytes:
    """The plain files of ``directory``, as ``unpack`` takes them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for path in _files(directory):
            archive.add(path, str(path.relative_to(directory)), recursive=False)
    return buffer.getvalue()


def unpack(archive: bytes, target: Path) -> None:
    """Write the files of ``archive`` into the new directory ``target``. Raises ``DamagedArrival`` for what ``packed``
    does not make: links, devices, names that lead elsewhere, more than a run can be."""
    target.mkdir(parents=True)
    room = _MOST
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as members:
            for member in members:
                room -= member.size
                if room < 0:
                    raise DamagedArrival(f"larger than {_MOST >> 30} GiB")
                _write(members, member, target)
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise DamagedArrival(f"cannot be unpacked: {error}") from error


def _write(members: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    name = PurePosixPath(member.name)
    content = members.extractfile(member) if member.isreg() else None
    if content is None or name.is_absolute() or ".." in name.parts or not name.parts:
        raise DamagedArrival(f"{member.name!r} is no file of a run")
    path = target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        shutil.copyfileobj(content, file, _CHUNK)


def take_in(end: CellEnd, target: Path) -> RunReport | None:
    """Put the run of ``end`` into ``target``, and load its results; None if it left none. Raises ``DamagedArrival``.

    What it says must be what was sent (the digest), and its results must be those of a run that ends with that code.
    """
    if end.place and Path(end.place) == target:  # it was done here, in its place
        return _believed(end, target)
    shutil.rmtree(target, ignore_errors=True)
    if not end.digest:
        return None
    part = target.with_name(f".{target.name}.arriving")
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        _bring(end, part)
        if tree_digest(part) != end.digest:
            raise DamagedArrival("what arrived is not what was sent (sha256)")
        report = _believed(end, part)
        part.rename(target)
        return report
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _bring(end: CellEnd, part: Path) -> None:
    if end.archive:
        unpack(end.archive, part)
        return
    try:
        shutil.copytree(end.place, part, symlinks=True)
        shutil.rmtree(end.place, ignore_errors=True)
    except OSError as error:
        raise DamagedArrival(f"{end.place} cannot be read here: {error.strerror or error}") from error


def _believed(end: CellEnd, directory: Path) -> RunReport | None:
    if end.code not in (0, 1):
        return None
    try:
        report = load(directory)
    except UserError as error:
        raise DamagedArrival(error.what) from error
    if exit_code(report) != end.code:
        raise DamagedArrival(f"it ended with {end.code}, and its results say {int(exit_code(report))}")
    return report
