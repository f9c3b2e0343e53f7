# SPDX-License-Identifier: GPL-2.0-only
"""What tells one guest from another: its loopback port and its ssh keys, new for every boot."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from harness import process
from harness.model import Kernel


@dataclass(frozen=True)
class Identity:
    """Key files of one boot: the host key proves to us that this guest answers, and not another on the same port."""

    directory: Path

    @property
    def host_key(self) -> Path:
        return self.directory / "host_key"

    @property
    def client_key(self) -> Path:
        return self.directory / "client_key"

    def forget(self) -> None:
        """Remove the keys: they open nothing any more, and a run directory is handed around."""
        for key in (self.host_key, self.client_key):
            key.unlink(missing_ok=True)
            key.with_suffix(".pub").unlink(missing_ok=True)


def create_identity(directory: Path, kernel: Kernel) -> Identity:
    """Write fresh keys, and where the kernel's modules are, for the guest's init (``harness/guest/init``)."""
    identity = Identity(directory)
    for path in (identity.host_key, identity.client_key):
        path.unlink(missing_ok=True)
        keygen: list[str | Path] = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "dmabuf-harness", "-f", path]
        process.check(keygen, what="cannot make an ssh key")
    (directory / "modules").write_text(f"{kernel.modules}\n")
    return identity


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago.

    QEMU binds it later; should somebody be faster, QEMU says so and ends, and the boot is tried with another.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return int(port)
