# SPDX-License-Identifier: GPL-2.0-only
"""A Debian archive of one package, signed by a throw-away key and served on loopback."""

from __future__ import annotations

import hashlib
import lzma
import re
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MAKEFILE = "# SPDX\nVERSION = 9\nPATCHLEVEL = 8\nSUBLEVEL = 7\nEXTRAVERSION =\n"


def write_kernel(tree: Path) -> None:
    """The few files that make a directory look like a kernel tree; its .gitignore ignores all, as Debian's does."""
    (tree / "drivers/dma-buf").mkdir(parents=True)
    (tree / "Makefile").write_text(MAKEFILE)
    (tree / "Kconfig").write_text("mainmenu\n")
    (tree / ".gitignore").write_text("/*\n")
    (tree / "drivers/dma-buf/dma-buf.c").write_text("int dma_buf;\n")


def make_key(home: Path) -> Path:
    """A key pair in ``home``; returns the keyring that gpgv takes."""
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]
    subprocess.run([*gpg, "--quick-generate-key", "archive@localhost", "ed25519", "sign", "never"], check=True)
    ring = home / "ring.gpg"
    ring.write_bytes(subprocess.run([*gpg, "--export"], check=True, capture_output=True).stdout)
    return ring


def end_agent(home: Path) -> None:
    """gpg leaves one running for each key ring."""
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "gpg-agent"], check=True)


def sign(home: Path, text: str) -> bytes:
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--clear-sign"]
    return subprocess.run(gpg, input=text.encode(), check=True, capture_output=True).stdout


@dataclass
class FakeArchive:
    """Files by URL path. ``asked``: (path, Range header) of each request. ``cut``: path -> bytes to send, once."""

    key: Path
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    cut: dict[str, int] = field(default_factory=dict)
    ranges: bool = True
    url: str = ""

    def add_suite(self, suite: str, packages: list[tuple[str, str, bytes]]) -> None:
        """``packages``: (name, version, content)."""
        stanzas = []
        for name, version, content in packages:
            path = f"pool/{name}_{version}_all.deb"
            self.files["/" + path] = content
            stanzas.append(
                f"Package: {name}\nVersion: {version}\nFilename: {path}\n"
                f"Size: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}\n"
            )
        index = lzma.compress("\n".join(["Package: aaa\nVersion: 1\n", *stanzas]).encode())
        digest = hashlib.sha256(index).hexdigest()
        self.files[f"/dists/{suite}/main/binary-amd64/by-hash/SHA256/{digest}"] = index
        release = (
            f"Suite: {suite}\nAcquire-By-Hash: yes\nSHA256:\n"
            f" {'0' * 64} 12 main/binary-amd64/Packages\n {digest} {len(index)} main/binary-amd64/Packages.xz\n"
        )
        self.files[f"/dists/{suite}/InRelease"] = sign(self.key, release)

    def downloads(self) -> list[tuple[str, str]]:
        return [(path, part) for path, part in self.asked if path.startswith("/pool/")]


def make_deb(scratch: Path, version: str) -> bytes:
    """A package as Debian builds it: one tar file of the source inside."""
    name = f"linux-source-{version}"
    write_kernel(scratch / name)
    root = scratch / "root"
    (root / "usr/src").mkdir(parents=True)
    (root / "DEBIAN").mkdir()
    (root / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@localhost>\nDescription: test\n"
    )
    with tarfile.open(root / f"usr/src/{name}.tar.xz", "w:xz") as tar:
        tar.add(scratch / name, name)
    subprocess.run(["dpkg-deb", "--build", "-Znone", root, scratch / "x.deb"], check=True, capture_output=True)
    return (scratch / "x.deb").read_bytes()


@contextmanager
def served(archive: FakeArchive) -> Iterator[FakeArchive]:
    """Serve ``archive`` until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            archive.asked.append((self.path, asked))
            content = archive.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            match = re.fullmatch(r"bytes=(\d+)-", asked) if archive.ranges else None
            start = int(match[1]) if match else 0
            self.send_response(206 if match else 200)
            if match:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            self.wfile.write(content[start : start + archive.cut.pop(self.path, len(content))])

        def do_HEAD(self) -> None:
            content = archive.files.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    archive.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield archive
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
