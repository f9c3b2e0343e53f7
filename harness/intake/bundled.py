# SPDX-License-Identifier: GPL-2.0-only
"""Series of patches that ship with the harness: ``patches/series/NAME/`` with a ``series.toml``."""

from __future__ import annotations

import tomllib
from pathlib import Path

from harness.errors import UserError
from harness.intake.read import read_patches
from harness.model import Patch
from harness.paths import PATCHES

# What a run without -p tests.
DEFAULT_SERIES = "bufinfo-dynamic"
_DESCRIPTION = "series.toml"


def bundled_series() -> dict[str, Path]:
    """Name to directory of every series that ships with the harness, sorted by name."""
    found = sorted((PATCHES / "series").glob(f"*/{_DESCRIPTION}"))
    return {path.parent.name: path.parent for path in found}


def load_series(name_or_dir: Path) -> tuple[Patch, ...]:
    """The patches of a bundled series, or of a directory with a ``series.toml``, in the order that it lists.

    Raises ``UserError`` for a name that is neither, or a ``series.toml`` that cannot be used.
    """
    directory = name_or_dir if name_or_dir.is_dir() else bundled_series().get(str(name_or_dir))
    if directory is None:
        known = ", ".join(bundled_series()) or "none"
        raise UserError("no such series", where=str(name_or_dir), mend=f"bundled are: {known}")
    return read_patches([directory / name for name in _listed(directory / _DESCRIPTION)])


def _listed(description: Path) -> list[str]:
    """The ``patches`` of a ``series.toml``: file names beside it."""
    try:
        names = tomllib.loads(description.read_text()).get("patches")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"cannot be read: {error}", where=str(description), mend="see patches/series") from error
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and "/" not in name for name in names):
        raise UserError("'patches' is not a list of file names", where=str(description), mend="see patches/series")
    return names
