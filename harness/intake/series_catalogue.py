# SPDX-License-Identifier: GPL-2.0-only
"""What ``patches/series/NAME/series.toml`` says: series that ship with the harness, and those that it only knows."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.paths import PATCHES
from harness.toml_tables import OneLine, read_toml

DESCRIPTION = "series.toml"
# What a run without -p tests.
DEFAULT_SERIES = "bufinfo-dynamic"
_HINT = "see patches/series"
_FOR_PEOPLE = ("message_id", "files", "shows", "reason", "license")


@dataclass(frozen=True)
class KnownSeries:
    """A description. ``patches``: file names beside it, or none if only ``patch_ids`` tell what belongs to it.

    ``commit``, ``released``: upstream, empty if it is not there. ``base``: the version that it is made for;
    ``base_before``: the first that it is not. ``get``: ways to come by its text, one line each.
    """

    name: str
    directory: Path
    title: OneLine = ""
    patches: tuple[str, ...] = ()
    patch_ids: tuple[str, ...] = ()
    author: str = ""
    date: str = ""
    commit: str = ""
    released: str = ""
    base: str = ""
    base_before: str = ""
    get: tuple[str, ...] = ()

    @property
    def known_as(self) -> str:
        """ "dynamic-dma-buf-v15, released in v5.7"."""
        return f"{self.name}, released in {self.released}" if self.released else self.name

    def lines(self) -> list[str]:
        """What a list shows: its name and what it is for; then, if its text is not here, how to come by it."""
        bases = f"{self.base} or newer, before {self.base_before}" if self.base_before else self.base
        about = [f"for {bases}"] if bases else []
        about += [f"released in {self.released} as {self.commit}"] if self.released else []
        first = f"{self.name}: {self.title} ({'; '.join(about)})" if about else f"{self.name}: {self.title}"
        return (
            [first]
            if self.patches
            else [first, "    its text is not here; get it as", *(f"    {way}" for way in self.get)]
        )


def bundled_series() -> dict[str, Path]:
    """Name to directory of every series that ships with its text, sorted by name."""
    return {series.name: series.directory for series in all_series().values() if series.patches}


def all_series() -> Mapping[str, KnownSeries]:
    """Every series in ``patches/series``, sorted by name. Raises ``UserError`` if a description cannot be used."""
    found = sorted((PATCHES / "series").glob(f"*/{DESCRIPTION}"))
    return {path.parent.name: read_series(path.parent) for path in found}


@functools.cache
def known_patches() -> Mapping[str, KnownSeries]:
    """By patch-id, the series that are known by nothing else."""
    return {patch_id: series for series in all_series().values() for patch_id in series.patch_ids}


def read_series(directory: Path) -> KnownSeries:
    """The description in ``directory``. Raises ``UserError`` if it is missing or cannot be used."""
    table = read_toml(directory / DESCRIPTION, _HINT)
    series = table.decode(KnownSeries, ignored=("name", *_FOR_PEOPLE), name=directory.name, directory=directory)
    if not (series.patches or series.patch_ids) or any("/" in name for name in series.patches):
        raise table.refuse("'patches' is not a list of file names")
    return series if series.title else replace(series, title=directory.name)
