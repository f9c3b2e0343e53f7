# SPDX-License-Identifier: GPL-2.0-only
"""The module ``dmabuf_probe``: the dynamic exporter and importer that no driver in a guest is.

Built against each kernel under test (Documentation/kbuild/modules.rst), from a copy of the sources in the object tree,
since kbuild leaves what it makes beside an external module's sources.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from harness.build.make import Kbuild
from harness.build.messages import parse, relative
from harness.paths import WRAPPERS, write_atomic

_SOURCES = WRAPPERS / "dmabuf-probe"
_STAMP = ".dmabuf-harness-sources"


def sources_digest() -> str:
    """Hash of the module's sources: part of a kernel's identity."""
    digest = hashlib.sha256()
    for path in _files():
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def install(kbuild: Kbuild, destination: Path, *variables: str) -> str:
    """Build the module and install it below ``destination`` (as ``INSTALL_MOD_PATH``), beside the kernel's own modules.

    Returns why there is none, one line, or "". A patch that changes the API can make the module unbuildable: the
    kernel can still be tested otherwise.
    """
    directory = kbuild.objects / "dmabuf-probe"
    _copy(directory)
    done = kbuild.run(f"M={directory}", "modules")
    if done.ok:
        place = [f"M={directory}", f"INSTALL_MOD_PATH={destination}", "INSTALL_MOD_STRIP=1"]
        done = kbuild.run(*place, *variables, "modules_install", writable=[destination])
    if done.ok:
        return ""
    messages = [located.message for located in parse(done.stdout.splitlines(), kbuild.tree, {})]
    error = next((message for message in messages if message.severity == "error"), None)
    where = f"{relative(error.path, kbuild.objects)}:{error.line}: {error.text}" if error else "see build.log"
    return f"the probe module cannot be built against this kernel: {where}"


def _files() -> list[Path]:
    return sorted(path for path in _SOURCES.iterdir() if path.suffix in (".c", ".h", ".sh") or path.name == "Kbuild")


def _copy(directory: Path) -> None:
    """The sources in ``directory``, written again only if they changed: kbuild goes by time."""
    stamp, digest = directory / _STAMP, sources_digest()
    if stamp.is_file() and stamp.read_text() == digest:
        return
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    for path in _files():
        shutil.copyfile(path, directory / path.name)
    write_atomic(stamp, digest)
