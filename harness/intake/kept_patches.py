# SPDX-License-Identifier: GPL-2.0-only
"""The patches of a run as it applied them, in its directory: so that its kernels can be made again from that alone.

``patches/NNNN.diff`` in the order in which they are applied, ``patches/below-NNNN.diff`` for what the base needed. Each
is the very diff, without the text of its mail, which is in results.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import UserError
from harness.intake.patch_reader import read_patches
from harness.series import Patch

_PLACE = "patches"
_BELOW = "below-"


def keep_patches(directory: Path, patches: Sequence[Patch], below: Sequence[Patch]) -> None:
    """Write them into the directory of a run."""
    place = directory / _PLACE
    for prefix, series in (("", patches), (_BELOW, below)):
        for number, patch in enumerate(series, 1):
            place.mkdir(exist_ok=True)
            (place / f"{prefix}{number:04}.diff").write_bytes(patch.diff)


def kept_patches(directory: Path, subjects: Sequence[str]) -> tuple[Patch, ...]:
    """The patches that were tested, called as the run called them. Raises ``UserError`` if they are not all there."""
    found = _read(directory, "")
    if len(found) != len(subjects):
        what = f"the run had {len(subjects)} patches and keeps {len(found)}: its kernel cannot be made again"
        raise UserError(what, where=str(directory / _PLACE), hint="an older harness kept none: run it once more")
    return tuple(replace(patch, subject=subject) for patch, subject in zip(found, subjects, strict=True))


def kept_below(directory: Path) -> tuple[Patch, ...]:
    """What the user had put below them."""
    return _read(directory, _BELOW)


def _read(directory: Path, prefix: str) -> tuple[Patch, ...]:
    paths = sorted((directory / _PLACE).glob(f"{prefix}[0-9][0-9][0-9][0-9].diff"))
    return tuple(patch for path in paths for patch in read_patches([path]))
