# SPDX-License-Identifier: GPL-2.0-only
"""``kernel.org:X.Y.Z``: a release's tar file from a mirror of that site, checked and put under git once.

The layout is the site's: ``vX.x/linux-X.Y.Z.tar.xz``, and beside it ``sha256sums.asc``, clear-signed. Debian ships no
key for that signature, so it is checked only if the user names a keyring; else that it was not is said.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from harness.cache_users import note_use
from harness.errors import InfrastructureError, UserError
from harness.locks import exclusive
from harness.machine_failures import require_space
from harness.paths import cache_dir, cache_root
from harness.series import Tree
from harness.source import worktree
from harness.source.archive import verified
from harness.source.download import Notify, fetch_bytes, fetch_file, size_of
from harness.source.spec import BaseSpec
from harness.source.tarball import unpack_tarball

SETTING = "DMABUF_HARNESS_KERNEL_ORG"
KEYRING_SETTING = "DMABUF_HARNESS_KERNEL_ORG_KEYRING"
_NEEDED = 3_500_000_000  # tar file, unpacked tree and git's copy
_LARGEST = 1 << 30  # bytes of a tar file: they are of 110 to 160 MB


def obtain(spec: BaseSpec, notify: Notify) -> Tree:
    """The tree of ``spec.version``; from the cache without asking the network if it was had before.

    Raises ``UserError`` if no mirror is set or it has no such release, ``InfrastructureError`` for network, disk,
    checksum, signature and a tar file that is not a kernel.
    """
    path = cache_root() / "trees" / f"kernel.org-{spec.version}" / "linux"
    note_use(path.parent)
    if (tree := worktree.recorded(spec, path)) is not None:
        return tree
    mirror = _mirror(spec)
    lock = cache_dir("downloads") / f"{path.parent.name}.lock"
    with exclusive(lock, lambda other: notify(f"waiting for {other}, which fetches this base")):
        if (tree := worktree.recorded(spec, path)) is None:
            require_space(cache_root(), _NEEDED)
            tree = _fetched(spec, f"{mirror}/v{spec.version.partition('.')[0]}.x", path, notify)
    return tree


def _mirror(spec: BaseSpec) -> str:
    mirror = os.environ.get(SETTING, "").strip().rstrip("/")
    if not re.match(r"(?:https?|file)://\S", mirror):
        what = f"{mirror!r} is no address to fetch from" if mirror else "no address to fetch it from is set"
        hint = f"set {SETTING} to that of a mirror's pub/linux/kernel, the directory which holds v6.x"
        raise UserError(what, where=spec.text, hint=hint)
    return mirror


def _fetched(spec: BaseSpec, folder: str, path: Path, notify: Notify) -> Tree:
    name = f"linux-{spec.version}.tar.xz"
    notify("looking the release up")
    digest, notes = _digest(spec, f"{folder}/sha256sums.asc", name)
    tar, url = cache_dir("downloads") / name, f"{folder}/{name}"
    size = size_of(url, SETTING)
    if size is None or not 0 < size <= _LARGEST:
        what = "the mirror does not have it" if size is None else f"{size} bytes are no kernel"
        raise InfrastructureError(what, where=url, hint=f"set {SETTING} to another mirror")
    fetch_file(url, tar, size=size, sha256=digest, notify=notify, setting=SETTING)
    path.parent.mkdir(parents=True, exist_ok=True)
    unpack_tarball(tar, path, f"linux-{spec.version}", notify, lambda part: worktree.record(spec, part, notes))
    tar.unlink()
    found = worktree.recorded(spec, path)
    assert found is not None
    return found


def _digest(spec: BaseSpec, url: str, name: str) -> tuple[str, tuple[str, ...]]:
    """SHA256 of the file ``name`` as the list at ``url`` says, and what should be known about that list."""
    signed = fetch_bytes(url, SETTING)
    if signed is None:
        hint = f"{SETTING} must be the address of the directory which holds v6.x"
        raise InfrastructureError("the mirror does not have it", where=url, hint=hint)
    keyring = os.environ.get(KEYRING_SETTING, "")
    text = verified(signed, url, Path(keyring), keyring) if keyring else signed.decode("utf-8", "replace")
    found = re.search(rf"(?m)^([0-9a-f]{{64}})  {re.escape(name)}$", text)
    if found is None:
        raise UserError("there is no such release", where=spec.text, hint=f"see {url}")
    told = f"{spec.text}: the signature of its checksum was not checked; {KEYRING_SETTING}=FILE names a keyring for it"
    return found[1], () if keyring else (told,)
