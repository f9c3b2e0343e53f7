# SPDX-License-Identifier: GPL-2.0-only
"""From a linux-source package to a finished directory, which appears at once or not at all."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from harness import process
from harness.errors import InfrastructureError
from harness.machine_failures import disk_trouble, failed
from harness.source.download import Notify


def unpack_linux_source(deb: Path, target: Path, notify: Notify, finish: Callable[[Path], None]) -> None:
    """Unpack the tar file inside ``deb`` to ``target``, which must not exist.

    ``finish`` is called with the unpacked directory before it gets its name: a run that is killed leaves only
    ``target``.part, which the next one throws away.
    """
    package = target.with_name(target.name + ".deb.part")
    _discard(package, notify)
    notify("unpacking the package")
    _run(["dpkg-deb", "-x", deb, package], package)
    with appearing(target, notify, finish) as part:
        notify("unpacking the source")
        _run(["tar", "-xf", _inner_tar(package, deb), "--strip-components=1", "--no-same-owner", "-C", part], part)
        shutil.rmtree(package)


@contextlib.contextmanager
def appearing(target: Path, notify: Notify, finish: Callable[[Path], None]) -> Iterator[Path]:
    """An empty directory to be filled, handed to ``finish`` at the end; then it gets the name ``target``."""
    part = target.with_name(target.name + ".part")
    _discard(part, notify)
    with disk_trouble(part):
        part.mkdir()
    yield part
    notify("putting the source under git")
    finish(part)
    part.rename(target)


def _discard(left: Path, notify: Notify) -> None:
    if left.exists():
        notify("removing what an interrupted run left")
        shutil.rmtree(left)


def _inner_tar(package: Path, deb: Path) -> Path:
    found = list(package.glob("usr/src/linux-source-*.tar.*"))
    if len(found) != 1:
        raise InfrastructureError("holds no single usr/src/linux-source-*.tar.*", where=str(deb))
    return found[0]


def _run(argv: list[str | Path], target: Path) -> None:
    """xz uses every core where the file was written in blocks."""
    done = process.run(argv, env=process.clean_environment({"XZ_DEFAULTS": "-T0"}))
    if not done.ok:
        raise failed(done, str(argv[0]), target)
