# SPDX-License-Identifier: GPL-2.0-only
"""Bases from a mirror of kernel.org, which is a small one on loopback."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import HarnessError, InfrastructureError, UserError
from harness.series import Tree
from harness.source import cached_bases, obtain, parse_base, tarball
from harness.source.kernel_org import KEYRING_SETTING, SETTING
from tests.support.fake_archive import MAKEFILE, FakeArchive, end_agent, make_key, served, sign

SUMS = "/v9.x/sha256sums.asc"
TAR = "/v9.x/linux-9.8.7.tar.xz"
FILES = {
    "linux-9.8.7/Makefile": MAKEFILE.encode(),
    "linux-9.8.7/Kconfig": b"mainmenu\n",
    "linux-9.8.7/drivers/dma-buf/dma-buf.c": b"int dma_buf;\n",
}


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("keys") / "home"
    yield make_key(home)
    end_agent(home)


@pytest.fixture
def mirror(key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeArchive]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv(KEYRING_SETTING, raising=False)
    with served(FakeArchive(key.parent)) as fake:
        monkeypatch.setenv(SETTING, fake.url + "/")
        offer(fake, tar_of(FILES))
        yield fake


def tar_of(files: dict[str, bytes], *special: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:xz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for member in special:
            tar.addfile(member)
    return out.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def offer(fake: FakeArchive, tar: bytes, digest: str = "") -> None:
    """Serve ``tar`` with its checksum, or another one."""
    fake.files[TAR] = tar
    lines = f"{'0' * 64}  linux-9.8.6.tar.xz\n{digest or hashlib.sha256(tar).hexdigest()}  linux-9.8.7.tar.xz\n"
    fake.files[SUMS] = sign(fake.key, lines)


def get(spec: str = "kernel.org:9.8.7") -> Tree:
    return obtain(parse_base(spec), lambda _text: None)


def refusal(kind: type[HarnessError], words: str, spec: str = "kernel.org:9.8.7") -> None:
    """It ends with one line that says ``words``, and leaves no tree."""
    with pytest.raises(kind, match=words) as caught:
        get(spec)
    assert "\n" not in str(caught.value)
    assert list(cached_bases()) == []


def test_fetches_checks_and_puts_under_git(mirror: FakeArchive, tmp_path: Path) -> None:
    tree = get()
    assert (tree.spec, tree.version) == ("kernel.org:9.8.7", "9.8.7")
    assert (tree.path / "drivers/dma-buf/dma-buf.c").read_text() == "int dma_buf;\n"
    assert list(cached_bases()) == [tree]
    assert not list((tmp_path / "dmabuf-harness/downloads").glob("*.tar*"))


def test_a_base_had_before_needs_neither_network_nor_setting(
    mirror: FakeArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = get()
    mirror.asked.clear()
    monkeypatch.delenv(SETTING)
    assert get() == first
    assert mirror.asked == []


def test_unchecked_signature_is_said_each_time(mirror: FakeArchive) -> None:
    for tree in (get(), get()):
        [note] = tree.notes
        assert "signature of its checksum was not checked" in note and KEYRING_SETTING in note


def test_signature_is_checked_with_the_keyring_that_is_named(
    mirror: FakeArchive, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEYRING_SETTING, str(key))
    assert get().notes == ()


def test_signature_of_a_stranger(mirror: FakeArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEYRING_SETTING, str(make_key(tmp_path / "stranger")))
    end_agent(tmp_path / "stranger")
    refusal(InfrastructureError, r"sha256sums\.asc: is not signed by a key of .*ring\.gpg")


def test_altered_checksums(mirror: FakeArchive, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEYRING_SETTING, str(key))
    mirror.files[SUMS] = mirror.files[SUMS].replace(b"0000", b"1111")
    refusal(InfrastructureError, "is not signed by a key")


def test_missing_keyring(mirror: FakeArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEYRING_SETTING, "/nowhere.gpg")
    refusal(InfrastructureError, r"/nowhere\.gpg: no such keyring; name one that gpgv can read")


@pytest.mark.parametrize("setting", ["", "mirror.example", "ftp://mirror.example"])
def test_without_an_address_it_says_what_to_set(
    mirror: FakeArchive, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv(SETTING, setting)
    refusal(UserError, f"kernel.org:9.8.7: .*; set {SETTING} to that of a mirror's")


def test_directory_that_is_a_mirror(mirror: FakeArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in mirror.files.items():
        path = tmp_path / f"mirror{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    monkeypatch.setenv(SETTING, f"file://{tmp_path}/mirror")
    assert get().version == "9.8.7"


def test_release_that_does_not_exist(mirror: FakeArchive) -> None:
    refusal(UserError, "kernel.org:9.8.9: there is no such release", "kernel.org:9.8.9")


def test_address_that_is_no_mirror(mirror: FakeArchive) -> None:
    del mirror.files[SUMS]
    refusal(InfrastructureError, rf"sha256sums\.asc: the mirror does not have it; {SETTING} must be")


def test_tar_file_that_the_mirror_lacks(mirror: FakeArchive) -> None:
    del mirror.files[TAR]
    refusal(InfrastructureError, r"linux-9\.8\.7\.tar\.xz: the mirror does not have it")


def test_server_that_does_not_answer(mirror: FakeArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, "http://127.0.0.1:1")
    refusal(InfrastructureError, f"cannot be reached: .*set {SETTING}")


def test_wrong_checksum_is_refused_and_not_kept(mirror: FakeArchive, tmp_path: Path) -> None:
    offer(mirror, tar_of(FILES), "f" * 64)
    refusal(InfrastructureError, "has not the checksum")
    assert not list((tmp_path / "dmabuf-harness/downloads").glob("*.tar*"))


def test_cut_download_is_taken_up_again(mirror: FakeArchive) -> None:
    mirror.cut[TAR] = 100
    assert get().version == "9.8.7"
    assert [part for path, part in mirror.asked if path == TAR] == ["", "bytes=100-"]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (special("../evil", tarfile.REGTYPE), r"'\.\./evil', which is not below linux-9\.8\.7"),
        (special("linux-9.8.7/../../evil", tarfile.REGTYPE), "which is not below"),
        (special("/tmp/evil", tarfile.REGTYPE), "which is not below"),
        (special("other/evil", tarfile.REGTYPE), "which is not below"),
        (special("linux-9.8.7/a", tarfile.SYMTYPE, "../../evil"), "a link that leaves the tree"),
        (special("linux-9.8.7/a/b", tarfile.SYMTYPE, "../../../evil"), "a link that leaves the tree"),
        (special("linux-9.8.7/a", tarfile.SYMTYPE, "/etc/passwd"), "a link that leaves the tree"),
        (special("linux-9.8.7/a", tarfile.LNKTYPE, "/etc/passwd"), "neither file, directory nor symbolic link"),
        (special("linux-9.8.7/a", tarfile.CHRTYPE), "neither file, directory nor symbolic link"),
        (special("linux-9.8.7/a", tarfile.FIFOTYPE), "neither file, directory nor symbolic link"),
        (special("linux-9.8.7/.git/hooks/post-commit", tarfile.REGTYPE), "which git would take for its own"),
    ],
)
def test_entries_that_have_no_place_in_a_kernel(
    mirror: FakeArchive, tmp_path: Path, entry: tarfile.TarInfo, words: str
) -> None:
    offer(mirror, tar_of(FILES, entry))
    refusal(InfrastructureError, f"linux-9.8.7.tar.xz: holds .*{words}")
    assert not (tmp_path / "dmabuf-harness/trees/kernel.org-9.8.7/linux.part").exists()
    assert not list((tmp_path / "dmabuf-harness/downloads").glob("*.tar*"))


def test_links_inside_the_tree_are_kept(mirror: FakeArchive) -> None:
    offer(mirror, tar_of(FILES, special("linux-9.8.7/drivers/link", tarfile.SYMTYPE, "../Kconfig")))
    assert os.readlink(get().path / "drivers/link") == "../Kconfig"  # noqa: PTH115 as the file says it


def test_bombs(mirror: FakeArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarball, "_MOST_BYTES", 1 << 20)
    offer(mirror, tar_of({**FILES, "linux-9.8.7/zeros": bytes(4 << 20)}))
    refusal(InfrastructureError, "unpacks to more than")
    many = {f"linux-9.8.7/{number}": b"" for number in range(1000)}
    monkeypatch.setattr(tarball, "_MOST_BYTES", 1 << 30)
    monkeypatch.setattr(tarball, "_MOST_ENTRIES", 900)
    offer(mirror, tar_of(many))
    refusal(InfrastructureError, "unpacks to more than .* files")


def test_bomb_in_a_header(mirror: FakeArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record of an extended header is read whole, and counts as no file's content."""
    monkeypatch.setattr(tarball, "_MOST_BYTES", 1 << 20)
    big = special("linux-9.8.7/a", tarfile.REGTYPE)
    big.pax_headers = {"comment": "x" * (4 << 20)}
    offer(mirror, tar_of(FILES, big))
    refusal(InfrastructureError, "unpacks to more than")


@pytest.mark.parametrize("tar", [b"\xfd7zXZ\0garbage", tar_of(FILES)[:-40], b"no tar file at all"])
def test_damaged_tar_file_with_the_right_checksum(mirror: FakeArchive, tar: bytes) -> None:
    offer(mirror, tar)
    refusal(InfrastructureError, "is damaged")


@pytest.mark.parametrize("version", ["9", "9.8.7.6", "9.8-rc1", "9.8.0", "2.6.39", "../9.8", "next"])
def test_versions_that_are_none(version: str) -> None:
    with pytest.raises(UserError, match="is no kernel release of the form"):
        parse_base(f"kernel.org:{version}")
