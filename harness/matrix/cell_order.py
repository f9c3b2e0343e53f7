# SPDX-License-Identifier: GPL-2.0-only
"""What a machine is given to do for one cell, and what it says at the end: plain data, which travels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import UserError
from harness.matrix.matrix_file import CellNeeds, CellPlace
from harness.paths import write_atomic
from harness.report.store import VERSION, checked, document, encode

ORDERS = "orders.json"
SERIES = "series"
"""Directory of a matrix with the patches of its series, as they were taken in: NAME/NUMBER-FILE."""

_MOST = 256 << 20  # bytes of the patches of a series, to be sent


@dataclass(frozen=True)
class CellOrder:
    """``words``: options of ``run`` that make the cell, without its patches. ``patches``: paths below ``SERIES``, in
    the order in which ``-p`` names them; none: the base as it is."""

    place: CellPlace
    words: tuple[str, ...]
    patches: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.place.name

    def command(self, series: Path) -> list[str]:
        """The words of ``run``; ``series``: where what ``SERIES`` has is on this machine."""
        named = [f"--patch={series / patch}" for patch in self.patches] or ["--no-patch"]
        return ["run", *named, *self.words]


@dataclass(frozen=True)
class OrderBook:
    """All of ``orders.json``: what is needed to go on. ``command``: what the user typed at first."""

    command: tuple[str, ...]
    started: str
    orders: tuple[CellOrder, ...]
    needs: CellNeeds = field(default_factory=CellNeeds)
    shared: str = ""


@dataclass(frozen=True)
class _Stored:
    version: int
    book: OrderBook


def save_orders(book: OrderBook, directory: Path) -> None:
    """Write ``orders.json``."""
    write_atomic(directory / ORDERS, json.dumps(encode(_Stored(VERSION, book)), indent=1) + "\n")


def load_orders(directory: Path) -> OrderBook:
    """What ``save_orders`` wrote. Raises ``UserError``."""
    path = directory / ORDERS
    if not path.is_file():
        hint = "name the directory that dmabuf-harness matrix said"
        raise UserError(f"not the directory of a matrix: no {ORDERS} in it", where=str(directory), hint=hint)
    return checked(_Stored, document(path), path).book


@dataclass(frozen=True)
class CellWork:
    """An order with all that another machine needs for it. ``files``: the patches, by their paths below ``SERIES``.

    ``shared``: directory into which the run goes; empty: it comes back as bytes.
    """

    order: CellOrder
    files: Mapping[str, bytes] = field(default_factory=dict)
    shared: str = ""


@dataclass(frozen=True)
class CellEnd:
    """What a machine says of a run that ended. ``code``: its exit code. ``said``: its last line.

    ``digest``: of its directory (``arrival.tree_digest``), empty if it left none. ``archive``: that directory, packed;
    or ``place``: where it is.
    """

    code: int
    said: str
    seconds: float
    digest: str = ""
    archive: bytes = b""
    place: str = ""


def work_of(order: CellOrder, directory: Path, shared: str) -> CellWork:
    """``order`` with its patches, which are in the ``directory`` of the matrix. Raises ``UserError``."""
    files: dict[str, bytes] = {}
    for patch in order.patches:
        top = directory / SERIES / patch
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file():
                files[str(path.relative_to(directory / SERIES))] = path.read_bytes()
    if sum(map(len, files.values())) > _MOST:
        raise UserError(f"its patches are larger than {_MOST >> 20} MiB", where=order.place.series, hint="name files")
    return CellWork(order, files, shared)
