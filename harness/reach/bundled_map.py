# SPDX-License-Identifier: GPL-2.0-only
"""A reach map that comes with the harness, and how much of it still holds: for the first answer on a fresh machine.

It knows functions only, of all variants together. It was measured with files and checks that may be others by now: what
is another is left out, so that a patch of such a file concerns all tests, and such a check is always chosen.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.identities import PlannedTest
from harness.reach.reach_json import MapError, dump_reach, load_reach
from harness.reach.reach_map import ProfiledFile, ReachedPart, ReachMap

FORMAT = 1


@dataclass(frozen=True)
class BundledMap:
    """``blobs``: path in the kernel tree -> git's name of the file that was measured. ``homes``: test -> the file of
    its code, for tests of ours -> sha256 of that file; the kernel's own tests have none."""

    reach: ReachMap
    blobs: Mapping[str, str]
    homes: Mapping[str, str]

    def fitting(self, blobs: Mapping[str, str], homes: Mapping[PlannedTest, tuple[str, str]], version: str) -> ReachMap:
        """What of it holds for a tree with these ``blobs`` and this ``version``, and for tests that have these
        ``homes`` (file, sha256)."""
        files = {path: file for path, file in self.reach.files.items() if self.blobs.get(path) == blobs.get(path)}
        same_tree = version == self.reach.version
        tests = {test: parts for test, parts in self.reach.tests.items() if self._holds(homes.get(test), same_tree)}
        return replace(self.reach, files=files, tests=tests)

    def _holds(self, home: tuple[str, str] | None, same_tree: bool) -> bool:
        return same_tree if home is None else self.homes.get(home[0]) == home[1]


def functions_only(reach: ReachMap) -> ReachMap:
    """``reach`` without its lines and branches: a tenth of the size, and what the choice of tests goes by."""
    files = {path: ProfiledFile(functions=file.functions) for path, file in reach.files.items()}
    tests = {
        test: {path: ReachedPart(functions=part.functions) for path, part in parts.items() if part.functions}
        for test, parts in reach.tests.items()
    }
    return replace(reach, files=files, tests=tests)


def dump_bundled(bundled: BundledMap) -> bytes:
    """``bundled`` as compressed JSON: equal maps, equal bytes."""
    table = {
        "format": FORMAT,
        "blobs": dict(sorted(bundled.blobs.items())),
        "homes": dict(sorted(bundled.homes.items())),
        "reach": json.loads(dump_reach(bundled.reach)),
    }
    return lzma.compress(json.dumps(table, separators=(",", ":")).encode())


def load_bundled(data: bytes) -> BundledMap:
    """What ``dump_bundled`` wrote. Raises ``MapError``."""
    try:
        table = json.loads(lzma.decompress(data))
        if table["format"] != FORMAT:
            raise MapError(f"a bundled reach map of format {table['format']!r}, and this is format {FORMAT}")
        return BundledMap(load_reach(json.dumps(table["reach"])), table["blobs"], table["homes"])
    except (lzma.LZMAError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, MapError):
            raise
        raise MapError(f"no bundled reach map: {type(error).__name__}: {error}") from error
