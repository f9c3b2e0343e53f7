# SPDX-License-Identifier: GPL-2.0-only
"""Debian bases, from a small signed archive on loopback."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.errors import InfrastructureError, UserError
from harness.paths import PROJECT_ROOT
from harness.series import Tree
from harness.source import debian, download
from harness.source.mirrors import find_archive
from harness.source.spec import parse_base
from tests.support.fake_archive import FakeArchive, end_agent, make_deb, make_key, served

DEB = "/pool/linux-source-9.8_9.8.7-1_all.deb"
INRELEASE = "/dists/trixie-backports/InRelease"


def quiet(_text: str) -> None:
    pass


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    homes = tmp_path_factory.mktemp("keys")
    names = ("archive", "stranger")
    yield {name: make_key(homes / name) for name in names}
    for name in names:
        end_agent(homes / name)


@pytest.fixture(scope="session")
def deb(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_deb(tmp_path_factory.mktemp("deb"), "9.8")


@pytest.fixture
def archive(
    keys: dict[str, Path], deb: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeArchive]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with served(FakeArchive(keys["archive"].parent)) as fake:
        fake.add_suite("trixie-backports", [("linux-source-9.8", "9.8.7-1", deb), ("linux-source-9.7", "9.7-1", b"")])
        monkeypatch.setenv("DMABUF_HARNESS_MIRROR", fake.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield fake


@pytest.fixture
def ring(keys: dict[str, Path]) -> Path:
    return keys["archive"]


def obtain(ring: Path, version: str = "9.8") -> Tree:
    return debian.obtain(parse_base(f"debian:{version}"), quiet, ring)


def git(tree: Tree, *args: str) -> str:
    return subprocess.run(["git", "-C", tree.path, *args], check=True, capture_output=True, text=True).stdout


def test_fetches_checks_and_puts_under_git(archive: FakeArchive, ring: Path) -> None:
    tree = obtain(ring)
    assert (tree.version, tree.spec) == ("9.8.7", "debian:9.8")
    assert git(tree, "rev-parse", "HEAD").strip() == tree.commit
    assert git(tree, "status", "--porcelain", "--ignored") == ""
    # The tree's own .gitignore must not drop what it matches.
    assert git(tree, "ls-files").split() == [".gitignore", "Kconfig", "Makefile", "drivers/dma-buf/dma-buf.c"]
    assert not list((tree.path.parent.parent.parent / "downloads").glob("*.deb*"))


def test_a_base_had_before_needs_no_network(archive: FakeArchive, ring: Path) -> None:
    first = obtain(ring)
    archive.asked.clear()
    assert obtain(ring) == first
    assert archive.asked == []


def test_equal_source_is_an_equal_commit(
    archive: FakeArchive, ring: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = obtain(ring)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    assert obtain(ring).commit == first.commit


def test_takes_the_newest_by_debian_order(archive: FakeArchive, ring: Path, deb: bytes) -> None:
    versions = ["9.8.7-1~bpo1", "9.8.7-1", "9.8.10-1", "9.8.9-1"]
    archive.add_suite("trixie-backports", [("linux-source-9.8", version, deb) for version in versions])
    obtain(ring)
    assert [path for path, _ in archive.downloads()] == ["/pool/linux-source-9.8_9.8.10-1_all.deb"]


def test_signature_by_a_stranger_is_refused(archive: FakeArchive, keys: dict[str, Path]) -> None:
    with pytest.raises(InfrastructureError, match=r"InRelease: is not signed by a key of the Debian archive"):
        obtain(keys["stranger"])
    assert archive.downloads() == []


def test_changed_signed_text_is_refused(archive: FakeArchive, ring: Path) -> None:
    archive.files[INRELEASE] = archive.files[INRELEASE].replace(b"Suite: trixie", b"Suite: sixtri")
    with pytest.raises(InfrastructureError, match="is not signed"):
        obtain(ring)


def test_text_outside_the_signature_is_not_believed(archive: FakeArchive, ring: Path) -> None:
    forged = b"SHA256:\n " + b"f" * 64 + b" 1 main/binary-amd64/Packages.xz\n\n"
    archive.files[INRELEASE] = forged + archive.files[INRELEASE]
    assert obtain(ring).version == "9.8.7"


def test_index_with_wrong_checksum_is_refused(archive: FakeArchive, ring: Path) -> None:
    name = next(path for path in archive.files if "by-hash" in path)
    archive.files[name] += b"x"
    with pytest.raises(InfrastructureError, match="checksum that InRelease names"):
        obtain(ring)


def test_package_with_wrong_checksum_is_refused_and_not_kept(archive: FakeArchive, ring: Path, tmp_path: Path) -> None:
    archive.files[DEB] = archive.files[DEB][:-1] + b"x"
    with pytest.raises(InfrastructureError, match="checksum that the index names"):
        obtain(ring)
    assert not list((tmp_path / "dmabuf-harness/downloads").glob("*.deb*"))


def test_unknown_version_says_what_there_is(archive: FakeArchive, ring: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"debian:9.9: .* no linux-source-9.9; it has 9.7, 9.8"):
        obtain(ring, "9.9")
    assert not (tmp_path / "dmabuf-harness/trees").exists()


def test_no_network_is_said(ring: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("DMABUF_HARNESS_MIRROR", "http://127.0.0.1:1/debian")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(InfrastructureError, match=r"cannot be reached: .*refused.*; check the network") as caught:
        obtain(ring)
    assert caught.value.exit_code == 3


def test_missing_keyring_names_its_package(archive: FakeArchive, tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="install debian-archive-keyring"):
        obtain(tmp_path / "nothing.gpg")


def test_full_disk_is_said_before_anything_is_fetched(
    archive: FakeArchive, ring: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debian, "_NEEDED", 1 << 60)
    with pytest.raises(InfrastructureError, match=r"needed on the disk.*XDG_CACHE_HOME"):
        obtain(ring)
    assert archive.asked == []


def test_two_runs_at_once_fetch_once(archive: FakeArchive, ring: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        trees = list(pool.map(obtain, [ring, ring]))
    assert trees[0] == trees[1]
    assert len(archive.downloads()) == 1


# --- downloads that break off -------------------------------------------------------------------


def fetch(archive: FakeArchive, target: Path) -> None:
    content = archive.files[DEB]
    size, digest = len(content), hashlib.sha256(content).hexdigest()
    download.fetch_file(archive.url + DEB, target, size=size, sha256=digest, notify=quiet, pause=0)


def test_download_goes_on_where_the_server_broke_off(archive: FakeArchive, tmp_path: Path) -> None:
    archive.cut[DEB] = 100
    fetch(archive, tmp_path / "deb")
    assert archive.downloads() == [(DEB, ""), (DEB, "bytes=100-")]
    assert (tmp_path / "deb").read_bytes() == archive.files[DEB]


def test_download_goes_on_where_an_earlier_run_stopped(archive: FakeArchive, tmp_path: Path) -> None:
    (tmp_path / "deb.part").write_bytes(archive.files[DEB][:200])
    fetch(archive, tmp_path / "deb")
    assert archive.downloads() == [(DEB, "bytes=200-")]
    assert (tmp_path / "deb").read_bytes() == archive.files[DEB]


def test_whole_package_of_an_earlier_run_is_used_if_it_is_right(archive: FakeArchive, tmp_path: Path) -> None:
    (tmp_path / "deb").write_bytes(archive.files[DEB])
    fetch(archive, tmp_path / "deb")
    assert archive.downloads() == []
    (tmp_path / "deb").write_bytes(b"cut by a power failure")
    fetch(archive, tmp_path / "deb")
    assert (tmp_path / "deb").read_bytes() == archive.files[DEB]


def test_damaged_part_is_fetched_anew(archive: FakeArchive, tmp_path: Path) -> None:
    (tmp_path / "deb.part").write_bytes(b"?" * 200)
    fetch(archive, tmp_path / "deb")
    assert archive.downloads() == [(DEB, "bytes=200-"), (DEB, "")]
    assert (tmp_path / "deb").read_bytes() == archive.files[DEB]


def test_part_longer_than_the_file_is_fetched_anew(archive: FakeArchive, tmp_path: Path) -> None:
    (tmp_path / "deb.part").write_bytes(b"?" * (len(archive.files[DEB]) + 1))
    fetch(archive, tmp_path / "deb")
    assert (tmp_path / "deb").read_bytes() == archive.files[DEB]


def test_server_without_ranges_starts_again(archive: FakeArchive, tmp_path: Path) -> None:
    archive.ranges = False
    (tmp_path / "deb.part").write_bytes(archive.files[DEB][:200])
    fetch(archive, tmp_path / "deb")
    assert (tmp_path / "deb").read_bytes() == archive.files[DEB]


def test_file_that_always_ends_early_is_given_up(archive: FakeArchive, tmp_path: Path) -> None:
    whole = archive.files[DEB]
    archive.files[DEB] = whole[:300]
    with pytest.raises(InfrastructureError, match="cannot be fetched whole"):
        download.fetch_file(
            archive.url + DEB, tmp_path / "deb", size=len(whole), sha256="0" * 64, notify=quiet, pause=0
        )
    assert not (tmp_path / "deb").exists()


def test_package_gone_from_the_pool_is_said_at_once(archive: FakeArchive, ring: Path) -> None:
    del archive.files[DEB]
    with pytest.raises(InfrastructureError, match="HTTP 404"):
        obtain(ring)
    assert len(archive.downloads()) == 1


# --- killed in the middle -----------------------------------------------------------------------

# kill -9 at the moment that the given sign of life is shown.
_KILLED = """
import os, signal, sys
from pathlib import Path
from harness.source import debian
from harness.source.spec import parse_base
def notify(text):
    if text.startswith(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
debian.obtain(parse_base("debian:9.8"), notify, Path(sys.argv[2]))
"""


@pytest.mark.parametrize("moment", ["looking", "0 MB", "unpacking the package", "unpacking the source", "putting"])
def test_next_run_is_clean_after_a_kill(archive: FakeArchive, ring: Path, tmp_path: Path, moment: str) -> None:
    argv = [sys.executable, "-c", _KILLED, moment, str(ring)]
    killed = subprocess.run(argv, cwd=PROJECT_ROOT, env=dict(os.environ), check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "dmabuf-harness/trees/debian-9.8/linux").exists()
    tree = obtain(ring)
    assert git(tree, "status", "--porcelain", "--ignored") == ""
    assert sorted(path.name for path in tree.path.parent.iterdir()) == ["linux"]


@pytest.mark.network
def test_every_documented_base_is_in_the_real_archive() -> None:
    archive = find_archive()
    for version in ("5.10", "6.1", "6.12", "7.3"):
        package = debian.find_package(parse_base(f"debian:{version}"), archive)
        assert package.size > 100_000_000
        assert package.name == f"linux-source-{version}"
