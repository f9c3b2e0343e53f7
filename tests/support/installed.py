# SPDX-License-Identifier: GPL-2.0-only
"""The project as a user has it who installs it: built as a package, in an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from harness.paths import PROJECT_ROOT

_LEFT = ("build", "runs", "dmabuf_harness.egg-info")  # at the top, by builds and runs
_SDIST = "import sys; from setuptools import build_meta; print(build_meta.build_sdist(sys.argv[1]))"


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel in it. ``root``: its directory; ``package``: where ``harness`` is."""

    root: Path

    @property
    def package(self) -> Path:
        (found,) = self.root.glob("lib/python3*/site-packages/harness")
        return found

    def run(
        self, *arguments: str | Path, cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """``dmabuf-harness ARGUMENTS``, from outside the checkout. ``cwd``: default the environment's directory."""
        plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        path = f"{Path(sys.executable).parent}{os.pathsep}{plain.get('PATH', '')}"  # virtme-run is a dependency's
        return subprocess.run(
            [self.root / "bin" / "dmabuf-harness", *arguments],
            cwd=cwd or self.root,
            env={**plain, "PATH": path, **environment},
            capture_output=True,
            text=True,
            check=False,
        )


def install(place: Path) -> Installed:
    """Checkout to source distribution to wheel to an empty environment, all in ``place`` and without the network.

    The environment has what the project depends on from the one that runs this.
    """
    unpacked = unpack(source_distribution(copy_of_checkout(place), place), place / "unpacked")
    wheel = built_wheel(unpacked, place)
    environment = place / "environment"
    python = environment / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (site,) = environment.glob("lib/python3*/site-packages")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "--no-index", "--no-deps", str(wheel)], check=True)
    # Directories that a .pth file names have no .pth files of their own: an editable checkout does not come along.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return Installed(environment)


def copy_of_checkout(place: Path) -> Path:
    """Builds write beside the sources, and take what an earlier one left there."""

    def ignored(directory: str, names: list[str]) -> list[str]:
        left = _LEFT if Path(directory) == PROJECT_ROOT else ("__pycache__",)
        return [name for name in names if name.startswith(".") or name in left]

    return Path(shutil.copytree(PROJECT_ROOT, place / "checkout", ignore=ignored, symlinks=True))


def source_distribution(source: Path, place: Path) -> Path:
    built = subprocess.run(
        [sys.executable, "-c", _SDIST, place], cwd=source, check=True, capture_output=True, text=True
    )
    return place / built.stdout.splitlines()[-1]


def unpack(archive: Path, place: Path) -> Path:
    shutil.unpack_archive(archive, place)
    (top,) = place.iterdir()
    return top


def built_wheel(source: Path, place: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--wheel-dir", place, source], check=True)
    (wheel,) = place.glob("*.whl")
    return wheel
