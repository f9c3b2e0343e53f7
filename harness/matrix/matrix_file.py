# SPDX-License-Identifier: GPL-2.0-only
"""The file of a matrix, and the cells that it stands for: series x bases x variants x suites. docs/many-machines.md."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

from harness.errors import UserError
from harness.toml_tables import TomlTable, keyed, read_toml

ALL = "all"
"""A variant or suites that need no option."""

_HINT = "docs/many-machines.md has the format"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class MatrixSeries:
    """A ``[series.NAME]``: the keys are options of ``run``. Without ``patch`` it is the base as it is."""

    patch: tuple[str, ...] = ()
    pick: str | None = None
    up_to: int | None = field(default=None, metadata=keyed("up-to"))


@dataclass(frozen=True)
class CellNeeds:
    """What a machine must have. ``memory``: MiB. ``kvm``: a ``/dev/kvm`` that it may use."""

    kvm: bool = False
    memory: int = 0
    cores: int = 1


@dataclass(frozen=True)
class MatrixFile:
    """``variants``, ``suites``: each text is what stands behind that option in one cell.

    ``shared``: a directory that all machines have at this path; results then travel by it.
    ``options``: of ``run``, for all cells, as TOML has them.
    """

    bases: tuple[str, ...]
    series: Mapping[str, MatrixSeries]
    variants: tuple[str, ...] = (ALL,)
    suites: tuple[str, ...] = (ALL,)
    needs: CellNeeds = field(default_factory=CellNeeds)
    shared: str | None = None


@dataclass(frozen=True)
class CellPlace:
    """Where a cell is in the matrix. ``name``: of its directory; no other cell has it."""

    name: str
    series: str
    base: str
    variant: str = ALL
    suites: str = ALL


def read_matrix(path: Path) -> tuple[MatrixFile, Mapping[str, object]]:
    """The matrix in ``path``, and its table ``[options]`` as it stands there. Raises ``UserError``."""
    table = read_toml(path, _HINT)
    options = table.content.get("options", {})
    if not isinstance(options, dict):
        raise table.refuse("options is no table", "write it as [options]")
    matrix = replace(table, content=table.content).decode(MatrixFile, ignored=("options",))
    _check(matrix, table)
    return matrix, options


def _check(matrix: MatrixFile, table: TomlTable) -> None:
    for key in ("bases", "series", "variants", "suites"):
        found: Sequence[str] = tuple(getattr(matrix, key))
        if not found:
            raise table.refuse(f"{key} is empty", "name at least one")
        if twice := sorted({one for one in found if found.count(one) > 1}):
            raise table.refuse(f"{key} has {twice[0]!r} twice", "leave one out")
    for name in matrix.series:
        if not _NAME.fullmatch(name):
            raise table.refuse(f"{name!r} cannot be the name of a series", "use letters, digits, '.', '_' and '-'")
    if matrix.shared is not None and not Path(matrix.shared).is_absolute():
        raise table.refuse(f"shared is no absolute path: {matrix.shared}", "name a directory that all machines have")
    if matrix.needs.memory < 0 or matrix.needs.cores < 1:
        raise table.refuse("needs: there is no such machine", "memory is in MiB, and cores at least 1")


def places(matrix: MatrixFile) -> tuple[CellPlace, ...]:
    """All cells, in the order of the file; those of one series lie together."""
    taken: set[str] = set()
    found = []
    for series, base, variant, suites in product(matrix.series, matrix.bases, matrix.variants, matrix.suites):
        name = _unused(_slug((series, _word_of(base), variant, suites)), taken)
        found.append(CellPlace(name, series, base, variant, suites))
    return tuple(found)


def _word_of(base: str) -> str:
    """ "git:linux@v6.12" of "git:/home/me/linux@v6.12"."""
    kind, _, place = base.partition(":")
    return f"{kind}:{place.rpartition('/')[2] or place}"


def _slug(parts: Sequence[str]) -> str:
    """ "v15--debian-6.12--on": paths of bases and lists of suites may hold anything, and be long."""
    words = (re.sub(r"[^A-Za-z0-9._]+", "-", part).strip("-.")[-60:] for part in parts if part != ALL)
    return "--".join(filter(None, words))


def _unused(name: str, taken: set[str]) -> str:
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    taken.add(found)
    return found


def refuse_empty(where: str) -> UserError:
    """The error for a matrix without a file."""
    return UserError("needs a file, or --continue DIR", where=where, hint=_HINT)
