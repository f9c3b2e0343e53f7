# SPDX-License-Identifier: GPL-2.0-only
"""Looking a package up in a Debian archive, trusting only what its signed InRelease vouches for.

The chain is the one of apt-secure(8): InRelease (OpenPGP signature) names the SHA256 of Packages.xz, which names that
of the package. ``Valid-Until`` is not judged: mirrors frozen at a date, and suites past their support, are useful here.
"""

from __future__ import annotations

import hashlib
import lzma
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import process
from harness.architecture import ARCHITECTURE
from harness.errors import InfrastructureError
from harness.scratch import scratch
from harness.source.download import fetch_bytes
from harness.source.mirrors import stanza_fields

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_DEBIAN = "the Debian archive"
# "Architecture: all" packages are listed in every architecture's index, and each archive has this one.
_INDEX = f"main/binary-{ARCHITECTURE.debian}/Packages.xz"


@dataclass(frozen=True)
class Package:
    """A package in the archive. ``size`` in bytes; ``suite``: the one it was found in."""

    name: str
    version: str
    url: str
    size: int
    sha256: str
    suite: str


def linux_sources(mirror: str, suite: str, keyring: Path = KEYRING) -> list[Package]:
    """Every ``linux-source-X.Y`` of one suite; empty if the mirror does not have the suite.

    Raises ``Unreachable``, and ``InfrastructureError`` if a signature or checksum is not right.
    """
    where = f"{mirror}/dists/{suite}/InRelease"
    signed = fetch_bytes(where)
    if signed is None:
        return []
    release = verified(signed, where, keyring)
    digest = _digest_of(release, _INDEX)
    if digest is None:
        return []
    return _packages(_index(f"{mirror}/dists/{suite}/", release, digest), mirror, suite)


def verified(signed: bytes, where: str, keyring: Path, whose: str = _DEBIAN) -> str:
    """The text inside an OpenPGP clear signature made by a key of ``keyring``, which holds those of ``whose``.

    gpgv's status tells more than its exit code, which is an error as soon as one of several signers is unknown.
    """
    if not keyring.is_file():
        hint = "apt-get install debian-archive-keyring" if whose == _DEBIAN else "name one that gpgv can read"
        raise InfrastructureError("no such keyring", where=str(keyring), hint=hint)
    with scratch("signed") as place:
        message, text = place / "signed", place / "text"
        message.write_bytes(signed)
        done = process.run(["gpgv", "--keyring", keyring, "--status-fd", "1", "--output", text, message])
        words = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("[GNUPG:] ")}
        if not {"GOODSIG", "VALIDSIG"} <= words or "BADSIG" in words or not text.is_file():
            raise InfrastructureError(
                f"is not signed by a key of {whose}",
                where=where,
                hint=f"use another mirror, or a newer {keyring}",
            )
        return text.read_text(errors="replace")


def _digest_of(release: str, path: str) -> str | None:
    """SHA256 that a Release file gives for ``path``."""
    lines = stanza_fields(release).get("sha256", "").splitlines()
    return next((words[0] for line in lines if (words := line.split())[2:] == [path]), None)


def _index(base: str, release: str, digest: str) -> bytes:
    """The compressed index. Its name by hash, where offered, stays right while the mirror is being updated."""
    by_hash = stanza_fields(release).get("acquire-by-hash") == "yes"
    url = base + (f"{_INDEX.rpartition('/')[0]}/by-hash/SHA256/{digest}" if by_hash else _INDEX)
    data = fetch_bytes(url)
    if data is None:
        raise InfrastructureError(
            "is missing, though the suite names it", where=url, hint="try again, or another mirror"
        )
    if hashlib.sha256(data).hexdigest() != digest:
        raise InfrastructureError("has not the checksum that InRelease names", where=url, hint="run again")
    return data


def _packages(index: bytes, mirror: str, suite: str) -> list[Package]:
    found = []
    for stanza in _stanzas(lzma.decompress(index).decode("utf-8", "replace")):
        field = stanza_fields(stanza)
        if re.fullmatch(r"linux-source-\d+\.\d+", field["package"]):
            url = f"{mirror}/{field['filename']}"
            size = int(field["size"])
            found.append(Package(field["package"], field["version"], url, size, field["sha256"], suite))
    return found


def _stanzas(text: str) -> Iterator[str]:
    """Those that may matter, cut out without taking the other 60,000 apart."""
    start = 0 if text.startswith("Package: linux-source-") else text.find("\nPackage: linux-source-")
    while start != -1:
        end = text.find("\n\n", start + 1)
        yield text[start : end if end != -1 else len(text)].strip()
        start = text.find("\nPackage: linux-source-", start + 1)
