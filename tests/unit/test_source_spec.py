# SPDX-License-Identifier: GPL-2.0-only
"""Names of bases, and what is said about those that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UserError
from harness.source import DEFAULT_BASE, parse_base
from harness.source.worktree import kernel_version
from tests.support.fake_archive import write_kernel


def test_default_is_a_debian_base() -> None:
    spec = parse_base(DEFAULT_BASE)
    assert (spec.kind, spec.version, spec.text) == ("debian", "6.12", "debian:6.12")


def test_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_kernel(tmp_path / "linux")
    monkeypatch.chdir(tmp_path)
    spec = parse_base("dir:linux")
    assert (spec.kind, spec.path) == ("dir", tmp_path / "linux")


@pytest.mark.parametrize(
    ("name", "path", "ref"),
    [("linux@v6.1", "linux", "v6.1"), ("linux", "linux", "HEAD"), ("a@b", "a@b", "HEAD"), ("a@b@c", "a@b", "c")],
)
def test_git(tmp_path: Path, name: str, path: str, ref: str) -> None:
    (tmp_path / "linux").mkdir()
    (tmp_path / "a@b").mkdir()
    spec = parse_base(f"git:{tmp_path}/{name}")
    assert (spec.kind, spec.path, spec.ref) == ("git", tmp_path / path, ref)


@pytest.mark.parametrize(
    "text",
    [
        *("", "debian", "debian:", "6.12", "svn:6.12", "debian:6", "debian:6.12.3", "debian:../..", "debian:6.x"),
        *("dir:/no/such/place", "git:/no/such/place@v1", "git:/tmp@", "dir:/tmp\0"),
    ],
)
def test_impossible_names_say_what_is_possible(text: str) -> None:
    with pytest.raises(UserError, match=r"give debian:X\.Y .*, kernel\.org:X\.Y\.Z, dir:PATH or git:PATH") as caught:
        parse_base(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("lacking", ["Makefile", "Kconfig"])
def test_directory_that_is_no_kernel(tmp_path: Path, lacking: str) -> None:
    write_kernel(tmp_path / "linux")
    (tmp_path / "linux" / lacking).unlink()
    with pytest.raises(UserError, match=f"not a kernel tree: it has no {lacking}"):
        parse_base(f"dir:{tmp_path}/linux")


@pytest.mark.parametrize(
    ("makefile", "version"),
    [
        ("VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 117\nEXTRAVERSION =\nNAME = Baby\n", "6.12.117"),
        ("VERSION = 7\nPATCHLEVEL = 0\nSUBLEVEL = 0\nEXTRAVERSION = -rc3\nNAME = x\n", "7.0.0-rc3"),
    ],
)
def test_kernel_version(makefile: str, version: str) -> None:
    assert kernel_version(makefile) == version
