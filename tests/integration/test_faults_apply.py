# SPDX-License-Identifier: GPL-2.0-only
"""Each bug, planted or put back, applies to its base at the very lines that its patch names: by the sources.

The sources are read from the trees in the cache, from their commit, and never fetched.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.faults import Fault, load_faults, load_shipped
from harness.paths import cache_root

BUGS = {**load_faults(), **load_shipped()}


def base_source(base: str) -> Path:
    """The tree of a Debian base in the cache; skips the test if a run has not brought it there yet."""
    tree = cache_root() / "trees" / base.replace(":", "-") / "linux"
    if not (tree / ".git").is_dir():
        pytest.skip(f"the source of {base} is not in the cache; a run on that base brings it")
    return tree


def checked_out(bug: Fault, directory: Path) -> Path:
    """The files that the bug touches, as they are in its base."""
    for name in bug.files:
        show = ["git", "-C", str(base_source(bug.base)), "show", f"HEAD:{name}"]
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(subprocess.run(show, capture_output=True, check=True).stdout)
    return directory


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_it_applies_where_it_says(bug: Fault, tmp_path: Path) -> None:
    tree = checked_out(bug, tmp_path)
    subprocess.run(["git", "init", "--quiet"], cwd=tree, check=True)
    command = ["git", "apply", "--verbose", str(bug.patch)]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "offset" not in done.stderr and "fuzz" not in done.stderr
    changed = {name: (tree / name).read_bytes() for name in bug.files}
    before = {name: path.read_bytes() for name in bug.files for path in [checked_out(bug, tree) / name]}
    assert all(changed[name] != before[name] for name in bug.files)
