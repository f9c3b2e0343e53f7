# SPDX-License-Identifier: GPL-2.0-only
"""Reading the machine's apt configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import InfrastructureError
from harness.source.mirrors import SETTING, Archive, find_archive


@pytest.fixture(autouse=True)
def no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SETTING, raising=False)


def write(etc: Path, name: str, text: str) -> None:
    path = etc / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_one_line_sources(tmp_path: Path) -> None:
    write(
        tmp_path,
        "sources.list",
        "# deb http://commented.example/debian bookworm main\n"
        "deb cdrom:[Debian 12]/ bookworm main\n"
        "deb [arch=amd64 signed-by=/x.gpg] http://one.example/debian/ bookworm main contrib # why\n"
        "deb-src http://two.example/debian-security bookworm-security main\n"
        "deb http://other.example/apt cloud-sdk-bookworm main\n"
        "deb http://third.example/linux bookworm stable\n",
    )
    assert find_archive(tmp_path) == Archive(
        ("http://one.example/debian", "http://two.example/debian-security"), ("bookworm", "bookworm-security")
    )


def test_deb822_sources(tmp_path: Path) -> None:
    write(
        tmp_path,
        "sources.list.d/debian.sources",
        "# a comment\nTypes: deb\nURIs: http://one.example/debian\n"
        "Suites: trixie\n trixie-updates\nComponents: main\nSigned-By:\n -----BEGIN\n .\n\n"
        "Types: deb\nURIs: http://off.example/debian\nSuites: sid\nComponents: main\nEnabled: no\n",
    )
    found = find_archive(tmp_path)
    assert found.suites == ("trixie", "trixie-updates")
    assert found.mirrors == ("http://one.example/debian", "http://one.example/debian-security")


def test_list_of_mirrors_in_a_file(tmp_path: Path) -> None:
    """As on Debian's cloud images (apt-transport-mirror(1))."""
    write(tmp_path, "mirrors/debian.list", "https://one.example/debian\tpriority:1\n\n")
    write(tmp_path, "sources.list", f"deb mirror+file:{tmp_path}/mirrors/debian.list bookworm main\n")
    assert find_archive(tmp_path).mirrors[0] == "https://one.example/debian"


def test_setting_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "sources.list", "deb http://one.example/debian bookworm main\n")
    monkeypatch.setenv(SETTING, "http://mine.example/debian http://mine.example/sec/debian-security")
    assert find_archive(tmp_path).mirrors == (
        "http://mine.example/debian",
        "http://mine.example/sec/debian-security",
    )


def test_no_mirror_names_the_setting(tmp_path: Path) -> None:
    write(tmp_path, "sources.list", "deb http://other.example/ubuntu noble main\n")
    with pytest.raises(InfrastructureError, match=SETTING):
        find_archive(tmp_path)
