# SPDX-License-Identifier: GPL-2.0-only
"""The reach map that comes with the harness for a base: ``kernel-configs/reach/X.Y.json.xz``.

``python -m tests.record_reach`` makes it of what ``dmabuf-harness coverage`` measured.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from harness.gitcmd import check_git
from harness.interfaces import JobLimits
from harness.paths import KERNEL_CONFIGS
from harness.reach import BundledMap, ReachMap, load_bundled
from harness.series import Tree
from harness.suites import check_homes, is_walk

MAPS = KERNEL_CONFIGS / "reach"


def bundled_reach(tree: Tree, limits: JobLimits, maps: Path = MAPS) -> ReachMap | None:
    """What holds for ``tree``, without its patches, and tests with these ``limits``; None if there is no map of that
    version. Raises ``MapError``."""
    path = maps / f"{'.'.join(tree.version.split('.')[:2])}.json.xz"
    if not path.is_file():
        return None
    bundled = load_bundled(path.read_bytes())
    found = bundled.fitting(blobs_of(tree, bundled.blobs), check_homes(), tree.version)
    if limits.seed is not None or limits.walks is not None:  # then other walks are done
        found = replace(found, tests={test: parts for test, parts in found.tests.items() if not is_walk(test)})
    return found if found.files and found.tests else None


def bundle(reach: ReachMap, tree: Tree) -> BundledMap:
    """``reach``, measured on ``tree``, with what it was measured with."""
    return BundledMap(reach, blobs_of(tree, reach.files), dict(check_homes().values()))


def blobs_of(tree: Tree, paths: Collection[str]) -> dict[str, str]:
    """Path -> git's name of what is there in the base, for those that there are."""
    listed = check_git(tree.path, "ls-tree", "-z", tree.commit, "--", *sorted(paths)) if paths else ""
    rows = (row.partition("\t") for row in listed.split("\0") if row)
    return {path: about.split()[2] for about, _, path in rows}
