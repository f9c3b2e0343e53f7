# SPDX-License-Identifier: GPL-2.0-only
"""The patches of the series in ``patches/series``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.errors import UserError
from harness.intake.read import read_patches
from harness.intake.series import Series, all_series, bundled_series, read_series
from harness.paths import is_directory
from harness.series import Patch

# What a run without -p tests.
DEFAULT_SERIES = "bufinfo-dynamic"

__all__ = ["DEFAULT_SERIES", "bundled_series", "load_series"]


def load_series(name_or_dir: Path, given: Sequence[Path] = ()) -> tuple[Patch, ...]:
    """The patches of a series by name, or of a directory with a ``series.toml``, in the order that it lists.

    ``given``: where the text of a series is that ships without it; it has to be exactly that series, patch-id by
    patch-id. Raises ``UserError`` for a name that is neither, a description that cannot be used, or another text.
    """
    series = read_series(name_or_dir) if is_directory(name_or_dir) else all_series().get(str(name_or_dir))
    if series is None:
        known = ", ".join(all_series()) or "none"
        raise UserError("no such series", where=str(name_or_dir), hint=f"known are: {known}")
    if series.patches:
        return read_patches([series.directory / name for name in series.patches])
    if not given:
        raise UserError("ships without its text", where=series.name, hint=f"get it: {'; or '.join(series.get)}")
    return _verified(series, read_patches(given))


def _verified(series: Series, patches: tuple[Patch, ...]) -> tuple[Patch, ...]:
    found = tuple(patch.patch_id for patch in patches)
    if found != series.patch_ids:
        what = f"is not {series.name}: its patch-id is {', '.join(found)}, not {', '.join(series.patch_ids)}"
        raise UserError(what, where=patches[0].origin, hint=f"get it: {'; or '.join(series.get)}")
    return patches
