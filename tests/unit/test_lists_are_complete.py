# SPDX-License-Identifier: GPL-2.0-only
"""What is added in one place is not forgotten in the other that makes it count (CONTRIBUTING.md, "How to add")."""

from __future__ import annotations

import subprocess
import sys

import harness.guest.checks
from harness.intake.fixups import DIRECTORY, load_fixups
from harness.paths import PROJECT_ROOT, WRAPPERS
from harness.suites import suite_folders
from harness.suites.suite_registry import STATIC

_LOADED = "import sys; from harness.guest.checks import all_checks; all_checks(); print(*sys.modules)"


def test_every_file_of_checks_is_loaded() -> None:
    """Checks in a file that nobody imports never run, and no run is red for it."""
    package = harness.guest.checks.__name__
    # in a process of its own: here another test may have imported it
    done = subprocess.run([sys.executable, "-c", _LOADED], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    files = {f"{package}.{path.stem}" for path in (PROJECT_ROOT / "harness/guest/checks").glob("[a-z]*.py")}
    assert len(files) > 20
    assert files - set(done.stdout.split()) == set()


def test_every_fixup_is_listed() -> None:
    listed = {f"{fixup.name}.patch" for fixup in load_fixups()}
    assert listed == {path.name for path in DIRECTORY.glob("*.patch")}


def test_expectations_are_of_suites() -> None:
    """A folder of another name would excuse no test of any suite."""
    folders = {path.parent.name for path in WRAPPERS.glob("*/expectations.toml")}
    assert folders
    assert folders <= {*(folder.name for folder in suite_folders()), STATIC}
