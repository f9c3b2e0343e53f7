# SPDX-License-Identifier: GPL-2.0-only
"""``debian:X.Y``: the kernel source of a Debian package, fetched, checked and put under git once."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path

from harness import process
from harness.cache_users import note_use
from harness.errors import HarnessError, InfrastructureError, UserError
from harness.locks import exclusive
from harness.machine_failures import require_space
from harness.paths import cache_dir, cache_root
from harness.series import Tree
from harness.source import worktree
from harness.source.archive import KEYRING, Package, linux_sources
from harness.source.download import Notify, Unreachable, fetch_file
from harness.source.mirrors import Archive, find_archive
from harness.source.spec import BaseSpec
from harness.source.unpack import unpack_linux_source
from harness.version_numbers import numbers

# Small indexes first: the search ends at the first suite that has the version.
SUITES = (
    *("bookworm-security", "trixie-security", "trixie-backports", "bookworm-backports", "bullseye-security"),
    *("bookworm", "trixie", "bullseye"),
)
HOMES = {
    "5.10": ("bullseye-security", "bullseye"),
    "6.1": ("bookworm-security", "bookworm"),
    "6.12": ("bookworm-security", "trixie-security", "trixie"),
    "7.3": ("trixie-backports",),
}
_NEEDED = 3_000_000_000  # package, tar file, unpacked tree and git's copy, at their worst moment


def obtain(spec: BaseSpec, notify: Notify, keyring: Path = KEYRING) -> Tree:
    """The tree of ``spec.version``; from the cache without asking the network if it was had before.

    Raises ``UserError`` if the archive has no such version, ``InfrastructureError`` for network, disk or signature.
    """
    path = cache_root() / "trees" / f"debian-{spec.version}" / "linux"
    note_use(path.parent)
    if (tree := worktree.recorded(spec, path)) is not None:
        return tree
    lock = cache_dir("downloads") / f"debian-{spec.version}.lock"
    with exclusive(lock, lambda other: notify(f"waiting for {other}, which fetches this base")):
        if (tree := worktree.recorded(spec, path)) is not None:
            return tree
        require_space(cache_root(), _NEEDED)
        notify("looking the package up")
        package = find_package(spec, find_archive(), keyring)
        deb = cache_dir("downloads") / package.url.rpartition("/")[2]
        fetch_file(package.url, deb, size=package.size, sha256=package.sha256, notify=notify)
        path.parent.mkdir(parents=True, exist_ok=True)
        unpack_linux_source(deb, path, notify, lambda part: worktree.record(spec, part))
        deb.unlink()
    found = worktree.recorded(spec, path)
    assert found is not None
    return found


def find_package(spec: BaseSpec, archive: Archive, keyring: Path = KEYRING) -> Package:
    """The newest ``linux-source-X.Y`` of the first suite that has one."""
    seen: set[str] = set()
    troubles: list[HarnessError] = []
    for mirror, suite in _places(spec.version, archive):
        if any(isinstance(trouble, Unreachable) and trouble.where.startswith(mirror + "/") for trouble in troubles):
            continue
        try:
            packages = linux_sources(mirror, suite, keyring)
        except InfrastructureError as error:
            troubles.append(error)
            continue
        fitting = [package for package in packages if package.name == f"linux-source-{spec.version}"]
        if fitting:
            return max(fitting, key=functools.cmp_to_key(_compare))
        seen.update(package.name.removeprefix("linux-source-") for package in packages)
    if troubles:
        raise troubles[0]
    raise UserError(
        f"the Debian archive has no linux-source-{spec.version}",
        where=spec.text,
        hint=f"it has {', '.join(sorted(seen, key=numbers)) or 'none at all'}",
    )


def _places(version: str, archive: Archive) -> Iterable[tuple[str, str]]:
    """(mirror, suite) in the order to look in. Security suites live in an archive of their own."""
    for suite in dict.fromkeys((*HOMES.get(version, ()), *SUITES, *archive.suites)):
        security = suite.endswith(("-security", "/updates"))
        for mirror in sorted(archive.mirrors, key=lambda uri: ("security" in uri) != security):
            yield mirror, suite


def _compare(one: Package, other: Package) -> int:
    """Debian's own order of versions (deb-version(7))."""
    newer = process.run(["dpkg", "--compare-versions", one.version, "gt", other.version])
    return 1 if newer.ok else -1
