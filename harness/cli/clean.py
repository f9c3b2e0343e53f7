# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness clean``: what the cache holds, who uses it, and less of it on request."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.cache_cleaning import Cleaning, clean, remove_entry, user_of
from harness.cache_inventory import KINDS, CacheEntry, inventory, unknown
from harness.errors import ExitCode
from harness.paths import cache_root
from harness.report.text import one_line

_LARGE = 100_000_000  # bytes from which on an entry has a line of its own
_UNITS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_DAY = 86400.0


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "clean",
        description="Show what is in the cache: how large it is, when it was last used, and who uses it now. With "
        "--keep or --max remove some of it, the least recently used first, but nothing that is in use. What is gone is "
        "fetched, built or tested again when it is needed.",
    )
    parser.set_defaults(handler=run)
    parser.add_argument("--keep", type=_days, metavar="DAYS", help="remove what was not used for so many days")
    parser.add_argument(
        "--max", type=_size, metavar="SIZE", help="remove the least recently used until so much is left: 20G, 500M"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")


def _days(text: str) -> float:
    number = float(text)
    if not 0 <= number < 1e6:
        raise argparse.ArgumentTypeError("must be a number of days")
    return number


def _size(text: str) -> int:
    """Bytes: "20G" is 20,000,000,000."""
    match = re.fullmatch(r"(\d{1,18}(?:\.\d{1,18})?)([kMGT]?)B?", text)
    if match is None:
        raise argparse.ArgumentTypeError("write it as 20G or 500M")
    return int(float(match[1]) * _UNITS[match[2]])


def run(arguments: argparse.Namespace) -> int:
    root = cache_root()
    entries = inventory(root)
    if arguments.keep is None and arguments.max is None:
        sys.stdout.write("".join(f"{line}\n" for line in _shown(root, entries)))
        return ExitCode.OK
    since = time.time() - arguments.keep * _DAY if arguments.keep is not None else None
    done = clean(entries, since, arguments.max, user_of if arguments.dry_run else remove_entry)
    sys.stdout.write("".join(f"{line}\n" for line in _outcome(done, entries, dry=arguments.dry_run)))
    return ExitCode.OK


def _shown(root: Path, entries: Sequence[CacheEntry]) -> Iterator[str]:
    free = shutil.disk_usage(root).free
    yield f"{root}: {_bytes(sum(entry.size for entry in entries))}; {_bytes(free)} are free on that disk"
    yield f"\n{'':44}{'entries':>8}{'size':>10}  last used"
    for kind in KINDS:
        if own := [entry for entry in entries if entry.kind == kind.title]:
            yield from _kind(kind.title, own)
    if others := unknown(root):
        yield f"not of this program, and left alone: {', '.join(map(one_line, others))}"
    yield "\n--keep DAYS removes what was not used for so long, --max SIZE what was not used for longest"


def _kind(title: str, entries: Sequence[CacheEntry]) -> Iterator[str]:
    """A line for all of a kind, and one for each that is large or in use."""
    size, used = sum(entry.size for entry in entries), max(entry.used for entry in entries)
    yield f"{title:44}{len(entries):8}{_bytes(size):>10}  {_date(used)}"
    for entry in entries:
        user = user_of(entry)
        if user or entry.size >= _LARGE:
            users = f"  in use: {user}" if user else ""
            yield f"  {one_line(entry.name):50}{_bytes(entry.size):>10}  {_date(entry.used)}{users}"


def _outcome(done: Cleaning, entries: Sequence[CacheEntry], *, dry: bool) -> Iterator[str]:
    for kind in KINDS:
        own = [entry for entry in done.removed if entry.kind == kind.title]
        named = f" ({', '.join(one_line(entry.name) for entry in own)})" if 0 < len(own) <= 3 else ""
        if own:
            yield f"{'would go' if dry else 'removed'}: {len(own)} {kind.title}{named}, {_bytes(_all(own))}"
    for entry, why in done.spared:
        yield f"kept: {one_line(entry.name)}, {_bytes(entry.size)}: {why}"
    left = _all(entries) - done.freed
    yield f"{_bytes(done.freed)} {'would be ' if dry else ''}freed, {_bytes(left)} left in {cache_root()}"


def _all(entries: Sequence[CacheEntry]) -> int:
    return sum(entry.size for entry in entries)


def _bytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _date(when: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(when))
