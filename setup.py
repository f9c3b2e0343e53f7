# SPDX-License-Identifier: GPL-2.0-only
"""A wheel holds in ``harness/data`` what a checkout has beside the package; harness/paths.py finds either.

All else that is said of the package is in pyproject.toml.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
DATA = ("kernel-configs", "kselftest-wrappers", "patches", "ci/packages.txt")


class BuildWithData(build_py):
    """Builds the package, and copies ``DATA`` into it unless it is only linked to (``pip install --editable``)."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib, "harness", "data")
            shutil.rmtree(target, ignore_errors=True)  # of an earlier build
            for name in DATA:
                copy(ROOT / name, target / name)


def copy(source: Path, target: Path) -> None:
    """A file, or all of a directory; raises ``OSError`` if it is not there: a wheel without it is not to be."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


setup(cmdclass={"build_py": BuildWithData})
